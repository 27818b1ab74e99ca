// Says whether two trees are equal, without any code of tsync: names, types, modes, owners, sizes, times to the nanosecond and
// link targets by GNU find, content by diff. Called by measure.ts after every run of a tool.

const LATIN1 = new TextDecoder("latin1");

/** One line per entry, in order of the lines. Bytes of names stand as latin1. A folder's size is the file system's own business. */
export async function manifest(root: string): Promise<string[]> {
  const rest = "%y %m %U %G %T@ %P -> %l\\0";
  const { success, stdout, stderr } = await new Deno.Command("find", {
    args: [root, "-type", "d", "-printf", rest, "-o", "-printf", `%s ${rest}`],
    env: { LC_ALL: "C" },
  }).output();
  if (!success) throw new Error(`find ${root}: ${new TextDecoder().decode(stderr)}`);
  const lines = LATIN1.decode(stdout).split("\0");
  lines.pop();
  return lines.sort();
}

/** Throws when the lists differ, and shows where. */
export function mustEqual(source: string[], target: string[], what: string): void {
  const wanted = new Set(source), found = new Set(target);
  const missing = source.filter((line) => !found.has(line)), extra = target.filter((line) => !wanted.has(line));
  if (missing.length + extra.length === 0 && source.length === target.length) return;
  const show = (sign: string, lines: string[]) => lines.slice(0, 5).map((line) => `\n  ${sign} ${line}`).join("");
  throw new Error(
    `${what}: ${missing.length} missing, ${extra.length} too many${show("-", missing)}${show("+", extra)}`,
  );
}

/** Content of all files, by diff. */
export async function mustHaveEqualContent(source: string, target: string, what: string): Promise<void> {
  const { success, stdout } = await new Deno.Command("diff", {
    args: ["--brief", "--recursive", "--no-dereference", source, target],
  }).output();
  if (!success) throw new Error(`${what}: ${new TextDecoder().decode(stdout).slice(0, 1000)}`);
}

// Says whether two trees are equal, without any code of tsync: names, types, modes, owners, sizes, times to the nanosecond and
// link targets by GNU find, content by diff or by samples. Called after every run of a tool.

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

/** How many pieces of content a sample looks at. */
const SAMPLES = 200;
const PIECE_BYTES = 64 << 10;

/** Content of some files of a tree, or of some pieces of one file. `lines`: the source's manifest. */
export function mustHaveEqualSamples(
  source: string,
  target: string,
  lines: string[],
  random: () => number,
  what: string,
): void {
  if (Deno.statSync(source).isFile) {
    const { size } = Deno.statSync(source);
    // Evenly over the file, so that data and holes are both met; the rest anywhere.
    for (let i = 0; i < SAMPLES; i++) {
      const offset = Math.floor(size * (i < SAMPLES / 2 ? i / (SAMPLES / 2) : random()));
      mustEqualPieces(source, target, offset, what);
    }
    return;
  }
  const files = lines.filter((line) => /^\d+ f /.test(line));
  for (let i = 0; i < Math.min(SAMPLES, files.length); i++) {
    const line = files[Math.floor(random() * files.length)];
    const name = line.split(" ").slice(6).join(" ").replace(/ -> $/, "");
    mustEqualPieces(`${source}/${name}`, `${target}/${name}`, 0, what);
  }
}

function mustEqualPieces(source: string, target: string, offset: number, what: string): void {
  const a = readPiece(source, offset), b = readPiece(target, offset);
  if (a.length !== b.length || a.some((byte, i) => byte !== b[i])) {
    throw new Error(`${what}: the content of ${target} differs at ${offset}`);
  }
}

function readPiece(path: string, offset: number): Uint8Array {
  using file = Deno.openSync(path);
  file.seekSync(offset, Deno.SeekMode.Start);
  const piece = new Uint8Array(PIECE_BYTES);
  let length = 0;
  for (let got; length < PIECE_BYTES && (got = file.readSync(piece.subarray(length))) !== null;) length += got;
  return piece.subarray(0, length);
}

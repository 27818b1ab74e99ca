// kernels.ts [--check]: compiles lib/hash/kernels/assembly and lib/os/kernels/assembly to the committed modules beside them
// (NAME_wasm.ts), by the AssemblyScript compiler of the version below, which only this script needs. Each module states the SHA-256 of
// the source it was made from; --check, and tests/unit/kernels_test.ts without the compiler, hold it against the source. The same
// source and compiler make the same bytes.

const COMPILER = "npm:assemblyscript@0.28.20/asc";
const FLAGS = ["-O3", "--converge", "--enable", "simd", "--noAssert", "--runtime", "stub"];
/** The modules of each folder. */
const MODULES = [
  { folder: new URL("../lib/hash/kernels/", import.meta.url), names: ["hash", "delta"] },
  { folder: new URL("../lib/os/kernels/", import.meta.url), names: ["folder"] },
];

/** The SHA-256, in hex, of what decides on the modules of a folder: compiler, flags, and each source file with its name. */
async function sourceSha256(folder: URL): Promise<string> {
  const names = [...Deno.readDirSync(new URL("assembly/", folder))].map((entry) => entry.name).sort();
  let text = [COMPILER, ...FLAGS].join(" ");
  for (const name of names) text += `\n${name}\n${await Deno.readTextFile(new URL(`assembly/${name}`, folder))}`;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

/** The modules that were made from another source than the one beside them. */
export async function outdatedModules(): Promise<string[]> {
  const outdated: string[] = [];
  for (const { folder, names } of MODULES) {
    const sha256 = await sourceSha256(folder);
    for (const name of names) {
      const file = new URL(`${name}_wasm.ts`, folder);
      if (!(await Deno.readTextFile(file)).includes(`"${sha256}"`)) outdated.push(file.pathname);
    }
  }
  return outdated;
}

async function compile(name: string, home: URL): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await Deno.makeTempDir();
  const source = new URL(`assembly/${name}.ts`, home);
  try {
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-config", "--no-lock", "--allow-all", COMPILER, name + ".ts"]
        .concat(FLAGS, "--outFile", `${folder}/module`),
      cwd: new URL(".", source),
    }).output();
    const said = new TextDecoder().decode(output.stdout) + new TextDecoder().decode(output.stderr);
    if (!output.success || said !== "") throw new Error(`${name}: ${said}`);
    return await Deno.readFile(`${folder}/module`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function moduleText(name: string, sha256: string, bytes: Uint8Array): string {
  return `// Made by \`deno task kernels\` from assembly/; not edited by hand. The WebAssembly module of assembly/${name}.ts, ${bytes.length} bytes.

/** The SHA-256 of the source and of the compiler's options. */
export const SOURCE_SHA256 = "${sha256}";

// deno-fmt-ignore
export const WASM_BASE64 =
  "${bytes.toBase64()}";
`;
}

if (import.meta.main && Deno.args.includes("--check")) {
  const outdated = await outdatedModules();
  for (const file of outdated) console.error(`${file} was made from another source: run deno task kernels`);
  if (outdated.length > 0) Deno.exitCode = 1;
} else if (import.meta.main) {
  for (const { folder, names } of MODULES) {
    const sha256 = await sourceSha256(folder);
    for (const name of names) {
      const bytes = await compile(name, folder);
      await Deno.writeTextFile(new URL(`${name}_wasm.ts`, folder), moduleText(name, sha256, bytes));
      console.log(`${name}_wasm.ts: ${bytes.length} bytes`);
    }
  }
}

// kernels.ts [--check]: compiles lib/hash/kernels/assembly to the two committed modules lib/hash/kernels/{hash,delta}_wasm.ts, by
// the AssemblyScript compiler of the version below, which only this script needs. Each module states the SHA-256 of the source it
// was made from; --check, and tests/unit/xxh3_test.ts without the compiler, hold it against the source. The same source and compiler
// make the same bytes.

const COMPILER = "npm:assemblyscript@0.28.20/asc";
const FLAGS = ["-O3", "--converge", "--enable", "simd", "--noAssert", "--runtime", "stub"];
const FOLDER = new URL("../lib/hash/kernels/", import.meta.url);
const MODULES = ["hash", "delta"];

/** The SHA-256, in hex, of what decides on the modules: compiler, flags, and each source file with its name. */
export async function sourceSha256(): Promise<string> {
  const names = [...Deno.readDirSync(new URL("assembly/", FOLDER))].map((entry) => entry.name).sort();
  let text = [COMPILER, ...FLAGS].join(" ");
  for (const name of names) text += `\n${name}\n${await Deno.readTextFile(new URL(`assembly/${name}`, FOLDER))}`;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

async function compile(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await Deno.makeTempDir();
  const source = new URL(`assembly/${name}.ts`, FOLDER);
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

if (import.meta.main) {
  const sha256 = await sourceSha256();
  for (const name of MODULES) {
    const file = new URL(`${name}_wasm.ts`, FOLDER);
    if (Deno.args.includes("--check")) {
      if (!(await Deno.readTextFile(file)).includes(`"${sha256}"`)) {
        console.error(`${name}_wasm.ts was made from another source: run deno task kernels`);
        Deno.exitCode = 1;
      }
      continue;
    }
    const bytes = await compile(name);
    await Deno.writeTextFile(file, moduleText(name, sha256, bytes));
    console.log(`${name}_wasm.ts: ${bytes.length} bytes`);
  }
}

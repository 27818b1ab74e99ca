// What scripts/build.sh promises: the client carries its agent, two builds of one tree are the same programs, and a compiled program
// trusts no file that another user can plant in a shared temp folder. Runs on the programs in dist/.

import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url).pathname;
const SHARED_TEMP = ["/tmp", "/var/tmp", "/dev/shm"];

interface Manifest {
  payload: { bytes: number; sha256: string };
  agents: { machine: string; baseBytes: number; baseSha256: string; bytes: number; sha256: string }[];
}

/** A folder for one test below build/, so that nothing that a test opens by itself lies in a shared temp folder. */
async function workFolder(): Promise<{ path: string } & AsyncDisposable> {
  await Deno.mkdir(`${ROOT}build`, { recursive: true });
  const path = await Deno.makeTempDir({ dir: `${ROOT}build`, prefix: "test-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function run(command: string, args: string[], options: Deno.CommandOptions = {}) {
  const child = new Deno.Command(command, { args, stdin: "null", ...options });
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Where the ELF file ends, by its own header: the section headers are its last part. */
function elfEnd(program: Uint8Array): number {
  const view = new DataView(program.buffer, program.byteOffset, 64);
  assert.equal(view.getUint32(0), 0x7f454c46, "an ELF file");
  return Number(view.getBigUint64(0x28, true)) + view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
}

Deno.test("build: the client's base and the payload it carries are dist/tsync-remote, byte for byte", async () => {
  const manifest: Manifest = JSON.parse(await Deno.readTextFile(`${ROOT}build/agent/manifest.json`));
  const payload = await Deno.readFile(`${ROOT}build/agent/payload.bin`);
  const [client, agent] = await Promise.all(
    ["tsync", "tsync-remote"].map((name) => Deno.readFile(`${ROOT}dist/${name}`)),
  );
  const entry = manifest.agents.find(({ machine }) => machine === Deno.build.arch);
  assert(entry !== undefined, "the manifest knows this machine type");

  assert.equal(elfEnd(client), entry.baseBytes);
  const base = client.subarray(0, entry.baseBytes);
  assert.equal(await sha256(base), entry.baseSha256);
  assert.deepEqual(manifest.payload, { bytes: payload.length, sha256: await sha256(payload) });
  const composed = new Uint8Array(base.length + payload.length);
  composed.set(base);
  composed.set(payload, base.length);
  assert.equal(composed.length, entry.bytes);
  assert.equal(await sha256(composed), entry.sha256);
  assert.equal(await sha256(agent), entry.sha256);
  assert.deepEqual(manifest.agents.map(({ machine }) => machine), ["x86_64", "aarch64"]);
});

Deno.test("build: the same tree in another folder makes the same programs, and a second run there does nothing", async () => {
  await using folder = await workFolder();
  const parts = ["main.ts", "remote", "lib", "scripts", "deno.json", "deno.lock"].map((part) => ROOT + part);
  assert.equal((await run("cp", ["-R", ...parts, folder.path])).code, 0);
  const first = await run("sh", ["scripts/build.sh"], { cwd: folder.path });
  assert.equal(first.code, 0, first.stderr);
  for (const name of ["tsync", "tsync-remote"]) {
    const same = await run("cmp", [`${folder.path}/dist/${name}`, `${ROOT}dist/${name}`]);
    assert.equal(same.code, 0, `${name}: ${same.stdout}`);
  }
  const second = await run("sh", ["scripts/build.sh"], { cwd: folder.path });
  assert.deepEqual([second.code, second.stderr], [0, "setup: nothing to do\nbuild: dist/tsync is up to date\n"]);
});

/** Plants the file that Deno would use as a code cache, in a folder, unless somebody already has. */
async function plant(folder: string, name: string): Promise<AsyncDisposable> {
  const path = `${folder}/deno-compile-${name}.cache`;
  const mine = await Deno.open(path, { write: true, createNew: true }).then((file) => file.close()).then(
    () => true,
    () => false,
  );
  return { [Symbol.asyncDispose]: async () => mine ? await Deno.remove(path) : undefined };
}

/** The lines of a run under strace that name a file in one of `folders`. Paths of this source tree are not meant. */
async function tracedIn(folders: string[], work: string, env: Record<string, string>, command: string[]) {
  const log = `${work}/trace`;
  const { code, stderr } = await run("strace", ["-f", "-s", "4096", "-e", "trace=%file", "-o", log, ...command], {
    env: { ...env, HOME: work },
    clearEnv: true,
    cwd: work,
  });
  const lines = (await Deno.readTextFile(log)).split("\n");
  assert(
    lines.some((line) => line.includes(`"${command[0]}", O_RDONLY`)),
    "the trace shows the program reading itself",
  );
  const inside = (path: string) =>
    !path.startsWith(ROOT) && folders.some((folder) => path === folder || path.startsWith(`${folder}/`));
  const found = lines.filter((line) => line.matchAll(/"([^"]*)"/g).some(([, path]) => inside(path)));
  return { code, stderr, found };
}

Deno.test("build: no compiled program opens a file in a shared temp folder, planted ones included", async () => {
  await using folder = await workFolder();
  await using privateTemp = await workFolder();
  await Deno.mkdir(`${folder.path}/source/sub`, { recursive: true });
  await Deno.writeTextFile(`${folder.path}/source/sub/file`, "content");
  const [client, agent] = [`${ROOT}dist/tsync`, `${ROOT}dist/tsync-remote`];
  const commands = [
    { command: [client, "--version"], succeeds: true },
    { command: [client, "-a", `${folder.path}/source/`, `${folder.path}/target/`], succeeds: true },
    { command: [agent], succeeds: false },
  ];
  for (const { command, succeeds } of commands) {
    const name = command[0].replace(/^.*\//, "");
    await using _planted = await plant("/tmp", name);
    await using _plantedToo = await plant(privateTemp.path, name);
    const environments: Record<string, string>[] = [{}, { TMPDIR: privateTemp.path }, { TMPDIR: "/var/tmp" }];
    for (const env of environments) {
      const { code, stderr, found } = await tracedIn(SHARED_TEMP, folder.path, env, command);
      assert.deepEqual(found, [], command.join(" "));
      if (succeeds) assert.equal(code, 0, stderr);
      const log = await Deno.readTextFile(`${folder.path}/trace`);
      assert(!log.includes(privateTemp.path), "the folder that TMPDIR names is left alone too");
      assert(!log.includes("deno-compile"), "no file of Deno's own");
    }
  }
  assert.equal(await Deno.readTextFile(`${folder.path}/target/sub/file`), "content");
});

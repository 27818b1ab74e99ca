// The small files of lib/os: child processes and streams, accounts, whole files, clock, randomness, the choice of Os.

import assert from "node:assert/strict";
import { FileAccounts, openAccounts } from "../../lib/os/accounts.ts";
import { spawn, SpawnError } from "../../lib/os/child.ts";
import { openOs } from "../../lib/os/choose.ts";
import { after, every, monotonicMs, wallSeconds } from "../../lib/os/clock.ts";
import { denoErrno, textOfName } from "../../lib/os/deno_errno.ts";
import { readWholeFile } from "../../lib/os/files.ts";
import { Errno } from "../../lib/os/os.ts";
import { effectiveUid, env, executableImage, hostMachine, rawArgs } from "../../lib/os/process.ts";
import { randomBytes } from "../../lib/os/random.ts";
import type { ByteSource } from "../../lib/os/streams.ts";
import { columns } from "../../lib/os/terminal.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function readAll(source: ByteSource, step = 1000): Promise<Uint8Array> {
  const parts: number[] = [];
  const into = new Uint8Array(step);
  for (;;) {
    const count = await source.read(into);
    if (count === null) return Uint8Array.from(parts);
    assert.ok(count > 0 && count <= step);
    parts.push(...into.subarray(0, count));
  }
}

Deno.test("spawn passes arguments as they are, environment on top of ours, and reports the exit code", async () => {
  const script = `printf '%s|' "$@"; printf '%s' "$TSYNC_PROBE"; cat >&2; exit 7`;
  const child = spawn(["sh", "-c", script, "sh", "a b", "$(id)", "*", ""], {
    env: { TSYNC_PROBE: "é" },
    stderr: "piped",
  });
  await child.stdin.write(utf8("to stderr"));
  child.stdin.close();
  const [out, err] = await Promise.all([readAll(child.stdout), readAll(child.stderr!)]);
  assert.deepEqual([text(out), text(err)], ["a b|$(id)|*||é", "to stderr"]);
  assert.deepEqual(await child.ended, { code: 7, signal: null });
});

Deno.test("spawn moves megabytes both ways in pieces of any size", async () => {
  const child = spawn(["cat"]);
  const bytes = new Uint8Array(3 << 20).map((_, i) => (i * 7 + (i >> 10)) & 0xff);
  const writing = (async () => {
    for (let at = 0; at < bytes.length; at += 100_001) await child.stdin.write(bytes.subarray(at, at + 100_001));
    child.stdin.close();
    child.stdin.close();
  })();
  assert.deepEqual(await readAll(child.stdout, 7777), bytes);
  await writing;
  await child.ended;
});

Deno.test("spawn's stdin rejects the write that meets a closed pipe", async () => {
  const child = spawn(["true"]);
  await child.ended;
  await assert.rejects(child.stdin.write(new Uint8Array(1 << 20)), Deno.errors.BrokenPipe);
  child.stdin.close();
  assert.equal(await child.stdout.read(new Uint8Array(1)), null);
});

Deno.test("spawn reports a missing program apart from one that may not run", async () => {
  const reason = (program: string) => {
    try {
      spawn([program]);
    } catch (error) {
      assert.ok(error instanceof SpawnError);
      return error.reason;
    }
  };
  assert.deepEqual([reason("/nonexistent/program"), reason("/etc/passwd")], ["missing", "refused"]);
  const child = spawn(["sleep", "1000"], { stderr: "null" });
  child.kill("SIGKILL");
  assert.deepEqual(await child.ended, { code: 137, signal: "SIGKILL" });
  child.kill();
  child.stdin.close();
  assert.equal(await child.stdout.read(new Uint8Array(1)), null);
});

/** Runs `script` (with `imports` of lib/os/streams.ts) in a Deno of its own. */
function runStreams(script: string, stdio: { stdin: "piped" | "null"; stdout: "piped" }): Deno.ChildProcess {
  const module = new URL("../../lib/os/streams.ts", import.meta.url).href;
  const code = `import * as s from "${module}"; ${script}`;
  const args = ["eval", "--ext=ts", code];
  return new Deno.Command(Deno.execPath(), { args, ...stdio, stderr: "piped" }).spawn();
}

Deno.test("stdinSource and standardSink carry a stream through our own process", async () => {
  const child = runStreams(
    `const from = s.stdinSource(), to = s.standardSink(1), into = new Uint8Array(1000);
     for (let n; (n = await from.read(into)) !== null;) await to.write(into.subarray(0, n));
     to.close(); to.close();`,
    { stdin: "piped", stdout: "piped" },
  );
  const writer = child.stdin.getWriter();
  const bytes = new Uint8Array(300_000).map((_, i) => i * 31);
  const [{ stdout, stderr, code }] = await Promise.all([
    child.output(),
    writer.write(bytes).then(() => writer.close()),
  ]);
  assert.equal(code, 0, text(stderr));
  assert.deepEqual(stdout, bytes);
});

Deno.test("writeStandardSync and standardSink wait for a full non-blocking pipe, and see a closed one", async () => {
  // The outer shell's pipe is made non-blocking by a program that shares it, as ssh does.
  const nonblock = `import os,fcntl; fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_NONBLOCK)`;
  const module = new URL("../../lib/os/streams.ts", import.meta.url).href;
  const script = `import * as s from "${module}"; s.writeStandardSync(1, new Uint8Array(1 << 20).fill(97));
    await s.standardSink(1).write(new Uint8Array(1 << 20).fill(98));`;
  const shell = `(python3 -c '${nonblock}'; exec "$0" eval --ext=ts '${script}') | (sleep 0.3; wc -c)`;
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", shell, Deno.execPath()],
    stderr: "piped",
  }).output();
  assert.equal(text(stdout).trim(), String(2 << 20), text(stderr));
  const closed =
    `try { s.writeStandardSync(1, new Uint8Array(1 << 20)); } catch (e) { Deno.exit(e.name === "BrokenPipe" ? 9 : 8); }`;
  const child = runStreams(closed, { stdin: "null", stdout: "piped" });
  await child.stdout.cancel();
  await child.stderr.cancel();
  assert.equal((await child.status).code, 9);
});

Deno.test("openAccounts agrees with getent and with /etc/passwd read as text", () => {
  const read = (path: string) => Deno.readFileSync(path);
  const files = new FileAccounts(read("/etc/passwd"), read("/etc/group"));
  for (const accounts of [openAccounts(), files]) {
    assert.deepEqual([accounts.uidOf(utf8("root")), accounts.gidOf(utf8("root"))], [0, 0]);
    assert.deepEqual([text(accounts.nameOfUid(0)!), text(accounts.nameOfGid(0)!)], ["root", "root"]);
    assert.deepEqual([accounts.uidOf(utf8("no such user")), accounts.nameOfUid(3_999_999_999)], [null, null]);
    for (const bad of ["", "a:b", "root\0", "a\nb", "r".repeat(300)]) assert.equal(accounts.uidOf(utf8(bad)), null);
    assert.ok(accounts.ownGroups().includes(Deno.gid()!));
  }
  const accounts = openAccounts();
  for (const line of text(read("/etc/group")).split("\n").filter((line) => line !== "")) {
    const [name, , gid] = line.split(":");
    assert.equal(accounts.gidOf(utf8(name)), Number(gid));
    assert.equal(text(accounts.nameOfGid(Number(gid))!), name);
  }
});

Deno.test("FileAccounts passes over lines that are no accounts and keeps raw names", () => {
  const raw = new Uint8Array([0xff, 0xfe]);
  const passwd = new Uint8Array([
    ...utf8("# note\n:x:1:\nbad\nshort:x\nneg:x:-1:\nbig:x:99999999999:\nok:x:7:7::/:\n"),
    ...raw,
    ...utf8(":x:9:9"),
  ]);
  const accounts = new FileAccounts(passwd, utf8("g:x:5:a,b\n"));
  assert.deepEqual(["note", "bad", "short", "neg", "big", "ok"].map((name) => accounts.uidOf(utf8(name))), [
    null,
    null,
    null,
    null,
    null,
    7,
  ]);
  assert.equal(accounts.uidOf(raw), 9);
  assert.deepEqual(accounts.nameOfUid(9), raw);
  assert.equal(accounts.gidOf(utf8("g")), 5);
});

Deno.test("readWholeFile reads raw paths, FIFOs and links, and holds no more than its limit", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "os-files-" });
  const path = (name: string) => utf8(`${folder}/${name}`);
  try {
    Deno.writeTextFileSync(`${folder}/file`, "x".repeat(100_000));
    Deno.symlinkSync("file", `${folder}/link`);
    assert.equal((readWholeFile(path("link"), 100_000) as Uint8Array).length, 100_000);
    assert.equal(readWholeFile(path("file"), 99_999), -Errno.EFBIG);
    assert.equal(readWholeFile(path("absent"), 10), -Errno.ENOENT);
    assert.equal(readWholeFile(utf8(folder), 10), -Errno.EISDIR);
    assert.equal(readWholeFile(new Uint8Array(0), 10), -Errno.ENOENT);
    assert.equal(readWholeFile(path("a\0b"), 10), -Errno.EINVAL);
    const make = `printf raw > "$(printf '${folder}/\\377')"; mkfifo '${folder}/fifo'`;
    await new Deno.Command("sh", { args: ["-c", make] }).output();
    const raw = new Uint8Array([...path(""), 0xff]);
    assert.equal(text(readWholeFile(raw, 10) as Uint8Array), "raw");
    const writer = new Deno.Command("sh", { args: ["-c", `echo piped > '${folder}/fifo'`] }).spawn();
    assert.equal(text(readWholeFile(path("fifo"), 10) as Uint8Array), "piped\n");
    await writer.status;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("after and every fire until they are cancelled", async () => {
  const seen: string[] = [];
  const start = monotonicMs();
  after(1, () => seen.push("never"))();
  await new Promise<void>((resolve) => {
    const stop = every(5, () => {
      seen.push("tick");
      if (seen.length < 3) return;
      stop();
      after(12, resolve);
    });
  });
  assert.deepEqual(seen, ["tick", "tick", "tick"]);
  assert.ok(monotonicMs() - start >= 25);
  assert.ok(Math.abs(wallSeconds() - Date.now() / 1000) < 5);
});

Deno.test("randomBytes fills every length and never the same way", () => {
  for (const count of [0, 1, 16, 65_536, 200_000]) assert.equal(randomBytes(count).length, count);
  assert.notDeepEqual(randomBytes(16), randomBytes(16));
  assert.ok(randomBytes(200_000).subarray(131_072).some((byte) => byte !== 0), "beyond the first 64 KiB too");
});

Deno.test("openOs takes FFI here, and Deno's own calls when TSYNC_OS says so", () => {
  assert.equal(openOs().abilities.name, "linux-ffi");
  Deno.env.set("TSYNC_OS", "portable");
  try {
    assert.equal(openOs().abilities.name, "portable");
  } finally {
    Deno.env.delete("TSYNC_OS");
  }
});

Deno.test("denoErrno turns what the system reported into errno and throws what it did not", () => {
  const errnoOf = (act: () => void) => {
    try {
      act();
    } catch (error) {
      return denoErrno(error);
    }
  };
  assert.equal(errnoOf(() => Deno.readFileSync("/nonexistent")), -Errno.ENOENT);
  assert.equal(errnoOf(() => Deno.readFileSync("/")), -Errno.EISDIR);
  assert.equal(errnoOf(() => Deno.mkdirSync("/")), -Errno.EEXIST);
  assert.equal(errnoOf(() => Deno.readDirSync("/etc/passwd")), -Errno.ENOTDIR);
  assert.throws(() => denoErrno(new RangeError("ours")), RangeError);
  assert.throws(() => denoErrno("text"));
  assert.deepEqual([textOfName(utf8("\ufeffé")), textOfName(new Uint8Array([0xff]))], ["\ufeffé", null]);
});

Deno.test("process tells who, where and with what we run", () => {
  assert.equal(effectiveUid(), Deno.uid());
  assert.ok(["x86_64", "aarch64"].includes(hostMachine()));
  assert.ok(columns() > 0);
  assert.equal(env("TSYNC_SURELY_NOT_SET"), undefined);
  assert.deepEqual(rawArgs().map(text), Deno.args);
  using image = Deno.openSync(text(executableImage()));
  const magic = new Uint8Array(4);
  image.readSync(magic);
  assert.deepEqual([...magic], [0x7f, 0x45, 0x4c, 0x46]);
});

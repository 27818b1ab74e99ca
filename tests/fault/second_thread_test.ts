// The second thread of a local first run (lib/engine/new_files.ts): with it at work, kill -9, errors, a full disk, signals and few
// descriptors leave what they leave without it: whole files or none, every problem told once, nothing left behind.

import assert from "node:assert/strict";
import { withDisk } from "../support/loop_disk.ts";
import { same } from "../support/manifest.ts";
import { allGone, marked } from "../support/processes.ts";
import { AS_ROOT, withPlace } from "../support/run.ts";
import { sampled, together } from "./sample.ts";
import { sync, wayWords } from "./ways.ts";
import { assertOldOrNew, look, temporaries, type Workload } from "./workload.ts";

const FOLDERS = 80;
const FILES = 60;

/** Enough small files that the second thread is started, in folders and folders in them, and a larger one here and there. */
async function plant(place: string): Promise<Workload> {
  const source = `${place}/source`;
  for (let i = 0; i < FOLDERS; i++) {
    const folder = `${source}/${i % 4 === 3 ? `folder-${i - 1}/below` : `folder-${i}`}`;
    await Deno.mkdir(folder, { recursive: true });
    for (let j = 0; j < FILES; j++) {
      const path = `${folder}/file-${j}`;
      await Deno.writeTextFile(path, `${i} ${j} `.repeat(j === 7 ? 30_000 : j));
      if (j === 9) await Deno.chmod(path, 0o4751);
      if (j === 11 && AS_ROOT) await Deno.chown(path, 1234, 4321);
      if (j === 13) await Deno.utime(path, 1, 2);
    }
    await Deno.symlink("file-1", `${folder}/link`);
  }
  const target = `${place}/target`;
  await Deno.mkdir(target);
  return { place, source, target, old: new Map(), fresh: look(source) };
}

/** strace on all threads: slow writes, so that the second thread gets its share, and a log of who made files. */
function slowed(log: string, ...more: string[]): string[] {
  const slow = ["-e", "inject=pwrite64:delay_enter=300"];
  return ["strace", "-D", "-f", "-o", log, "-e", "trace=pwrite64", ...slow, ...more];
}

/** Threads that wrote at least ten files. */
async function writers(log: string): Promise<number> {
  const counts = new Map<string, number>();
  for (const [, tid] of (await Deno.readTextFile(log)).matchAll(/^(\d+) +pwrite64\(/gm)) {
    counts.set(tid, (counts.get(tid) ?? 0) + 1);
  }
  return [...counts.values()].filter((count) => count >= 10).length;
}

async function again(work: Workload, what: string): Promise<void> {
  const ran = await sync(work, "local");
  assert.equal(`${ran.code} ${ran.err}`, "0 ", what);
  assert.deepEqual(temporaries(look(work.target)), [], what);
  await same(work.source, work.target);
}

Deno.test("a local first run of many files is done by two threads, and is right", async () => {
  await withPlace(async (place) => {
    const work = await plant(place);
    const log = `${place}/log`;
    const ran = await sync(work, "local", { options: ["-a", "--stats"], fronts: { client: slowed(log) } });
    assert.equal(`${ran.code} ${ran.err}`, "0 ");
    await same(work.source, work.target);
    assert.match(
      ran.out,
      new RegExp(`Number of regular files transferred: ${(FOLDERS * FILES).toLocaleString("en")}\n`),
    );
    assert.equal(await writers(log), 2);
  });
});

Deno.test("what -i prints of a run with two threads is in order, once for each entry", async () => {
  await withPlace(async (place) => {
    const work = await plant(place);
    const ran = await sync(work, "local", { options: ["-ai"] });
    const plain = await sync({ ...work, target: `${place}/second` }, "local", {
      options: ["-ai"],
      env: { TSYNC_OS: "portable" },
    });
    const lines = (text: string) => text.split("\n").filter((line) => /^>f/.test(line));
    assert.equal(lines(ran.out).length, FOLDERS * FILES);
    assert.deepEqual(lines(ran.out), lines(plain.out));
  });
});

/** Runs until both threads have written files and `ms` more, then signals; null if the run was faster than that. */
async function struck(
  work: Workload,
  signal: Deno.Signal,
  ms: number,
): Promise<{ code: number; tookMs: number } | null> {
  const log = `${work.place}/log`;
  const [program, ...args] = await wayWords(work, "local", { options: ["-a"], fronts: { client: slowed(log) } });
  const child = new Deno.Command(program, { args, env: marked(work.place), stdin: "null", stderr: "null" }).spawn();
  let isOver = false;
  const ended = child.status.then((status) => {
    isOver = true;
    return status;
  });
  while (!isOver && await writers(log).catch(() => 0) < 2) await new Promise((resume) => setTimeout(resume, 10));
  await new Promise((resume) => setTimeout(resume, ms));
  const start = performance.now();
  if (isOver) return null;
  // With -D the child is the program, and strace its descendant.
  child.kill(signal);
  const { code } = await ended;
  return { code, tookMs: performance.now() - start };
}

for (const signal of ["SIGKILL", "SIGINT"] as const) {
  const left = signal === "SIGKILL"
    ? "leaves whole files or none"
    : "ends with 20 within 2 s and leaves nothing half-done";
  Deno.test(`${signal} while two threads fill folders ${left}, and the next run finishes`, async () => {
    const moments = Array.from({ length: 24 }, (_, i) => i * 7);
    let met = 0;
    await together(sampled(moments, 6, 51), 2, async (ms) => {
      await withPlace(async (place) => {
        const work = await plant(place);
        const ended = await struck(work, signal, ms);
        await allGone(place, 10_000);
        const what = `${signal} after ${ms} ms: ${ended?.code}`;
        if (ended !== null && ended.code !== 0) {
          met++;
          assert.equal(ended.code, signal === "SIGKILL" ? 137 : 20);
          assert.ok(ended.tookMs < 2000, `${what}: ${ended.tookMs} ms`);
        }
        const temporary = assertOldOrNew(work, what);
        if (signal === "SIGINT") assert.deepEqual(temporary, [], what);
        await again(work, what);
      });
    });
    assert.ok(met > 0, "a run was met at work");
  });
}

Deno.test("a file that cannot be read is told once by a run of two threads, and the others are there", async () => {
  await withPlace(async (place) => {
    const work = await plant(place);
    const source = `${work.source}/folder-60/file-30`;
    const inject = ["-P", source, "-e", "trace=read,pread64", "-e", "inject=read,pread64:error=EIO:when=1+"];
    const ran = await sync(work, "local", {
      options: ["-a"],
      fronts: { client: ["strace", "-D", "-f", "-o", `${place}/log`, ...inject] },
    });
    assert.equal(ran.code, 23, ran.err);
    assert.equal(ran.err.split("folder-60/file-30").length, 2, ran.err);
    await Deno.remove(source);
    const rest = await sync(work, "local", { options: ["-an", "-i", "--delete"] });
    assert.deepEqual(rest.out.split("\n").filter((line) => /^[>*<]/.test(line)), []);
    await again(work, "with the file gone");
  });
});

Deno.test("a write that fails once is tried again by the ordinary way: the run is whole", async () => {
  await withPlace(async (place) => {
    const work = await plant(place);
    const fail = ["-e", "trace=pwrite64", "-e", "inject=pwrite64:error=EIO:when=40+200"];
    const ran = await sync(work, "local", {
      options: ["-a"],
      fronts: { client: ["strace", "-D", "-f", "-o", `${place}/log`, ...fail] },
    });
    assert.ok([0, 23].includes(ran.code), ran.err);
    assert.match(await Deno.readTextFile(`${place}/log`), /INJECTED/);
    assert.deepEqual(assertOldOrNew(work, ran.err), []);
    // What failed twice is told, and nothing else is missing.
    const there = look(work.target);
    const missing = [...work.fresh.keys()].filter((path) => !there.has(path));
    for (const path of missing) assert.ok(ran.err.includes(path), path);
    await again(work, "the next run");
  });
});

Deno.test({
  name: "a full disk ends a run of two threads with the reason, whole files and no temporary one",
  ignore: !AS_ROOT,
  fn: async () => {
    await withPlace(async (place) => {
      await withDisk(place, { kind: "tmpfs", megabytes: 14 }, async (disk) => {
        const work = await plant(place);
        work.target = `${disk.path}/target`;
        const ran = await sync(work, "local", { options: ["-a"] });
        assert.ok([11, 23].includes(ran.code), `${ran.code} ${ran.err}`);
        assert.match(ran.err, /No space left on device/);
        assert.deepEqual(assertOldOrNew(work, ran.err), []);
      });
    });
  },
});

Deno.test("64 descriptors are enough for two threads", async () => {
  await withPlace(async (place) => {
    const work = await plant(place);
    const fronts = { client: ["sh", "-c", `ulimit -n 64; exec "$@"`, "sh"] };
    const copied = await sync(work, "local", { options: ["-a"], fronts });
    assert.equal(`${copied.code} ${copied.err}`, "0 ");
    await same(work.source, work.target);
  });
});

Deno.test("a large local copy is shared by two threads, and is right; an error of either ends it as one problem", async () => {
  await withPlace(async (place) => {
    const source = `${place}/source`;
    await Deno.mkdir(source);
    const piece = new Uint8Array(1 << 20).map((_, i) => (i * 31) ^ (i >>> 9));
    using file = await Deno.open(`${source}/large`, { write: true, createNew: true });
    for (let i = 0; i < 400; i++) {
      piece.set([i, i >> 8], 5000);
      await file.write(piece);
    }
    const work: Workload = { place, source, target: `${place}/target`, old: new Map(), fresh: new Map() };
    const log = `${place}/log`;
    const ran = await sync(work, "local", { options: ["-a", "--stats"], fronts: { client: slowed(log) } });
    assert.equal(`${ran.code} ${ran.err}`, "0 ");
    assert.match(ran.out, /Literal data: 419,430,400 bytes\n/);
    assert.equal(await writers(log), 2);
    await same(source, work.target);

    await Deno.remove(work.target, { recursive: true });
    const fail = ["-e", "trace=pwrite64", "-e", "inject=pwrite64:error=EIO:when=300"];
    const failed = await sync(work, "local", {
      options: ["-a"],
      fronts: { client: ["strace", "-D", "-f", "-o", log, ...fail] },
    });
    assert.equal(failed.code, 23, failed.err);
    assert.equal(failed.err.match(/Input\/output error/g)?.length, 1, failed.err);
    assert.deepEqual([...Deno.readDirSync(work.target)], []);
  });
});

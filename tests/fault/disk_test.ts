// Disks that are full, out of inodes or read-only (D01, D02, D04), and processes with few descriptors (D10): the run says so, each
// path is old or new, what was begun is taken back, and the agent goes.

import assert from "node:assert/strict";
import { TSYNC } from "../support/evil_sandbox.ts";
import { type DiskKind, LEAST_MEGABYTES, withDisk } from "../support/loop_disk.ts";
import { same } from "../support/manifest.ts";
import { allGone, marked } from "../support/processes.ts";
import { LONG } from "../support/random.ts";
import { AS_ROOT, run, withPlace } from "../support/run.ts";
import { straceWords } from "../support/strace.ts";
import { frontOf, sync, type Way } from "./ways.ts";
import { assertOldOrNew, look, temporaries, unfinished, type Workload } from "./workload.ts";

function testAsRoot(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !AS_ROOT, fn });
}

/** `count` files of `bytes` each at the source; the first quarter of them, half as long, at the target. */
async function plantFiles(place: string, target: string, count: number, bytes: number): Promise<Workload> {
  const source = `${place}/source`;
  for (const root of [source, target]) await Deno.mkdir(root, { recursive: true });
  const content = new Uint8Array(bytes);
  for (let i = 0; i < count; i++) {
    crypto.getRandomValues(content.subarray(0, Math.min(bytes, 65536)));
    content[bytes - 1] = i;
    await Deno.writeFile(`${source}/f${i}`, content);
    if (i < count / 4) await Deno.writeFile(`${target}/f${i}`, content.subarray(0, bytes / 2));
  }
  return { place, source, target, old: look(target), fresh: look(source) };
}

async function allocated(root: string): Promise<number> {
  const { out } = await run(["du", "-s", "-B1", root]);
  return Number(out.split("\t")[0]);
}

async function fillDisk(kind: DiskKind, way: Way): Promise<void> {
  await withPlace(async (place) => {
    const megabytes = Math.max(LEAST_MEGABYTES[kind], LONG ? 100 : 16);
    await withDisk(place, { kind, megabytes }, async (disk) => {
      const work = await plantFiles(place, `${disk.path}/target`, Math.ceil(megabytes * 1.5), 1 << 20);
      const [freeBefore, usedBefore] = [await disk.free(), await allocated(work.target)];
      if (kind !== "btrfs") {
        const early = await sync(work, way, { options: ["-a"] });
        assert.equal(early.code, 11, `${kind}, ${way}: ${early.err}`);
        assert.match(early.err, /not enough space at the target: .* bytes more, \d+ are free.*--no-space-check/);
        assert.deepEqual(look(work.target), work.old, "nothing was written");
      }
      const ran = await sync(work, way, { options: ["-a", "--no-space-check"] });
      const what = `${kind}, ${way}: exit ${ran.code} ${ran.err}`;
      assert.ok([11, 23].includes(ran.code), what);
      assert.match(ran.err, /No space left on device/, what);
      await allGone(place, 10_000);
      assert.deepEqual(assertOldOrNew(work, what), [], what);
      assert.ok(unfinished(work).length > 0, what);
      // All room that is gone is in complete files; one file may be allocated behind the scenes.
      const lost = freeBefore - await disk.free() - (await allocated(work.target) - usedBefore);
      assert.ok(Math.abs(lost) < 2 << 20, `${what}\n${lost} bytes of room are lost`);
    });
  });
}

for (const kind of ["tmpfs", "ext4", "xfs", "btrfs"] as const) {
  for (const way of ["local", "push"] as const) {
    const isLong = kind === "xfs" || kind === "btrfs";
    if (isLong && !LONG) continue;
    testAsRoot(
      `a full ${kind} ends the run with the reason, old or new files and no temporary one (${way})`,
      () => fillDisk(kind, way),
    );
  }
}

for (const way of ["local", "push", "pull"] as const) {
  testAsRoot(
    `K08: large files are replaced one after the other where there is room for one of them (${way})`,
    async () => {
      await withPlace(async (place) => {
        const [files, megabytes] = LONG ? [20, 100] : [10, 4];
        await withDisk(
          place,
          { kind: "ext4", megabytes: Math.ceil(files * megabytes * 1.1) + 4 * megabytes },
          async (disk) => {
            const target = `${disk.path}/target`;
            const work = await plantFiles(place, target, files, megabytes << 20);
            // The old versions: all of them, alike but for a part, so that a delta pays.
            for (let i = 0; i < files; i++) {
              const content = await Deno.readFile(`${work.source}/f${i}`);
              crypto.getRandomValues(content.subarray(1 << 20, (1 << 20) + 65536));
              await Deno.writeFile(`${target}/f${i}`, content);
              await Deno.utime(`${target}/f${i}`, 1e9, 1e9);
            }
            // Room for one and a half of them.
            const fill = await Deno.open(`${disk.path}/fill`, { create: true, write: true });
            await fill.write(new Uint8Array(Math.max(0, (await disk.free()) - megabytes * 1.5 * (1 << 20))));
            fill.close();
            const free = await disk.free();
            assert.ok(
              free > megabytes * 1.2 * (1 << 20) && free < megabytes * 1.8 * (1 << 20),
              `${free} bytes are free`,
            );
            const ran = await sync({ ...work, old: look(target) }, way, { options: ["-a"] });
            assert.equal(`${ran.code} ${ran.err}`, "0 ");
            await same(work.source, target);
          },
        );
      });
    },
  );
}

for (const kind of ["tmpfs", "ext4"] as const) {
  testAsRoot(
    `a ${kind} without inodes ends the run with the reason, old or new files and no temporary one`,
    async () => {
      await withPlace(async (place) => {
        // Some more than what stands there already, a quarter of the files, and room enough for those.
        const [files, inodes, megabytes] = LONG ? [20_000, 6_000, 100] : [1_000, 300, 16];
        await withDisk(place, { kind, megabytes, inodes }, async (disk) => {
          const work = await plantFiles(place, `${disk.path}/target`, files, 4);
          const early = await sync(work, "local", { options: ["-a"] });
          assert.match(early.err, /not enough space at the target: .* inodes, \d+ are free/);
          const ran = await sync(work, "local", { options: ["-a", "--no-space-check"] });
          const what = `${kind}: exit ${ran.code} ${ran.err}`;
          assert.ok([11, 23].includes(ran.code), what);
          assert.match(ran.err, /No space left on device/, what);
          assert.deepEqual(assertOldOrNew(work, what), [], what);
        });
      });
    },
  );
}

for (const way of ["local", "push"] as const) {
  testAsRoot(`a read-only target is named, and nothing else happens (${way})`, async () => {
    await withPlace(async (place) => {
      await withDisk(place, { kind: "tmpfs", megabytes: 16 }, async (disk) => {
        const work = await plantFiles(place, `${disk.path}/target`, 20, 100);
        await disk.remount("ro");
        const ran = await sync(work, way);
        assert.ok([11, 23].includes(ran.code), `exit ${ran.code} ${ran.err}`);
        assert.match(ran.err, /Read-only file system/);
        assert.deepEqual(look(work.target), work.old);
        await allGone(place, 10_000);
      });
    });
  });
}

Deno.test("a target that becomes read-only under the run is named; with it writable again the next run is clean", async () => {
  await withPlace(async (place) => {
    const work = await plantFiles(place, `${place}/target`, 400, 100);
    // From the 300th write on nothing can be changed: some of it is in place, some staged, some not begun.
    const from = (call: string, when: number) => ["-e", `inject=${call}:error=EROFS:when=${when}+`];
    const calls = "pwrite64,renameat,unlinkat,openat";
    const front = straceWords({ calls, log: `${place}/log` }).concat(
      from("pwrite64", 300),
      from("renameat", 257),
      from("unlinkat", 1),
    );
    const ran = await sync(work, "local", { options: ["-a"], fronts: { client: front } });
    const what = `exit ${ran.code} ${ran.err}`;
    assert.ok([11, 23].includes(ran.code), what);
    assert.match(ran.err, /Read-only file system/, what);
    const left = assertOldOrNew(work, what);
    assert.ok(left.length > 0 && unfinished(work).length > left.length, what);
    const again = await sync(work, "local", { options: ["-a", "--delete"] });
    assert.equal(`${again.code} ${again.err}`, "0 ");
    assert.deepEqual(temporaries(look(work.target)), []);
    await same(work.source, work.target);
  });
});

for (const way of ["local", "push", "pull"] as const) {
  Deno.test(`64 descriptors are enough for a deep tree of many files, so none is left open (${way})`, async () => {
    await withPlace(async (place) => {
      const [source, target] = [`${place}/source`, `${place}/target`];
      for (const root of [source, target]) await Deno.mkdir(root);
      let folder = source;
      const files = LONG ? 10_000 : 2_000;
      for (let depth = 0; depth < 100; depth++) {
        folder += `/d${depth}`;
        await Deno.mkdir(`${folder}/side`, { recursive: true });
        for (let i = 0; i < files / 100; i++) {
          await Deno.writeTextFile(`${folder}/${i % 3 ? "side/" : ""}f${i}`, `${depth} ${i}`);
        }
      }
      await Deno.writeTextFile(`${target}/so that it is compared`, "");
      const work: Workload = { place, source, target, old: new Map(), fresh: new Map() };
      const limit = ["sh", "-c", `ulimit -n 64; exec "$@"`, "sh"];
      const fronts = { ...frontOf(way, "source", limit), ...frontOf(way, "target", limit) };
      const ran = await sync(work, way, { options: ["-a", "--delete"], fronts });
      assert.equal(`${ran.code} ${ran.err}`, "0 ");
      await same(source, target);
    });
  });
}

Deno.test("too few descriptors to begin with end the run before anything is changed", async () => {
  await withPlace(async (place) => {
    const work = await plantFiles(place, `${place}/target`, 20, 100);
    const ran = await run(["sh", "-c", `ulimit -n 20; exec "$@"`, "sh", TSYNC, "-a", `${work.source}/`, work.target], {
      env: marked(place),
    });
    if (ran.code === 0) return await same(work.source, work.target);
    assert.ok(ran.err.length > 0);
    assert.deepEqual(assertOldOrNew(work, `exit ${ran.code}`), []);
  });
});

// The barrier on a real disk: flushes that fail (D07), that take long, and a run that is stopped in one.

import assert from "node:assert/strict";
import { allGone, marked, waitUntil } from "../support/processes.ts";
import { AS_ROOT, run, withPlace } from "../support/run.ts";
import { frontOf, sync, type Way, wayWords } from "./ways.ts";
import { assertOldOrNew, look, temporaries, unfinished, type Workload } from "./workload.ts";
import { withDisk } from "../support/loop_disk.ts";

const FLUSHES = "fsync,fdatasync,syncfs";

/** Flushes happen on other threads, which strace is to follow; -D: the process keeps its parent. */
function strace(log: string, ...injections: string[]): string[] {
  return [
    "strace",
    "-f",
    "-D",
    "-o",
    log,
    "-e",
    `trace=${FLUSHES}`,
    ...injections.flatMap((one) => ["-e", `inject=${one}`]),
  ];
}

/** `count` files that are replaced, and as many new ones, on a disk of their own. */
async function withChanges(count: number, use: (work: Workload) => Promise<void>): Promise<void> {
  await withPlace((place) =>
    withDisk(place, { kind: "ext4", megabytes: 32 }, async (disk) => {
      const [source, target] = [`${place}/source`, `${disk.path}/target`];
      for (const root of [source, target]) await Deno.mkdir(root);
      for (let i = 0; i < count; i++) {
        await Deno.writeTextFile(`${target}/f${i}`, `old ${i}`);
        await Deno.writeTextFile(`${source}/f${i}`, `the new one ${i}`);
        await Deno.writeTextFile(`${source}/new${i}`, `new ${i}`);
      }
      await use({ place, source, target, old: look(target), fresh: look(source) });
    })
  );
}

function fail(said: string): never {
  throw new Error(`the run ended without its last line: ${said}`);
}

function testAsRoot(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !AS_ROOT, fn });
}

for (const way of ["local", "push"] as const satisfies Way[]) {
  testAsRoot(
    `a flush that fails is told, its files keep their old content, and it is not tried into a success (${way})`,
    async () => {
      for (const [count, options] of [[3, []], [40, []], [3, ["--fsync"]], [40, ["--fsync"]]] as const) {
        await withChanges(count, async (work) => {
          const fronts = frontOf(way, "target", strace(`${work.place}/log`, `${FLUSHES}:error=EIO`));
          const ran = await sync(work, way, { fronts, options: ["-a", ...options] });
          const what = `${count} ${options}: exit ${ran.code} ${ran.err}`;
          assert.equal(ran.code, 23, what);
          assert.match(ran.err, /flush ".*f0" failed: Input\/output error/, what);
          assert.deepEqual(assertOldOrNew(work, what), [], what);
          const kept = unfinished(work).filter((path) => /\/?f\d+$/.test(path));
          assert.equal(kept.length, count, what);
          const again = await sync(work, way, { options: ["-a", ...options] });
          assert.equal(`${again.code} ${again.err}`, "0 ", what);
          assert.deepEqual(unfinished(work), [], what);
        });
      }
    },
  );

  testAsRoot(`one file's flush fails: that one keeps its old content, the others are in place (${way})`, async () => {
    await withChanges(5, async (work) => {
      const fronts = frontOf(way, "target", strace(`${work.place}/log`, "fsync:error=EIO:when=1"));
      const ran = await sync(work, way, { fronts, options: ["-a"] });
      assert.equal(ran.code, 23, ran.err);
      // strace counts by thread: each one's first call fails.
      const failed = ran.err.match(/flush /g)?.length ?? 0;
      assert.ok(failed >= 1, ran.err);
      assert.equal(unfinished(work).length, failed, ran.err);
      assert.deepEqual(assertOldOrNew(work, ran.err), []);
    });
  });

  testAsRoot(
    `a file system that could not write something is told of although the files are well (${way})`,
    async () => {
      await withChanges(40, async (work) => {
        const fronts = frontOf(way, "target", strace(`${work.place}/log`, "syncfs:error=EIO"));
        // Without --fsync a busy machine may have too much else to write.
        const ran = await sync(work, way, { fronts, options: ["-a", "--fsync"] });
        assert.equal(ran.code, 23, ran.err);
        assert.match(ran.err, /flush ".*target" failed: Input\/output error/);
        assert.deepEqual(unfinished(work), []);
      });
    },
  );

  testAsRoot(`where whole file systems cannot be flushed, files are (${way})`, async () => {
    await withChanges(40, async (work) => {
      const fronts = frontOf(way, "target", strace(`${work.place}/log`, "syncfs:error=ENOSYS"));
      const ran = await sync(work, way, { fronts, options: ["-a", "--fsync"] });
      assert.equal(`${ran.code} ${ran.err}`, "0 ");
      const flushed = (await Deno.readTextFile(`${work.place}/log`)).match(/fsync\(/g)?.length ?? 0;
      assert.ok(flushed >= 40, `${flushed}`);
      assert.deepEqual(unfinished(work), []);
    });
  });

  const far = way === "local" ? "pull" : way;
  testAsRoot(`a long flush does not make the peer seem dead (${far})`, async () => {
    await withChanges(40, async (work) => {
      const fronts = frontOf(far, "target", strace(`${work.place}/log`, `${FLUSHES}:delay_enter=4500000:when=1`));
      const ran = await sync(work, far, { fronts, options: ["-a", "--timeout=3"] });
      assert.equal(`${ran.code} ${ran.err}`, "0 ");
      assert.deepEqual(unfinished(work), []);
    });
  });

  testAsRoot(
    `SIGINT in a long flush ends the run within 2 s, with old or new files and no temporary one (${way})`,
    async () => {
      {
        const count = way === "local" ? 40 : 3;
        await withChanges(count, async (work) => {
          const fronts = frontOf(way, "target", strace(`${work.place}/log`, `${FLUSHES}:delay_enter=3500000`));
          const [program, ...args] = await wayWords(work, way, { fronts, options: ["-a"] });
          const child = new Deno.Command(program, {
            args,
            env: marked(work.place),
            stdin: "null",
            stdout: "null",
            stderr: "piped",
          })
            .spawn();
          await waitUntil(() => temporaries(look(work.target)).length >= count, "files are staged");
          await new Promise((done) => setTimeout(done, 300));
          const begun = performance.now();
          child.kill("SIGINT");
          // strace does not let go of what it delays: the run is over with its last line.
          const reader = child.stderr.getReader();
          let said = "";
          while (!said.includes("code 20")) said += new TextDecoder().decode((await reader.read()).value ?? fail(said));
          const took = performance.now() - begun;
          await reader.cancel();
          const { code } = await child.status;
          assert.equal(code, 20);
          assert.ok(took < 2000, `${took} ms`);
          await allGone(work.place, 15_000);
          assert.deepEqual(assertOldOrNew(work, "stopped"), []);
        });
      }
    },
  );
}

testAsRoot("a target in memory is not flushed, nor is one with --no-fsync; a changed one on a disk is", async () => {
  await withChanges(20, async (work) => {
    const front = strace(`${work.place}/log`);
    const flushes = async (target: string, ...options: string[]) => {
      const ran = await run([
        ...frontOf("local", "target", front).client!,
        ...(await wayWords(work, "local", { options })).slice(0, -1),
        target,
      ]);
      assert.equal(`${ran.code} ${ran.err}`, "0 ");
      return (await Deno.readTextFile(`${work.place}/log`)).match(/sync(fs)?\(/g)?.length ?? 0;
    };
    await run(["cp", "-r", work.target, `${work.place}/memory`]);
    assert.equal(await flushes(`${work.place}/memory`, "-a"), 0);
    assert.equal(await flushes(work.target, "-a", "--no-fsync", "--dry-run"), 0);
    assert.equal(await flushes(work.target, "-a", "--dry-run"), 0);
    assert.ok(await flushes(work.target, "-a") > 0);
    assert.equal(await flushes(work.target, "-aI", "--no-fsync"), 0);
  });
});

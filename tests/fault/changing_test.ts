// A source that changes under the run (D11, D12, I07, I08): what arrives is a state that existed, what cannot be had is told with the
// right code, and nothing is deleted that the source still has.

import assert from "node:assert/strict";
import { Channel, type PassingFrame } from "../support/cutproxy.ts";
import { TSYNC } from "../support/evil_sandbox.ts";
import { same } from "../support/manifest.ts";
import { allGone, marked } from "../support/processes.ts";
import { asPlainUser, PLAIN, type Ran, run, sweep, withPlace } from "../support/run.ts";
import { straceWords } from "../support/strace.ts";
import { Message } from "../../lib/wire/messages.ts";
import { sync, type Way } from "./ways.ts";
import { look, temporaries, type Workload } from "./workload.ts";

const FAR: ("push" | "pull")[] = ["push", "pull"];
/** Far more than the window and the pipes hold: while its beginning passes, its end is not read. */
const BIG_BYTES = 40 << 20;

function emptyWork(place: string): Workload {
  for (const name of ["source", "target"]) Deno.mkdirSync(`${place}/${name}`);
  return { place, source: `${place}/source`, target: `${place}/target`, old: new Map(), fresh: new Map() };
}

async function sha256(path: string): Promise<string> {
  return (await run(["sha256sum", path])).out.slice(0, 64);
}

/** A run whose frames `onFrame` sees before they pass. */
async function watched(
  work: Workload,
  way: "push" | "pull",
  onFrame: (frame: PassingFrame) => void,
  options: string[] = [],
): Promise<Ran> {
  const channel = Channel.open(work.place, (frame) => {
    onFrame(frame);
    return frame.bytes;
  });
  const ends = way === "push" ? [`${work.source}/`, `x:${work.target}`] : [`x:${work.source}/`, work.target];
  const words = [TSYNC, "-a", ...options, ...channel.options, ...ends];
  const ran = await run(words, { env: marked(work.place) });
  await channel.close();
  await allGone(work.place, 10_000);
  return ran;
}

interface Change {
  name: string;
  /** Changes the file while its beginning is on the way. */
  change(path: string): void;
  code: number;
  /** Which state arrives: "before", "after", or "start": the file up to its length at open. */
  arrives: "before" | "after" | "start";
}

function writeAt(path: string, offset: number, text: string): void {
  using file = Deno.openSync(path, { read: true, write: true });
  file.seekSync(offset, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode(text));
}

const CHANGES: Change[] = [
  {
    name: "that is rewritten, first what has passed and then what has not, arrives as it is after that",
    change(path) {
      writeAt(path, 10, "EARLY");
      writeAt(path, BIG_BYTES - 100, "LATE");
    },
    code: 0,
    arrives: "after",
  },
  {
    name: "that is cut short arrives cut",
    change: (path) => Deno.truncateSync(path, 1 << 20),
    code: 0,
    arrives: "after",
  },
  {
    name: "that only grows arrives up to its length at the start",
    change: (path) => Deno.writeTextFileSync(path, "more and more", { append: true }),
    code: 0,
    arrives: "start",
  },
  {
    name: "that is replaced under its name arrives as it was",
    change(path) {
      Deno.writeTextFileSync(`${path}.new`, "quite another");
      Deno.renameSync(`${path}.new`, path);
    },
    code: 0,
    arrives: "before",
  },
  { name: "that is removed arrives as it was", change: (path) => Deno.removeSync(path), code: 0, arrives: "before" },
];

for (const way of FAR) {
  for (const { name, change, code, arrives } of CHANGES) {
    Deno.test(`a file ${name} (${way})`, async () => {
      await withPlace(async (place) => {
        const work = emptyWork(place);
        const path = `${work.source}/f`;
        const block = crypto.getRandomValues(new Uint8Array(65536));
        const bytes = new Uint8Array(BIG_BYTES);
        for (let at = 0; at < BIG_BYTES; at += block.length) bytes.set(block, at);
        await Deno.writeFile(path, bytes);
        await Deno.writeTextFile(`${work.target}/f`, "an old one");
        const before = await sha256(path);
        let changed = false;
        const ran = await watched(work, way, ({ type, nth }) => {
          if (type !== Message.fileData || nth !== 4 || changed) return;
          changed = true;
          change(path);
        });
        assert.ok(changed);
        assert.equal(ran.code, code, ran.err);
        assert.equal(await sha256(`${work.target}/f`), arrives === "after" ? await sha256(path) : before);
        assert.deepEqual(temporaries(look(work.target)), []);
      });
    });
  }

  for (const isReplaced of [true, false]) {
    const what = isReplaced
      ? "-H: a new file that takes one name of an inode before it is read does not become the content of the other one"
      : "-H: what is written into an inode of two names before it is read arrives under both";
    Deno.test(`${what} (${way})`, async () => {
      await withPlace(async (place) => {
        const work = emptyWork(place);
        const names = ["a", "b"];
        await Deno.writeTextFile(`${work.source}/a`, "the new one");
        await Deno.link(`${work.source}/a`, `${work.source}/b`);
        for (const name of names) await Deno.writeTextFile(`${work.target}/${name}`, "an old one, longer");
        let changed = false;
        const ran = await watched(work, way, ({ type }) => {
          if (type !== Message.want || changed) return;
          changed = true;
          for (const name of isReplaced ? names.slice(0, 1) : names) {
            if (isReplaced) Deno.removeSync(`${work.source}/${name}`);
            Deno.writeTextFileSync(`${work.source}/${name}`, "quite another");
          }
        }, ["-H"]);
        assert.ok(changed);
        const arrived = names.map((name) => Deno.readTextFileSync(`${work.target}/${name}`));
        const old = "an old one, longer";
        assert.deepEqual(arrived, isReplaced ? [old, old] : ["quite another", "quite another"]);
        assert.equal(ran.code, isReplaced ? 23 : 0, ran.err);
        if (isReplaced) assert.match(ran.err, /sender\] link .*a" failed: another file took/);
        assert.deepEqual(temporaries(look(work.target)), []);
      });
    });
  }

  Deno.test(`a file that changes in every reading is left as it was, exit 24; --allow-torn sends it (${way})`, async () => {
    await withPlace(async (place) => {
      const work = emptyWork(place);
      const path = `${work.source}/f`;
      await Deno.writeFile(path, new Uint8Array(BIG_BYTES / 2).fill(7));
      await Deno.writeTextFile(`${work.source}/other`, "another one");
      await Deno.writeTextFile(`${work.target}/f`, "an old one");
      let times = 0;
      const keepWriting = ({ type, nth }: PassingFrame) => {
        if (type === Message.fileData && nth % 10 === 0) writeAt(path, 0, `write ${times++}`);
      };
      const ran = await watched(work, way, keepWriting);
      assert.equal(ran.code, 24, ran.err);
      assert.match(ran.err, /changed while it was read/);
      assert.equal(Deno.readTextFileSync(`${work.target}/f`), "an old one");
      assert.equal(Deno.readTextFileSync(`${work.target}/other`), "another one");
      assert.deepEqual(temporaries(look(work.target)), []);
      const torn = await watched(work, way, keepWriting, ["--allow-torn"]);
      assert.equal(torn.code, 0, torn.err);
      assert.equal(Deno.statSync(`${work.target}/f`).size, BIG_BYTES / 2);
    });
  });

  Deno.test(`what vanishes between list and reading is told as vanished, exit 24, and the rest is done (${way})`, async () => {
    await withPlace(async (place) => {
      const work = emptyWork(place);
      for (let i = 0; i < 20; i++) await Deno.writeTextFile(`${work.source}/f${i}`, `content ${i}`);
      await Deno.mkdir(`${work.source}/folder`);
      for (let i = 0; i < 20; i++) await Deno.writeTextFile(`${work.source}/folder/g${i}`, `content ${i}`);
      await Deno.writeTextFile(`${work.target}/so that it is compared`, "");
      const ran = await watched(work, way, ({ type, nth }) => {
        if (type !== Message.want || nth > 0) return;
        Deno.removeSync(`${work.source}/f7`);
        Deno.removeSync(`${work.source}/folder`, { recursive: true });
      });
      assert.equal(ran.code, 24, ran.err);
      assert.match(ran.err, /file has vanished: ".*\/f7"/);
      const now = look(work.target);
      for (let i = 0; i < 20; i++) assert.equal(now.has(`/f${i}`), i !== 7, `f${i}`);
      assert.deepEqual(temporaries(now), []);
    });
  });
}

for (const way of ["local", "push", "pull"] as Way[]) {
  Deno.test(`what may not be read is told, exit 23, nothing is deleted, and the rest is done (${way})`, async () => {
    await withPlace(async (place) => {
      const work = emptyWork(place);
      for (const name of ["a", "b", "closed"]) await Deno.writeTextFile(`${work.source}/${name}`, `content of ${name}`);
      await Deno.mkdir(`${work.source}/folder`);
      await Deno.writeTextFile(`${work.source}/folder/inside`, "x");
      await Deno.writeTextFile(`${work.target}/extra`, "extra");
      await Deno.mkdir(`${work.target}/folder`);
      await Deno.writeTextFile(`${work.target}/folder/extra`, "extra");
      if (Deno.uid() === 0) assert.equal((await run(["chown", "-R", String(PLAIN), place])).code, 0);
      await Deno.chmod(`${work.source}/closed`, 0);
      await Deno.chmod(`${work.source}/folder`, 0);
      await Deno.chmod(place, 0o755);
      // The agent is a child of the client here, so it is the same user.
      const ran = await sync(work, way, { fronts: { client: asPlainUser() } });
      assert.equal(ran.code, 23, ran.err);
      assert.match(ran.err, /open ".*\/closed" failed: Permission denied/);
      assert.match(ran.err, /open ".*\/folder" failed: Permission denied/);
      await Deno.chmod(`${work.target}/folder`, 0o755);
      const now = look(work.target);
      assert.equal(now.get("/a"), "f content of a");
      assert.equal(now.get("/b"), "f content of b");
      assert.ok(now.has("/extra") && now.has("/folder/extra") && !now.has("/closed"));
    });
  });
}

Deno.test("a file that is edited at the target during the run is replaced whole or kept", async () => {
  await withPlace(async (place) => {
    const work = emptyWork(place);
    for (let i = 0; i < 60; i++) {
      await Deno.writeTextFile(`${work.source}/f${i}`, `new ${i}`.repeat(50));
      await Deno.writeTextFile(`${work.target}/f${i}`, "old");
    }
    const edited = "edited by its user".repeat(40);
    let running = true;
    const editor = (async () => {
      for (let i = 0; running; i = (i + 7) % 60) {
        await Deno.writeTextFile(`${work.target}/f${i}`, edited);
        await new Promise((resume) => setTimeout(resume, 1));
      }
    })();
    const slow = straceWords({ calls: "pwrite64,renameat", log: `${place}/log` }, {
      effect: "delay_enter=2000",
      when: "1+",
    });
    const ran = await sync(work, "local", { options: ["-a"], fronts: { client: slow } });
    running = false;
    await editor;
    assert.ok([0, 23, 24].includes(ran.code), ran.err);
    for (let i = 0; i < 60; i++) {
      const text = Deno.readTextFileSync(`${work.target}/f${i}`);
      assert.ok(["old", edited, `new ${i}`.repeat(50)].includes(text), `f${i}: ${text.slice(0, 60)}`);
    }
    await sync(work, "local", { options: ["-a"] });
    await same(work.source, work.target);
  });
});

Deno.test("a folder that moves past the scan is not deleted at the target while the source has it", async () => {
  await withPlace(async (place) => {
    const work = emptyWork(place);
    for (const root of [work.source, work.target]) {
      for (let i = 0; i < 30; i++) {
        await Deno.mkdir(`${root}/d${i}`);
        for (let k = 0; k < 5; k++) await Deno.writeTextFile(`${root}/d${i}/f${k}`, `${i} ${k}`);
      }
    }
    let stopped = false;
    const moving = (async () => {
      const names = ["d00-early", "d29", "zz-late"];
      for (let i = 0; i < 400 && !stopped; i++) {
        await Deno.rename(`${work.source}/${names[(i + 1) % 3]}`, `${work.source}/${names[(i + 2) % 3]}`);
        await new Promise((resume) => setTimeout(resume, 2));
      }
    })();
    const log = `${place}/log`;
    const slow = straceWords({ calls: "getdents64,statx", log }, { effect: "delay_enter=1000", when: "1+" });
    const ran = await sync(work, "local", { fronts: { client: slow } });
    stopped = true;
    await moving;
    assert.ok([0, 23, 24].includes(ran.code), ran.err);
    // Whatever of the first run was lost to the moves comes with the second.
    const again = await sync(work, "local");
    assert.equal(`${again.code} ${again.err}`, "0 ");
    await same(work.source, work.target);
    await sweep(place);
    await Deno.mkdir(place);
  });
});

// A file that came in part when a run ended early: it is kept in .tsync-partial, never as a result, and the next run sends no more than
// what is missing (D21, D22). The line between the programs is a script that lets so many bytes pass and no more.

import assert from "node:assert/strict";
import { TSYNC, TSYNC_REMOTE } from "../support/evil_sandbox.ts";
import { LONG } from "../support/random.ts";
import { exists, quietly, type Ran, run, type RunOptions, withPlace } from "../support/run.ts";
import { look } from "./workload.ts";

const MIB = 1 << 20;
const SIZE = LONG ? 1 << 30 : 16 * MIB;
/** Bytes that pass before the line breaks. */
const PASSED = Math.round(0.7 * SIZE / 65_536) * 65_536;

type Way = "push" | "pull";
const WAYS: Way[] = ["push", "pull"];

/** Random bytes, so that nothing is packed. */
function plantBig(path: string, size = SIZE): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  const piece = new Uint8Array(MIB);
  for (let at = 0; at < size; at += MIB) {
    for (let k = 0; k < MIB; k += 65_536) crypto.getRandomValues(piece.subarray(k, k + 65_536));
    file.writeSync(piece.subarray(0, Math.min(MIB, size - at)));
  }
}

/** Changes one byte in `path` at each of `offsets`. */
function change(path: string, offsets: number[]): void {
  using file = Deno.openSync(path, { read: true, write: true });
  const byte = new Uint8Array(1);
  for (const offset of offsets) {
    file.seekSync(offset, Deno.SeekMode.Start);
    file.readSync(byte);
    byte[0] ^= 0xff;
    file.seekSync(offset, Deno.SeekMode.Start);
    file.writeSync(byte);
  }
}

function plantLines(place: string): void {
  // What has come is passed on at once: the programs answer each other.
  const pass = `perl -e '$n=${PASSED}; while ($n > 0 && ($r = sysread(STDIN, $b, $n < 65536 ? $n : 65536))) { ` +
    `syswrite(STDOUT, $b); $n -= $r }'`;
  const lines = {
    whole: 'exec sh -c "$*"',
    push: `${pass} | sh -c "$*"`,
    pull: `sh -c "$*" | ${pass}`,
  };
  for (const [name, line] of Object.entries(lines)) {
    Deno.writeTextFileSync(`${place}/${name}`, `#!/bin/sh\nshift\n${line}\n`, { mode: 0o755 });
  }
}

interface Place {
  place: string;
  /** The source's and the target's file. */
  source: string;
  target: string;
  partial: string;
  /** Runs over a line that breaks. */
  cut(way: Way, ...options: string[]): Promise<Ran>;
  /** Runs over one that holds. */
  whole(way: Way, ...options: string[]): Promise<Ran>;
}

async function withBig(use: (place: Place) => Promise<void>): Promise<void> {
  await withPlace(async (place) => {
    for (const name of ["s", "d"]) Deno.mkdirSync(`${place}/${name}`);
    plantBig(`${place}/s/big`);
    plantLines(place);
    const go = (line: string) => (way: Way, ...options: string[]) => {
      const ends = way === "push" ? [`${place}/s/`, `h:${place}/d`] : [`h:${place}/s/`, `${place}/d`];
      const rsh = `${place}/${line === "cut" ? way : line}`;
      const words = ["-a", "--no-z", "-e", rsh, "--rsync-path", TSYNC_REMOTE, ...options, ...ends];
      return run([TSYNC, ...words], { timeoutMs: LONG ? 300_000 : 60_000 });
    };
    const partial = `${place}/d/.tsync-partial/big`;
    await use({
      place,
      source: `${place}/s/big`,
      target: `${place}/d/big`,
      partial,
      cut: go("cut"),
      whole: go("whole"),
    });
  });
}

async function isSame(a: string, b: string): Promise<boolean> {
  return (await run(["cmp", "-s", a, b])).code === 0;
}

function literalBytes({ out }: Ran): number {
  return Number(/Literal data: ([\d,]+)/.exec(out)![1].replaceAll(",", ""));
}

for (const way of WAYS) {
  Deno.test(`an interrupted file is kept aside and goes on where it ended (${way})`, async () => {
    await withBig(async ({ place, source, target, partial, cut, whole }) => {
      assert.equal((await cut(way)).code, 12);
      assert.ok(!exists(target), "a part is never a result");
      const { size, mode } = Deno.lstatSync(partial);
      assert.ok(size > PASSED - 2 * MIB, `${size} of ${PASSED} bytes are kept`);
      assert.equal(mode! & 0o777, 0o600);
      assert.equal(Deno.lstatSync(`${place}/d/.tsync-partial`).mode! & 0o777, 0o700);
      assert.ok(await isSame(partial, source) === false);

      const ran = await quietly(whole(way, "--stats"));
      assert.ok(await isSame(source, target));
      const bound = SIZE - size + MIB + 0.01 * SIZE;
      assert.ok(literalBytes(ran) <= bound, `${literalBytes(ran)} bytes were sent, ${SIZE - size} were missing`);
      assert.ok(!exists(`${place}/d/.tsync-partial`), "the partial is gone");
    });
  });

  Deno.test(`a delta that was interrupted goes on with what came and with the old version (${way})`, async () => {
    await withBig(async ({ place, source, target, partial, cut, whole }) => {
      // The first half is new, of the second half a few bytes.
      Deno.copyFileSync(source, target);
      Deno.utimeSync(target, 1000, 1000);
      const half = Deno.openSync(target, { write: true });
      for (let at = 0; at < SIZE - 4 * MIB; at += 256 << 10) {
        half.seekSync(at, Deno.SeekMode.Start);
        half.writeSync(crypto.getRandomValues(new Uint8Array(65_536)));
        half.writeSync(crypto.getRandomValues(new Uint8Array(65_536)));
        half.writeSync(crypto.getRandomValues(new Uint8Array(65_536)));
        half.writeSync(crypto.getRandomValues(new Uint8Array(65_536)));
      }
      half.close();
      change(target, [SIZE - 3 * MIB, SIZE - 2 * MIB]);
      const before = await run(["sha256sum", target]);
      assert.equal((await cut(way)).code, 12);
      assert.deepEqual(await run(["sha256sum", target]), before, "the old version stands");
      const { size } = Deno.lstatSync(partial);
      assert.ok(size > PASSED - 2 * MIB, `${size} bytes are kept`);
      const ran = await quietly(whole(way, "--stats"));
      assert.ok(await isSame(source, target));
      const bound = SIZE - 4 * MIB - PASSED + 3 * MIB + 0.01 * SIZE;
      assert.ok(literalBytes(ran) <= bound, `${literalBytes(ran)} bytes were sent`);
      assert.ok(!exists(`${place}/d/.tsync-partial`));
    });
  });
}

Deno.test("a partial with a wrong byte, or of another version, is a basis and no more", async () => {
  await withBig(async ({ source, target, partial, cut, whole }) => {
    assert.equal((await cut("push")).code, 12);
    change(partial, [0, 5 * MIB, 5 * MIB + 1]);
    change(source, [MIB, 6 * MIB, SIZE - 1]);
    const ran = await quietly(whole("push", "--stats"));
    assert.ok(await isSame(source, target));
    assert.ok(literalBytes(ran) < SIZE - PASSED + 3 * MIB, `${literalBytes(ran)} bytes were sent`);
  });
});

Deno.test("a partial that is a link, has a second name or is somebody else's is not used and not touched", async () => {
  await withBig(async ({ place, source, target, partial, cut, whole }) => {
    const canary = `${place}/canary`;
    const plants: Record<string, () => void> = {
      link: () => Deno.symlinkSync(canary, partial),
      "second name": () => Deno.linkSync(canary, partial),
    };
    if (Deno.uid() === 0) {
      plants["other owner"] = () => {
        Deno.copyFileSync(source, partial);
        Deno.chownSync(partial, 54321, 54321);
      };
    }
    for (const [what, plant] of Object.entries(plants)) {
      for (const way of ["push", "local"] as const) {
        await Deno.remove(`${place}/d`, { recursive: true });
        Deno.mkdirSync(`${place}/d/.tsync-partial`, { recursive: true, mode: 0o700 });
        await Deno.remove(canary).catch(() => {});
        Deno.copyFileSync(source, canary);
        plant();
        const ran = way === "push"
          ? await quietly(whole("push", "--stats"))
          : await quietly(run([TSYNC, "-a", "--stats", `${place}/s/`, `${place}/d`]));
        if (way === "push") assert.equal(literalBytes(ran), SIZE, `${what}: all is sent`);
        assert.ok(await isSame(source, target) && await isSame(source, canary), what);
        assert.ok(exists(partial), `${what}: stays`);
      }
    }
    // The folder itself is a link, or open to others.
    for (const folder of ["link", "open"]) {
      await Deno.remove(`${place}/d`, { recursive: true });
      Deno.mkdirSync(`${place}/d`);
      await Deno.mkdir(`${place}/elsewhere`).catch(() => {});
      if (folder === "link") Deno.symlinkSync(`${place}/elsewhere`, `${place}/d/.tsync-partial`);
      else {
        Deno.mkdirSync(`${place}/d/.tsync-partial`);
        Deno.chmodSync(`${place}/d/.tsync-partial`, 0o777);
      }
      assert.equal((await cut("push")).code, 12);
      assert.deepEqual([...Deno.readDirSync(`${place}/elsewhere`)], []);
      assert.deepEqual([...Deno.readDirSync(`${place}/d`)].map(({ name }) => name), [".tsync-partial"]);
    }
  });
});

/** A local run that is ended by `signal` when half of the file is there. */
async function interrupted(place: string, signal: Deno.Signal, ...options: string[]): Promise<number> {
  const words = ["-a", `--bwlimit=${SIZE >> 10}`, ...options, `${place}/s/`, `${place}/d`];
  const child = new Deno.Command(TSYNC, { args: words, stdout: "null", stderr: "null" }).spawn();
  await grown(`${place}/d`);
  child.kill(signal);
  return (await child.status).code;
}

Deno.test("Ctrl-C on one machine: the next run writes on where the part differs, and verifies it", async () => {
  await withBig(async ({ place, source, target, partial }) => {
    assert.equal(await interrupted(place, "SIGINT"), 20);
    assert.ok(!exists(target));
    const { size, ino } = Deno.lstatSync(partial);
    assert.ok(size > SIZE / 4 && size < SIZE, `${size} bytes are kept`);
    change(partial, [0, MIB, size - 1]);
    await quietly(run([TSYNC, "-a", `${place}/s/`, `${place}/d`]));
    assert.ok(await isSame(source, target));
    const now = Deno.lstatSync(target);
    assert.equal(now.ino, ino, "it is the part itself that was written on");
    const was = Deno.lstatSync(source);
    assert.deepEqual([now.mode, now.mtime, now.uid], [was.mode, was.mtime, was.uid]);
    assert.deepEqual([...Deno.readDirSync(`${place}/d`)].map(({ name }) => name), ["big"]);
  });
});

/** The one temporary file in `folder` that has grown beyond a quarter, when there is one. */
async function grown(folder: string): Promise<string> {
  for (;;) {
    for (const { name } of Deno.readDirSync(folder)) {
      if (!name.startsWith(".tsync-") || name === ".tsync-partial") continue;
      if (Deno.lstatSync(`${folder}/${name}`).size > SIZE / 4) return name;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

Deno.test("kill -9 on one machine: what the dead run was writing is written on, and verified", async () => {
  await withBig(async ({ place, source, target }) => {
    assert.notEqual(await interrupted(place, "SIGKILL"), 0);
    const left = await grown(`${place}/d`);
    const { ino } = Deno.lstatSync(`${place}/d/${left}`);
    change(`${place}/d/${left}`, [0, MIB]);
    await quietly(run([TSYNC, "-a", `${place}/s/`, `${place}/d`]));
    assert.ok(await isSame(source, target));
    assert.equal(Deno.lstatSync(target).ino, ino);
    assert.deepEqual([...Deno.readDirSync(`${place}/d`)].map(({ name }) => name), ["big"]);
  });
});

Deno.test("kill -9 of the agent of a push: the next run sends what is missing", async () => {
  await withBig(async ({ place, source, target, whole }) => {
    Deno.writeTextFileSync(`${place}/told`, `#!/bin/sh\nshift\nexec sh -c "echo \\$\\$ >${place}/pid; exec $*"\n`, {
      mode: 0o755,
    });
    const words = ["-a", "--no-z", `--bwlimit=${SIZE >> 10}`, "-e", `${place}/told`, "--rsync-path", TSYNC_REMOTE];
    const ran = run([TSYNC, ...words, `${place}/s/`, `h:${place}/d`], { timeoutMs: 300_000 });
    const left = await grown(`${place}/d`);
    Deno.kill(Number(Deno.readTextFileSync(`${place}/pid`)), "SIGKILL");
    assert.notEqual((await ran).code, 0);
    const { size } = Deno.lstatSync(`${place}/d/${left}`);
    const again = await quietly(whole("push", "--stats"));
    assert.ok(await isSame(source, target));
    assert.ok(literalBytes(again) <= SIZE - size + MIB + 0.01 * SIZE, `${literalBytes(again)} were sent, ${size} came`);
    assert.deepEqual([...Deno.readDirSync(`${place}/d`)].map(({ name }) => name), ["big"]);
  });
});

Deno.test("--no-partial, a small file, and the name rsync: nothing is kept", async () => {
  await withBig(async ({ place, cut }) => {
    assert.equal((await cut("push", "--no-partial")).code, 12);
    assert.deepEqual([...Deno.readDirSync(`${place}/d`)], []);
    const words = [
      "--as-rsync",
      "-a",
      "-e",
      `${place}/push`,
      "--rsync-path",
      TSYNC_REMOTE,
      `${place}/s/`,
      `h:${place}/d`,
    ];
    assert.equal((await run([TSYNC, ...words])).code, 12);
    assert.deepEqual([...Deno.readDirSync(`${place}/d`)], []);
  });
});

Deno.test("a partial is left out of transfers and deletions, goes with its folder, and after seven days", async () => {
  await withBig(async ({ place, source, partial, cut }) => {
    const local = (...words: string[]) => quietly(run([TSYNC, "-a", ...words]));
    assert.equal((await cut("push")).code, 12);
    // Not transferred, not deleted, not told.
    Deno.mkdirSync(`${place}/copy`);
    await local(`${place}/d/`, `${place}/copy`);
    assert.deepEqual([...Deno.readDirSync(`${place}/copy`)], []);
    Deno.mkdirSync(`${place}/other`);
    Deno.writeTextFileSync(`${place}/other/f`, "f");
    await local("--delete", `${place}/other/`, `${place}/d`);
    assert.ok(exists(partial));
    // Younger than seven days it stays.
    const days = (count: number) => Date.now() / 1000 - count * 24 * 3600;
    Deno.utimeSync(partial, days(6.9), days(6.9));
    Deno.writeTextFileSync(`${place}/other/g`, "g");
    await local(`${place}/other/`, `${place}/d`);
    assert.ok(exists(partial));
    Deno.utimeSync(partial, days(7.1), days(7.1));
    Deno.writeTextFileSync(`${place}/other/h`, "h");
    await local(`${place}/other/`, `${place}/d`);
    assert.ok(!exists(`${place}/d/.tsync-partial`));
    assert.deepEqual(Deno.statSync(`${place}/d`).mtime, Deno.statSync(`${place}/other`).mtime);
    // A folder that goes takes it along.
    Deno.mkdirSync(`${place}/d/sub/.tsync-partial`, { recursive: true });
    Deno.chmodSync(`${place}/d/sub/.tsync-partial`, 0o700);
    Deno.copyFileSync(source, `${place}/d/sub/.tsync-partial/big`);
    await local("--delete", `${place}/other/`, `${place}/d`);
    assert.ok(!exists(`${place}/d/sub`));
  });
});

for (const where of ["--partial-dir=.kept", "--partial-dir=ABSOLUTE", "RSYNC_PARTIAL_DIR"]) {
  Deno.test(`${where}: the part stays there, is used, and goes`, async () => {
    await withBig(async ({ place, source, target, cut, whole }) => {
      const isAbsolute = where.endsWith("ABSOLUTE");
      const isVariable = !where.startsWith("--");
      const folder = isAbsolute ? `${place}/kept` : `${place}/d/.kept`;
      const options = isVariable ? ["--partial"] : [where.replace("ABSOLUTE", folder)];
      if (isVariable) Deno.env.set("RSYNC_PARTIAL_DIR", ".kept");
      try {
        assert.equal((await cut("pull", ...options)).code, 12);
        assert.ok(!exists(target));
        assert.ok(Deno.lstatSync(`${folder}/big`).size > PASSED - 2 * MIB);
        const ran = await quietly(whole("pull", "--stats", "--delete", ...options));
        assert.ok(await isSame(source, target));
        assert.ok(literalBytes(ran) < SIZE - PASSED + 3 * MIB);
        assert.ok(!exists(`${folder}/big`));
        assert.equal(exists(folder), isAbsolute, "as in rsync, an absolute one stays");
      } finally {
        Deno.env.delete("RSYNC_PARTIAL_DIR");
      }
    });
  });
}

Deno.test("--partial-dir: what leads out of the file's folder and what contradicts it is refused", async () => {
  const words = (options: string[], more?: RunOptions) =>
    run([TSYNC, "-a", ...options, "/nowhere/", "/nowhere else"], more);
  for (const options of [["--partial-dir=../x"], ["--inplace", "--partial-dir=x"]]) {
    assert.equal((await words(options)).code, 1);
  }
});

Deno.test("transfers lists what interrupted runs left, here and on another machine, and --clean takes just that away", async () => {
  await withBig(async ({ place, partial, cut }) => {
    Deno.mkdirSync(`${place}/d/sub/.tsync-partial`, { recursive: true });
    Deno.chmodSync(`${place}/d/sub/.tsync-partial`, 0o700);
    Deno.writeTextFileSync(`${place}/d/sub/.tsync-partial/a part\n`, "part");
    Deno.writeTextFileSync(`${place}/d/sub/other`, "other");
    // One that others may write to is none of ours.
    Deno.mkdirSync(`${place}/d/open/.tsync-partial`, { recursive: true });
    Deno.writeTextFileSync(`${place}/d/open/.tsync-partial/x`, "x");
    assert.equal((await cut("push")).code, 12);
    const { size } = Deno.lstatSync(partial);
    const there = ["-e", `${place}/whole`, "--rsync-path", TSYNC_REMOTE, `h:${place}/d`];
    const lines = (ran: Ran) => ran.out.trimEnd().split("\n").map((line) => line.replace(/ \d{4}-\S+ \S+Z/, "")).sort();
    const expected = [`${size.toLocaleString("en")} bytes   big`, "4 bytes   sub/a part\\#012"].sort();
    for (const words of [[`${place}/d`], [`${place}/d/`], there]) {
      assert.deepEqual(lines(await quietly(run([TSYNC, "transfers", ...words]))), expected);
    }
    for (const words of [[`${place}/d`], there]) {
      const dry = await quietly(run([TSYNC, "transfers", "-n", "--clean", ...words]));
      assert.deepEqual(lines(dry), expected.map((line) => `would remove ${line}`));
    }
    // What would be passed over in silence is refused: here it would let more go than was meant.
    const narrowed = await run([TSYNC, "transfers", "--clean", "--exclude=big", `${place}/d`]);
    assert.equal(narrowed.code, 1);
    assert.match(narrowed.err, /an option that was given means nothing to "transfers"/);
    const cleaned = await quietly(run([TSYNC, "transfers", "--clean", ...there]));
    assert.deepEqual(lines(cleaned), expected.map((line) => `removing ${line}`));
    assert.ok(!exists(`${place}/d/.tsync-partial`) && !exists(`${place}/d/sub/.tsync-partial`));
    assert.ok(exists(`${place}/d/sub/other`) && exists(`${place}/d/open/.tsync-partial/x`));
    const after = await quietly(run([TSYNC, "transfers", "--clean", `${place}/d`]));
    assert.match(
      after.out,
      /^nothing is left of interrupted transfers in folders named .tsync-partial; --partial-dir=DIR/,
    );
    // Folders that options name are looked into where they are named, and only for what lies in them.
    for (const path of ["d/.~tmp~/late", "d/sub/parts/big", "d/sub/parts/tree/parts/deep", "d/sub/parts/tree/x"]) {
      Deno.mkdirSync(`${place}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      Deno.writeTextFileSync(`${place}/${path}`, "part");
    }
    const before = look(`${place}/d`);
    for (const words of [[`${place}/d`], there]) {
      assert.match((await quietly(run([TSYNC, "transfers", ...words]))).out, /^nothing is left/);
      const delayed = await quietly(run([TSYNC, "transfers", "--delay-updates", ...words]));
      assert.deepEqual(lines(delayed), ["4 bytes   .~tmp~/late"]);
      const named = await quietly(run([TSYNC, "transfers", "--clean", "-n", "--partial-dir=parts/", ...words]));
      const found = ["sub/parts/big", "sub/parts/tree/parts/deep"].map((path) => `would remove 4 bytes   ${path}`);
      assert.deepEqual(lines(named), found);
    }
    assert.deepEqual(look(`${place}/d`), before);
    await quietly(run([TSYNC, "transfers", "--clean", "--partial-dir=parts", ...there]));
    const gone = [...before.keys()].filter((path) => !look(`${place}/d`).has(path)).sort();
    assert.deepEqual(gone, ["/sub/parts/big", "/sub/parts/tree/parts/deep"]);
    for (const dir of ["a/b", "/abs"]) {
      assert.equal((await run([TSYNC, "transfers", `--partial-dir=${dir}`, `${place}/d`])).code, 1);
    }
    // A file of that name is asked about, and a run is not listed by mistake.
    Deno.writeTextFileSync(`${place}/transfers`, "a file");
    assert.equal((await run([TSYNC, "transfers", "d"], { cwd: place })).code, 1);
    assert.equal((await run([TSYNC, "--clean", "s/", "d"], { cwd: place })).code, 1);
  });
});

// Limits of a run, measured on the compiled programs: what goes out by the clock, and what is in place when the time is up; -4 for
// ssh; the program in rsync's place. No proxy: the bytes are counted, the time is taken.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { tsyncWords } from "../support/program.ts";
import { LONG } from "../support/random.ts";
import { run, tsync, withPlace } from "../support/run.ts";

const KIB = 1024;

/** A remote shell that runs its command here, in a home of its own. */
async function loopbackShell(place: string): Promise<string> {
  const script = `#!/bin/sh
    while [ "$1" = -l ]; do shift 2; done
    shift; HOME='${place}/home'; export HOME; mkdir -p "$HOME"; cd "$HOME"; exec sh -c "$*"`;
  await Deno.writeTextFile(`${place}/loopback`, script, { mode: 0o755 });
  return `${place}/loopback`;
}

/** Bytes that do not shrink. */
function noise(bytes: number): Uint8Array {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(content.subarray(at, at + 65536));
  return content;
}

async function seconds(work: Promise<{ code: number; err: string }>): Promise<number> {
  const from = performance.now();
  const { code, err } = await work;
  assertEquals([code, err], [0, ""]);
  return (performance.now() - from) / 1000;
}

Deno.test("--bwlimit: the average rate is kept within 10 %, on one machine, to and from another", async () => {
  await withPlace(async (place) => {
    const shell = await loopbackShell(place);
    const rate = 2000 * KIB;
    await Deno.writeFile(`${place}/large`, noise(3 * rate));
    await Deno.mkdir(`${place}/small`);
    for (let i = 0; i < 300; i++) await Deno.writeFile(`${place}/small/${i}`, noise(rate / 100));
    await seconds(tsync(["-r", "-e", shell, "small/1", "h:warm"], { cwd: place }));
    const ways: [string, string[]][] = [
      ["local, one file", ["large", "d1"]],
      ["local, many files", ["-r", "small/", "d2"]],
      ["push", ["-e", shell, "large", "h:large"]],
      ["pull", ["-e", shell, "h:large", "d3"]],
    ];
    for (const [name, words] of ways) {
      // What a run takes without a limit is no part of the rate; a busy machine gets three tries not to be late.
      let [took, most] = [0, 0];
      for (let attempt = 0; attempt < 3; attempt++) {
        took = await seconds(tsync(["-IW", "--bwlimit=2000", ...words], { cwd: place }));
        most = 3.3 + await seconds(tsync(["-IW", ...words], { cwd: place }));
        assert(took > 2.7, `${name}: ${took} s, 3 are due`);
        if (took < most) break;
      }
      assert(took < most, `${name}: ${took} s, 3 are due and ${most} are the most`);
    }
    for (const copy of ["d1", "home/large", "d3"]) {
      assertEquals((await run(["cmp", "large", copy], { cwd: place })).code, 0, copy);
    }
    assertEquals((await run(["diff", "-r", "small", "d2"], { cwd: place })).code, 0);
  });
});

Deno.test("--bwlimit: -M limits the other side alone, and --no-bwlimit nobody", async () => {
  await withPlace(async (place) => {
    const shell = await loopbackShell(place);
    await Deno.writeFile(`${place}/large`, noise(1000 * KIB));
    await seconds(tsync(["-e", shell, "large", "h:large"], { cwd: place }));
    const pull = (...options: string[]) =>
      seconds(tsync([...options, "-IW", "-e", shell, "h:large", "d"], { cwd: place }));
    const free = await pull("--bwlimit=50", "--no-bwlimit");
    const limited = await pull("-M--bwlimit=500");
    assert(limited - free > 1.6, `${limited} s with, ${free} s without`);
    const push = await seconds(tsync(["-M--bwlimit=500", "-IW", "-e", shell, "large", "h:large"], { cwd: place }));
    assert(push < 1.5 + free, `the pushing side was slowed down: ${push} s`);
  });
});

Deno.test("--stop-at: code 30 in rsync's words, what is in place is complete, nothing is left over, and the next run goes on", async () => {
  await withPlace(async (place) => {
    const shell = await loopbackShell(place);
    await Deno.mkdir(`${place}/s`);
    for (let i = 0; i < 60; i++) await Deno.writeFile(`${place}/s/${i}`, noise(40 * KIB));
    assertEquals((await tsync(["-e", shell, "s/1", "h:warm"], { cwd: place })).code, 0);
    // The next full minute may be as near as it likes: a run that is stopped at once leaves nothing, which is no test.
    const now = new Date();
    const ahead = now.getSeconds() > 50 ? 2 : 1;
    const at = new Date(now.getFullYear(), now.getMonth(), now.getDate(), now.getHours(), now.getMinutes() + ahead);
    const pad = (number: number) => String(number).padStart(2, "0");
    // Half of the content is through by then.
    const rate = Math.max(2, Math.floor(60 * 40 / 2 / ((at.getTime() - now.getTime()) / 1000)));
    const words = ["-a", `--bwlimit=${rate}`, `--stop-at=${pad(at.getHours())}:${pad(at.getMinutes())}`, "s/"];
    const stopped = async (target: string[], folder: string) => {
      const { code, err } = await tsync([...words, ...target], { cwd: place, timeoutMs: 180_000 });
      assertEquals(code, 30, err);
      assertMatch(
        err,
        /^tsync: stopping at requested limit\ntsync error: timeout in data send\/receive \(code 30\)\n$/,
      );
      // The other side sees the end of the connection and puts in place what it has.
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const done = [...Deno.readDirSync(`${place}/${folder}`)].map(({ name }) => name);
      assert(done.length >= 5 && done.length < 60, `${folder}: ${done.length} files`);
      for (const name of done) {
        assertEquals(
          (await run(["cmp", `s/${name}`, `${folder}/${name}`], { cwd: place })).code,
          0,
          `${folder}/${name}`,
        );
      }
      const next = await tsync(["-ai", "s/", ...target], { cwd: place });
      assertEquals(next.code, 0, next.err);
      assertEquals(next.out.match(/^[<>]f\+{9} /gm)?.length, 60 - done.length);
    };
    await Promise.all([stopped(["d"], "d"), stopped(["-e", shell, "h:d"], "home/d")]);
  });
});

if (LONG) {
  Deno.test("--stop-after: when its minute is over the run ends with code 30", async () => {
    await withPlace(async (place) => {
      await Deno.writeFile(`${place}/large`, noise(1000 * KIB));
      const from = performance.now();
      const words = ["--bwlimit=8", "--stop-after=1", "large", "d"];
      const { code, err } = await tsync(words, { cwd: place, timeoutMs: 120_000 });
      const took = (performance.now() - from) / 1000;
      assertEquals(code, 30, err);
      assertMatch(err, /^tsync: stopping at requested limit\n/);
      assert(took > 58 && took < 75, `${took} s`);
    });
  });
}

Deno.test("-4 and -6 reach ssh", async () => {
  await withPlace(async (place) => {
    await Deno.writeTextFile(`${place}/ssh`, `#!/bin/sh\necho "$@" >>'${place}/log'\nexit 9\n`, { mode: 0o755 });
    await Deno.writeTextFile(`${place}/f`, "x");
    const env = { PATH: `${place}:${Deno.env.get("PATH")}` };
    for (const [option, word] of [["-4", "-4"], ["--ipv6", "-6"]]) {
      await tsync([option, "f", "u@h:d"], { cwd: place, env });
      assert((await Deno.readTextFile(`${place}/log`)).includes(`-l u ${word} h exec`));
    }
  });
});

/** The program under the name rsync. */
async function asRsync(place: string, words: string[], env?: Record<string, string>) {
  await Deno.symlink(tsyncWords()[0], `${place}/rsync`).catch(() => {});
  return await run(["./rsync", ...words], { cwd: place, env });
}

Deno.test("called rsync, through a link, by --as-rsync or by scripts/rsync, it is rsync in words, defaults and holes", async () => {
  await withPlace(async (place) => {
    await Deno.mkdir(`${place}/s`);
    await Deno.writeTextFile(`${place}/s/f`, "one");
    const sparse = await Deno.create(`${place}/s/sparse`);
    await sparse.truncate(8 << 20);
    sparse.close();
    const used = async (path: string) => (await run(["stat", "-c", "%b", path], { cwd: place })).out.trim();
    assertEquals((await asRsync(place, ["-a", "s/", "d"])).code, 0);
    assertEquals([await used("d/sparse"), await used("s/sparse")], ["16384", "0"]);
    assertEquals((await asRsync(place, ["-aS", "s/", "d2"])).code, 0);
    assertEquals(await used("d2/sparse"), "0");
    // The same second is the same time.
    await run(["touch", "-d", "@5.7", "d/f"], { cwd: place });
    await run(["touch", "-d", "@5.2", "s/f"], { cwd: place });
    assertEquals((await asRsync(place, ["-ai", "s/", "d"])).out, ".d..t...... ./\n".repeat(0));
    assertMatch((await asRsync(place, ["-ai", "-@-1", "s/", "d"])).out, /^>f\.\.t/m);
    // Guards are off, and an empty source deletes.
    await Deno.mkdir(`${place}/empty`);
    assertEquals((await asRsync(place, ["-a", "--delete", "empty/", "d2"])).code, 0);
    assertEquals([...Deno.readDirSync(`${place}/d2`)], []);
    const guarded = await tsync(["-a", "--delete", "empty/", "d"], { cwd: place });
    assertEquals(guarded.code, 25);

    for (const called of [["--version"], ["--nonsense"], ["--help"]]) {
      const linked = await asRsync(place, called);
      const told = await tsync(["--as-rsync", ...called], { cwd: place });
      const script = new URL("../../scripts/rsync", import.meta.url).pathname;
      const wrapped = await run([script, ...called], { cwd: place, env: { TSYNC: tsyncWords()[0] } });
      assertEquals([told, wrapped], [linked, linked]);
    }
    assertMatch((await asRsync(place, ["--version"])).out, /^rsync {2}version 3\.\d+\.\d+ {2}protocol version 32\n/);
    const wrong = await asRsync(place, ["--nonsense", "s/", "d"]);
    assertEquals(
      wrong.err,
      "rsync: --nonsense: unknown option (see rsync --help)\nrsync error: syntax or usage error (code 1)\n",
    );
    const help = (await asRsync(place, ["--help"])).out;
    assert(
      help.includes("--ts-delete-limit=N|P%") && !help.includes(" --delete-limit") && !help.includes("tsync agent"),
    );
    assertEquals((await asRsync(place, ["agent", "list"])).code, 23);
  });
});

Deno.test("in rsync's place ssh gets the ciphers it has by itself", async () => {
  await withPlace(async (place) => {
    const script =
      `#!/bin/sh\ncase " $* " in *" -G "*) exec /usr/bin/ssh "$@";; esac\necho "$@" >>'${place}/log'\nexit 9\n`;
    await Deno.writeTextFile(`${place}/ssh`, script, { mode: 0o755 });
    await Deno.writeTextFile(`${place}/f`, "x");
    await asRsync(place, ["f", "h:d"], { PATH: `${place}:${Deno.env.get("PATH")}` });
    assert(!/-c \S*gcm/.test(await Deno.readTextFile(`${place}/log`)));
  });
});

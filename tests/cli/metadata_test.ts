// Metadata (C01-C03, C08-C13): modes, owners, times, special files, folders last; what the system refuses is told per entry and
// costs nothing else.

import assert from "node:assert/strict";
import { Kind } from "../../lib/os/os.ts";
import { fingerprint, layout, manifest, same } from "../support/manifest.ts";
import { CLOSED_MODES, modes, SOME_MODES, specials, times } from "../support/nasty_tree.ts";
import { give, PLAIN_USER, usePlainUser } from "../support/plain_user.ts";
import { LONG } from "../support/random.ts";
import { AS_ROOT, quietly, run, tsync, withPlace } from "../support/run.ts";
import { ALL, LOCAL, PULL, PUSH, testEach, type Topology, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, plant, special } from "../support/trees.ts";

useOtherMachine();
usePlainUser();

const WHEN = { sec: 1_212_121_212, ns: 121_212_121 };

async function makeSource(place: string, entries: readonly Entry[]): Promise<void> {
  await Deno.mkdir(`${place}/s`);
  plant(`${place}/s`, [folder("", WHEN), ...entries]);
}

/** A test that only root can run: skipped, and pinned in tests/skips.txt, without. */
function rootTest(claim: string, test: (way: Topology) => Promise<void>, ways: readonly Topology[] = ALL): void {
  for (const way of ways) Deno.test({ name: `${claim} (${way.name})`, ignore: !AS_ROOT, fn: () => test(way) });
}

const ALL_MODES = Array.from({ length: 0o10000 }, (_, mode) => mode);
const MODES_HERE = LONG
  ? ALL_MODES
  : ALL_MODES.filter((mode) => mode % 37 === 0 || SOME_MODES.includes(mode) || CLOSED_MODES.includes(mode));

rootTest(
  "-a keeps every mode of files and folders, set-id and sticky included, and changes them in place",
  async (way) => {
    await withPlace(async (place) => {
      const when = { sec: 1_212_121_212, ns: 121_212_121 };
      await makeSource(place, [...modes("m", way === LOCAL ? ALL_MODES : MODES_HERE), folder("m", when)]);
      await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
      await same(`${place}/s`, `${place}/d`);
      // Every file and folder gets another mode.
      await run(["sh", "-c", `cd '${place}/d/m' && chmod 0640 f* && chmod 0710 d*`]);
      const { out } = await quietly(way.sync(["-ai"], `${place}/s/`, `${place}/d`));
      assert.doesNotMatch(out, /^[<>]/m, "no content is sent for a mode");
      await same(`${place}/s`, `${place}/d`);
    });
  },
);

rootTest("a set-id bit is never set before the owner is the final one", async (way) => {
  await withPlace(async (place) => {
    const more = { uid: 1234, gid: 4321, mode: 0o6755, ...WHEN };
    await makeSource(place, [
      file("new", "x", more),
      file("changed", "y", more),
      file("large", new Uint8Array(400_000), more),
    ]);
    await Deno.mkdir(`${place}/d`);
    plant(`${place}/d`, [file("changed", "y", { uid: 1, gid: 1, mode: 0o644, ...WHEN })]);
    const log = `${place}/log`;
    const words = [
      "strace",
      "-f",
      "-y",
      "-qq",
      "-o",
      log,
      "-e",
      "trace=fchown,fchownat,fchmod,?fchmodat2,chmod,fchmodat,openat",
    ];
    if (way === PUSH) {
      await way.sync(["-a", "--rsync-path", `${words.join(" ")} tsync-remote`], `${place}/s/`, `${place}/d`);
    } else await way.sync(["-a"], `${place}/s/`, `${place}/d`, { before: words });
    await same(`${place}/s`, `${place}/d`);
    const owned = new Set<string>();
    let setIds = 0;
    for (const line of (await Deno.readTextFile(log)).split("\n")) {
      const path = /\d+<([^>]*)>/.exec(line)?.[1];
      if (path === undefined || !path.startsWith(`${place}/d/`)) continue;
      if (/chown/.test(line)) owned.add(path);
      if (!/\b0[67]755\b|\b06755\b/.test(line)) continue;
      setIds++;
      assert.ok(/chmod/.test(line) && owned.has(path), `set-id before its owner: ${line}`);
    }
    assert.ok(setIds >= 2, "a strace that does not know fchmodat2 misses the one set by it");
  });
});

testEach("-a keeps times to the nanosecond, before 1970 and after 2038, of files, folders and links", async (way) => {
  await withPlace(async (place) => {
    await makeSource(place, [...times("t"), folder("t", { sec: -5, ns: 5 })]);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`);
    assert.equal((await quietly(way.sync(["-ai"], `${place}/s/`, `${place}/d`))).out, "");
  });
});

testEach(
  "a time that the target's file system cannot hold is kept as near as it can, and told or not sent again",
  async (way) => {
    await withPlace(async (source) => {
      await withPlace(async (place) => {
        await makeSource(source, [file("year 2446", "x", { sec: 15_032_385_536, ns: 5 }), file("usual", "y", WHEN)]);
        const { code, err } = await way.sync(["-a"], `${source}/s/`, `${place}/d`);
        const found = await manifest(`${place}/d`);
        const kept = found.get("year 2446")!.mtime === "15032385536.000000005";
        assert.ok(kept ? code === 0 : code === 0 || (code === 23 && /year 2446/.test(err)), `${code} ${err}`);
        assert.equal(found.get("usual")!.mtime, "1212121212.121212121");
      });
    });
  },
);

testEach("folders get their times and modes after a thousand children, closed ones too", async (way) => {
  await withPlace(async (place) => {
    const children = (path: string) => Array.from({ length: 1000 }, (_, i) => file(`${path}/f${i}`, "", WHEN));
    const closed = { mode: 0o555, ...WHEN };
    await makeSource(place, [
      ...[folder("open", WHEN), ...children("open"), folder("closed", closed), ...children("closed")],
      ...[folder("closed/in", closed), file("closed/in/f", "x", WHEN), folder("empty", closed)],
    ]);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`);
    plant(`${place}/s`, [file("open/new", "n", WHEN), folder("open", WHEN)]);
    await run(["chmod", "755", `${place}/s/closed/in`]);
    plant(`${place}/s`, [file("closed/in/new", "n", WHEN), folder("closed/in", closed)]);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`);
    assert.equal((await quietly(way.sync(["-ai"], `${place}/s/`, `${place}/d`))).out, "");
  });
});

testEach(
  "without root: FIFO and socket are copied, devices are named and left out, as rsync does; none is ever opened",
  async (way) => {
    await withPlace(async (place) => {
      await Deno.chmod(place, 0o755);
      await makeSource(place, [...specials("x", AS_ROOT), file("x/file", "content", WHEN), folder("x", WHEN)]);
      await give(place);
      const ran = await way.sync(["-a"], `${place}/s/`, `${place}/d`, { timeoutMs: 20_000 });
      const byRsync = await way.rsync(["-a"], `${place}/s/`, `${place}/rsync`);
      const lines = (text: string) => text.split("\n").filter((line) => line !== "").sort();
      assert.deepEqual(lines(ran.out), lines(byRsync.out));
      assert.equal(lines(ran.out).length, AS_ROOT ? 3 : 0);
      assert.equal(`${ran.code} ${ran.err}`, `${byRsync.code} ${byRsync.err}`);
      await same(`${place}/rsync`, `${place}/d`);
      assert.equal((await layout(`${place}/d`)).length, 4);
    });
  },
  PLAIN_USER,
);

testEach("-r alone leaves links and special files out, each named; -rl takes the links", async (way) => {
  await withPlace(async (place) => {
    await makeSource(place, [
      ...specials("", AS_ROOT).map((entry) => ({ ...entry, path: entry.path.slice(1) })),
      link("l", "x"),
      file("f", "1"),
    ]);
    for (const option of ["-r", "-rl", "-rD", "-r --specials", "-r --devices"]) {
      const ran = await way.sync(option.split(" "), `${place}/s/`, `${place}/d${option}`);
      const byRsync = await way.rsync(option.split(" "), `${place}/s/`, `${place}/r${option}`);
      const lines = (text: string) => text.split("\n").sort();
      assert.deepEqual(lines(ran.out), lines(byRsync.out), option);
      assert.equal(`${ran.code} ${ran.err}`, `${byRsync.code} ${byRsync.err}`);
      assert.deepEqual(await layout(`${place}/d${option}`), await layout(`${place}/r${option}`), option);
    }
  });
}, [LOCAL]);

/** A passwd and group in which names have other numbers: what the other machine knows. */
async function otherAccounts(place: string): Promise<string> {
  await Deno.writeTextFile(
    `${place}/passwd`,
    "root:x:0:0::/root:/bin/sh\ndaemon:x:901:901::/:/bin/sh\nnobody5:x:5:5::/:/bin/sh\n",
  );
  await Deno.writeTextFile(`${place}/group`, "root:x:0:\ndaemon:x:902:\nwrong5:x:5:\n");
  const script =
    `#!/bin/sh\nmount --bind '${place}/passwd' /etc/passwd && mount --bind '${place}/group' /etc/group && exec "$@"\n`;
  await Deno.writeTextFile(`${place}/elsewhere`, script, { mode: 0o755 });
  return `unshare -m ${place}/elsewhere`;
}

rootTest(
  "owners and groups go by name where the other machine knows it, else by number; --numeric-ids by number; as rsync",
  async (way) => {
    await withPlace(async (place) => {
      const owners: [number, number][] = [[0, 0], [1, 1], [5, 5], [901, 902], [54_000, 54_001], [0, 54_000], [
        4_000_000_000,
        4_000_000_001,
      ]];
      await makeSource(
        place,
        owners.flatMap(([uid, gid], i) => [
          file(`f${i}`, "x", { uid, gid, ...WHEN }),
          folder(`d${i}`, { uid, gid, ...WHEN }),
          link(`l${i}`, "x", { uid, gid, ...WHEN }),
        ]),
      );
      const elsewhere = await otherAccounts(place);
      for (const options of [["-a"], ["-a", "--numeric-ids"], ["-rlto"], ["-rltg"]]) {
        const name = options.join("");
        const remote = (last: string) => ["--rsync-path", `${elsewhere} ${last}`];
        await quietly(way.sync([...options, ...remote("tsync-remote")], `${place}/s/`, `${place}/d${name}`));
        await quietly(way.rsync([...options, ...remote("rsync")], `${place}/s/`, `${place}/r${name}`));
        await same(`${place}/r${name}`, `${place}/d${name}`, { without: name.startsWith("-a") ? [] : ["mode"] });
      }
      const found = await manifest(`${place}/d-a`);
      const mapped = way === PUSH ? [901, 902] : [1, 1];
      assert.deepEqual([found.get("f1")!.uid, found.get("f1")!.gid], mapped, "daemon by name");
      assert.equal(found.get("f4")!.uid, 54_000, "unknown: the number, never 0");
      const again = await quietly(
        way.sync(["-ai", "--rsync-path", `${elsewhere} tsync-remote`], `${place}/s/`, `${place}/d-a`),
      );
      assert.equal(again.out, "", "and the next run is quiet");
    });
  },
  [PUSH, PULL],
);

rootTest("local: owners and groups are kept by number", async (way) => {
  await withPlace(async (place) => {
    const owners: [number, number][] = [[1, 5], [54_000, 54_001], [4_000_000_000, 0]];
    await makeSource(place, owners.map(([uid, gid], i) => file(`f${i}`, "x", { uid, gid, ...WHEN })));
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`);
  });
}, [LOCAL]);

testEach("without root: owners stay one's own and foreign groups are left out, as rsync does", async (way) => {
  await withPlace(async (place) => {
    await Deno.chmod(place, 0o755);
    await makeSource(place, [file("own", "x", WHEN), file("foreign", "y", WHEN)]);
    await give(place);
    if (AS_ROOT) await quietly(run(["chown", "77:78", `${place}/s/foreign`]));
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    await quietly(way.rsync(["-a"], `${place}/s/`, `${place}/rsync`));
    await same(`${place}/rsync`, `${place}/d`);
    assert.equal((await quietly(way.sync(["-ai"], `${place}/s/`, `${place}/d`))).out, "");
  });
}, PLAIN_USER);

testEach(
  "without -p new entries get the source's mode less the umask, existing ones keep theirs, as rsync does",
  async (way) => {
    await withPlace(async (place) => {
      await makeSource(place, [
        ...SOME_MODES.filter((mode) => mode & 0o400).flatMap((mode) => modes("m", [mode])),
        ...[file("old", "new content", { mode: 0o777, ...WHEN }), folder("old folder", { mode: 0o711, ...WHEN })],
      ]);
      for (const target of ["d", "rsync"]) {
        await Deno.mkdir(`${place}/${target}`);
        plant(`${place}/${target}`, [file("old", "old", { mode: 0o604 }), folder("old folder", { mode: 0o750 })]);
      }
      const masked = (program: "sync" | "rsync", target: string) =>
        way[program](["-rlt"], `${place}/s/`, `${place}/${target}`, { cwd: place });
      await quietly(masked("sync", "d"));
      await quietly(masked("rsync", "rsync"));
      // rsync leaves a new folder its own time where it made closed folders in it.
      await same(`${place}/rsync`, `${place}/d`, { without: ["mtime"] });
      await same(`${place}/s`, `${place}/d`, { without: ["mode"] });
    });
  },
);

rootTest(
  "an immutable and an append-only file at the target: told one by one, exit 23, the rest is done, no temporary file",
  async (way) => {
    await withPlace(async (place) => {
      await makeSource(place, ["fixed", "append", "plain"].map((path) => file(path, `new ${path}`, WHEN)));
      plant(`${place}/s`, [file("sealed/f", "new", WHEN)]);
      await Deno.mkdir(`${place}/d`);
      plant(`${place}/d`, [...["fixed", "append", "plain"].map((path) => file(path, "old")), folder("sealed")]);
      const attributes: [string, string][] = [["i", "fixed"], ["a", "append"], ["i", "sealed"]];
      for (const [attribute, path] of attributes) await quietly(run(["chattr", `+${attribute}`, `${place}/d/${path}`]));
      try {
        const { code, err } = await way.sync(["-a"], `${place}/s/`, `${place}/d`);
        assert.equal(code, 23, err);
        for (const path of ["fixed", "append", "sealed/f"]) {
          assert.match(err, new RegExp(`"[^"]*/${path}" failed: Operation not permitted`));
        }
        const read = (path: string) => Deno.readTextFile(`${place}/d/${path}`);
        assert.deepEqual([await read("fixed"), await read("append"), await read("plain")], ["old", "old", "new plain"]);
        assert.deepEqual((await layout(`${place}/d`)).map((line) => line.split(" ")[0]), [
          "append",
          "fixed",
          "plain",
          "sealed/",
        ]);
      } finally {
        for (const [attribute, path] of attributes) await run(["chattr", `-${attribute}`, `${place}/d/${path}`]);
      }
      await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
      await same(`${place}/s`, `${place}/d`);
    });
  },
);

rootTest("a FIFO, socket or device in place of another one is told apart by kind and number", async (way) => {
  await withPlace(async (place) => {
    const pair = (
      path: string,
      a: number,
      b: number,
      more = {},
    ) => [special(path, a, { ...WHEN, ...more }), special(path, b, { ...WHEN, ...more })];
    const { fifo, socket, charDevice, blockDevice } = Kind;
    const pairs = [
      ...[pair("fifo to socket", socket, fifo), pair("char to block", blockDevice, charDevice, { device: [7, 9] })],
      [
        special("number", charDevice, { device: [5, 6], ...WHEN }),
        special("number", charDevice, { device: [5, 7], ...WHEN }),
      ],
      [special("mode", fifo, { mode: 0o600, ...WHEN }), special("mode", fifo, { mode: 0o666, ...WHEN })],
      [file("device to file", "f", WHEN), special("device to file", charDevice, { device: [1, 5], ...WHEN })],
      [special("file to fifo", fifo, WHEN), file("file to fifo", "x", WHEN)],
    ];
    await makeSource(place, pairs.map(([source]) => source));
    await Deno.mkdir(`${place}/d`);
    plant(`${place}/d`, pairs.map(([, target]) => target));
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`);
    assert.equal((await quietly(way.sync(["-ai"], `${place}/s/`, `${place}/d`))).out, "");
  });
});

/** Mounts a fresh file system from a file and hands its folder to `use`. */
async function withFileSystem(make: string[], use: (folder: string) => Promise<void>): Promise<void> {
  await withPlace(async (place) => {
    await Deno.mkdir(`${place}/mounted`);
    await quietly(run(["truncate", "-s", "400M", `${place}/image`]));
    const made = await run([...make, `${place}/image`]);
    assert.equal(made.code, 0, made.err);
    await quietly(run(["mount", "-o", "loop", `${place}/image`, `${place}/mounted`]));
    try {
      await use(`${place}/mounted`);
    } finally {
      await quietly(run(["umount", `${place}/mounted`]));
    }
  }, "disk");
}

const REFLINKING: [string, string[]][] = [["btrfs", ["mkfs.btrfs", "-q"]], ["xfs", [
  "mkfs.xfs",
  "-q",
  "-m",
  "reflink=1",
]]];
for (const [name, make] of REFLINKING) {
  Deno.test({
    name:
      `a local copy shares its blocks with the source where the file system can (${name}), and is independent once written`,
    ignore: !AS_ROOT,
    fn: () =>
      withFileSystem(make, async (mounted) => {
        const content = new Uint8Array(20_000_000).map((_, i) => i * 7 + (i >> 8));
        await Deno.mkdir(`${mounted}/s`);
        plant(`${mounted}/s`, [folder("", WHEN), file("large", content, WHEN), file("small", "few bytes", WHEN)]);
        await quietly(run(["sync", "-f", mounted]));
        const { out } = await quietly(tsync(["-a", "--stats", `${mounted}/s/`, `${mounted}/d`]));
        assert.match(out, /^Matched data: 20,000,000 bytes$/m);
        await same(`${mounted}/s`, `${mounted}/d`);
        await quietly(run(["sync", "-f", mounted]));
        assert.match((await run(["filefrag", "-v", `${mounted}/d/large`])).out, /shared/);
        const before = await fingerprint(`${mounted}/s`);
        const open = await Deno.open(`${mounted}/d/large`, { write: true });
        await open.write(new Uint8Array(100_000));
        open.close();
        assert.equal(await fingerprint(`${mounted}/s`), before);
      }),
  });
}

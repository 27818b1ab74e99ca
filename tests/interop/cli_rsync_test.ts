// The command line held against the installed rsync: the same words are taken or refused and mean the same options, and a
// local run prints the same lines. tsync's own options and the numbers of bytes on the wire are left out.

import { assertEquals } from "@std/assert";
import { utf8 } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { readCommand } from "../../lib/cli/request.ts";
import { run, tsync } from "../support/run.ts";

/** A folder that is gone at the end, with `rsh` in it: a remote shell that notes its words in `log` and fails. */
async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tsync-cli-" });
  try {
    await Deno.writeTextFile(`${folder}/rsh`, `#!/bin/sh\necho "$@" >>'${folder}/log'\nexit 9\n`, { mode: 0o755 });
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

type Meaning = "refused" | Record<string, boolean>;

const LETTERS: Record<string, string> = {
  r: "recursive",
  l: "links",
  p: "perms",
  t: "times",
  g: "group",
  o: "owner",
  n: "dryRun",
  c: "checksum",
  I: "ignoreTimes",
  S: "sparse",
};

/** What rsync makes of the words, as seen in the options that it gives to the other side. */
async function rsyncMeaning(folder: string, words: string[]): Promise<Meaning> {
  await Deno.remove(`${folder}/log`).catch(() => {});
  const ran = await run(["rsync", ...words, "-e", `${folder}/rsh`, "h:s", "d"], { cwd: folder });
  if (ran.code === 1) return "refused";
  const log = (await Deno.readTextFile(`${folder}/log`)).trim().split(" ");
  const letters = (log.find((word) => /^-[a-zA-Z]/.test(word)) ?? "").replace(/e\..*$/, "");
  const meaning: Record<string, boolean> = {};
  for (const [letter, name] of Object.entries(LETTERS)) meaning[name] = letters.includes(letter);
  const devices = letters.includes("D") || log.includes("--devices");
  meaning.devices = devices && !log.includes("--no-devices");
  meaning.specials = letters.includes("D") ? !log.includes("--no-specials") : log.includes("--specials");
  meaning.numericIds = log.includes("--numeric-ids");
  return meaning;
}

function tsyncMeaning(words: string[]): Meaning {
  try {
    const read = readCommand([...words, "-e", "x", "h:s", "d"].map((word) => utf8(word)), () => undefined);
    if (read.kind !== "sync") throw new Error(`${words} is ${read.kind}`);
    const names = [...Object.values(LETTERS), "devices", "specials", "numericIds"];
    const options = read.request.options as unknown as Record<string, boolean>;
    return Object.fromEntries(names.map((name) => [name, options[name]]));
  } catch (error) {
    if (error instanceof TsyncError && error.data.kind === "usage") return "refused";
    throw error;
  }
}

Deno.test("options mean what they mean to rsync, alone and in any order", async () => {
  const fixed = [
    ...[
      "-a",
      "--archive",
      "-rlptgoD",
      "-D",
      "--devices",
      "--specials",
      "-S",
      "-c",
      "-I",
      "-n",
      "--sparse",
      "--checksum",
    ],
    ...[
      "-a --no-o",
      "--no-o -a",
      "-a --no-owner",
      "-a --no-D",
      "-a --no-D --specials",
      "-a --no-specials",
      "-a --no-devices",
    ],
    ...["-a --no-perms --no-t --no-g", "-a --no-links", "-a --no-l -l", "-c --no-c", "-S --no-sparse", "--numeric-ids"],
    ...["--numeric-ids --no-numeric-ids", "-a --no-numeric-ids", "-@ 1", "-@1", "-@=1", "-@-1", "--modify-window=3"],
    ...["--modify-window 3", "--timeout=5", "--timeout 5", "--no-timeout", "--stats", "-v --no-v", "-i --no-i", "-rI"],
    ...[
      "--exclude x",
      "--exclude=x",
      "--exclude -r",
      "--include=x --exclude *",
      "-q",
      "--quiet",
      "--progress",
      "--no-progress",
    ],
    // Refused by both.
    ...["--recurs", "--recursiv", "--dry-ru", "-Y", "-rY", "--nonsense", "--no-", "--no-a", "--no-archive", "--no-n"],
    ...[
      "--no-dry-run",
      "--no-q",
      "--no-I",
      "--no-delete",
      "--no-stats",
      "--no-exclude",
      "--recursive=1",
      "--no-perms=1",
    ],
    ...[
      "-r=1",
      "--timeout=x",
      "--timeout=5x",
      "--modify-window=x",
      "-@x",
      "--delete",
      "-a --no-r --delete",
      "--stats=1",
    ],
  ];
  await withFolder(async (folder) => {
    for (const line of fixed) {
      const words = line.split(" ");
      assertEquals(tsyncMeaning(words), await rsyncMeaning(folder, words), line);
    }
  });
});

Deno.test("options of a seeded mixture mean what they mean to rsync", async () => {
  const flags = ["a", "r", "l", "p", "t", "g", "o", "D", "n", "c", "I", "S", "v", "i", "q"];
  const longs = [
    "recursive",
    "links",
    "perms",
    "times",
    "group",
    "owner",
    "devices",
    "specials",
    "numeric-ids",
    "sparse",
  ];
  const rounds = Deno.env.get("TSYNC_TEST_LONG") ? 1000 : 100;
  let state = 20261121;
  const below = (limit: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % limit;
  };
  const word = () => {
    const flag = flags[below(flags.length)];
    const long = longs[below(longs.length)];
    const words = [`-${flag}`, `-${flag}${flags[below(flags.length)]}`, `--${long}`, `--no-${long}`, `--no-${flag}`];
    return words[below(words.length)];
  };
  await withFolder(async (folder) => {
    for (let round = 0; round < rounds; round++) {
      const words = Array.from({ length: 1 + below(5) }, word);
      assertEquals(tsyncMeaning(words), await rsyncMeaning(folder, words), words.join(" "));
    }
  });
});

Deno.test("operands are taken for local or remote as rsync takes them", async () => {
  const lines = [
    ...["a b", "a h:b", "h:a b", "h:a :b c", "h:a h:b c", "u@h:a u@h:b c", "[::1]:a b", "u@[::1]:a b", "u@h:a:b c"],
    ...["./a:b c", "a/b:c d", "h: d", "a h:", "a@b c", "u@[::1:x c", "h:a h:b", "a:b c d:e", "a b:c d", "a b:c d:e"],
    ...["h:a b c", "h:a i:b c", "u@h:a h:b c"],
  ];
  await withFolder(async (folder) => {
    for (const line of lines) {
      const words = line.split(" ");
      await Deno.remove(`${folder}/log`).catch(() => {});
      const ran = await run(["rsync", "-rn", "-e", `${folder}/rsh`, ...words], { cwd: folder });
      const log = (await Deno.readTextFile(`${folder}/log`).catch(() => "")).trim();
      const login = /^(?:-l (\S+) )?(\S+) rsync --server( --sender)?/.exec(log);
      const direction = login === null ? "local" : login[3] ? "pull" : "push";
      const rsync = ran.code === 1 ? "refused" : `${direction} ${login?.[1] ?? "-"} ${login?.[2] ?? "-"}`;
      let ours: string;
      try {
        const read = readCommand(["-rn", ...words].map((word) => utf8(word)), () => undefined);
        if (read.kind !== "sync") throw new Error(line);
        const { direction, remote } = read.request;
        ours = `${direction} ${remote?.user ?? "-"} ${remote?.host ?? "-"}`;
      } catch (error) {
        if (!(error instanceof TsyncError)) throw error;
        ours = "refused";
      }
      assertEquals(ours, rsync, line);
    }
  });
});

/** Two equal sources and two equal targets with every kind of difference between them. */
async function twins(folder: string): Promise<void> {
  const script = `
    set -e; cd '${folder}'
    make() {
      mkdir -p "$1/sub/deep" "$1/full" "$1/modes" "$1/gone/in"
      echo one >"$1/same"; echo two >"$1/sub/same"; echo old >"$1/content"; echo old >"$1/grown"; echo x >"$1/perm"
      echo x >"$1/later"; echo x >"$1/owned"; ln -s same "$1/link"; ln -s same "$1/relinked"; mkfifo "$1/pipe"
      echo x >"$1/gone/in/file"; echo x >"$1/removed"; echo x >"$1/sub/deep/x"; ln -s a "$1/removedlink"
      find "$1" -exec touch -h -d '2026-01-02 03:04:05' {} +
    }
    for t in t1 t2; do make $t; done
    for s in s1 s2; do
      make $s; cd $s
      echo new >content; touch -d '2026-01-02 03:04:06' content; echo grown >>grown
      chmod 600 perm; touch -d '2026-02-02' later; chown 12:13 owned; ln -sfn other relinked
      chmod 700 modes; chmod 600 pipe; rm -r gone removed removedlink
      mkdir new; echo x >new/file; ln -s file new/link; : >new/empty; printf 'x' >'odd
name'; mkdir 'a b'; mkfifo new/pipe
      find . -newermt 2026-06-01 -exec touch -h -d '2026-03-04 05:06:07' {} +
      cd ..
    done
  `;
  const ran = await run(["sh", "-c", script]);
  assertEquals(ran.code, 0, ran.err);
}

/**
 * Lines in any order: rsync tells of files before folders, tsync in order of names. Empty lines and numbers on the wire do
 * not count, nor does the total size (rsync adds the lengths of links that it leaves out; the unit test has its form).
 */
function linesOf(text: string): string[] {
  return text.split("\n").filter((line) =>
    line !== "" &&
    !/^(opening connection |sent |total size |total: |delta-transmission|File list |Total bytes )/.test(line)
  )
    .sort();
}

for (
  const line of [
    ...[
      "-ai",
      "-aii",
      "-aiv",
      "-aivv",
      "-av",
      "-avv",
      "-a",
      "-rltvi",
      "-rlpi",
      "-ri",
      "-rci",
      "-aIi",
      "-aq",
      "-aqvi --stats",
    ],
    ...[
      "-ai --delete",
      "-av --delete",
      "-a --stats --delete",
      "-av --stats",
      "-an --delete --stats -vi",
      "-rv",
      "-v",
      "-i",
      "-lv",
    ],
  ]
) {
  Deno.test(`tsync ${line} prints rsync's lines for a local run`, async () => {
    await withFolder(async (folder) => {
      await twins(folder);
      const words = line.split(" ");
      const theirs = await run(["rsync", ...words, "s1/", "t1"], { cwd: folder });
      const ours = await tsync([...words, ...(words.includes("--delete") ? ["--no-guard"] : []), "s2/", "t2"], {
        cwd: folder,
      });
      assertEquals(linesOf(ours.out), linesOf(theirs.out));
      assertEquals([ours.code, ours.err], [theirs.code, theirs.err]);
      const again = await run(["rsync", ...words, "s1/", "new1/"], { cwd: folder });
      const ourAgain = await tsync([...words, ...(words.includes("--delete") ? ["--no-guard"] : []), "s2/", "new2/"], {
        cwd: folder,
      });
      assertEquals(linesOf(ourAgain.out.replaceAll("new2", "new1")), linesOf(again.out));
    });
  });
}

/** A remote shell that runs its command here, in a home of its own. */
async function loopbackShell(folder: string): Promise<string> {
  const script = `#!/bin/sh
    while [ "$1" = -l ]; do shift 2; done
    shift; HOME='${folder}'; export HOME; cd '${folder}'; exec sh -c "$*"`;
  await Deno.writeTextFile(`${folder}/loopback`, script, { mode: 0o755 });
  return `${folder}/loopback`;
}

for (const direction of ["push", "pull"]) {
  const lines = ["-ai", "-aiiv", "-av", "-avv", "-a --stats", "-ai --delete", "-an --delete -vi", "-rlpi"];
  Deno.test(`tsync ${lines.join(", ")} print rsync's lines for a ${direction}`, async () => {
    await withFolder(async (folder) => {
      const shell = await loopbackShell(folder);
      for (const line of lines) {
        const place = await Deno.makeTempDir({ dir: folder });
        await twins(place);
        const words = [...line.split(" "), "-e", shell];
        const ends = (n: number, target: string) =>
          direction === "push" ? [`s${n}/`, `u@h:${place}/${target}${n}`] : [`u@h:${place}/s${n}/`, `${target}${n}`];
        for (const target of ["t", "new"]) {
          // -W: the delta algorithm tells content that it saved.
          const theirs = await run(["rsync", "-W", ...words, ...ends(1, target)], { cwd: place });
          const guard = words.includes("--delete") ? ["--no-guard"] : [];
          const ours = await tsync([...words, ...guard, ...ends(2, target)], { cwd: place });
          assertEquals(linesOf(ours.out.replaceAll("new2", "new1")), linesOf(theirs.out), line);
          assertEquals([ours.code, ours.err], [theirs.code, theirs.err], line);
        }
      }
    });
  });
}

Deno.test("created directory and names are rsync's for sources with and without a slash", async () => {
  await withFolder(async (folder) => {
    await twins(folder);
    const cases = [["s1", "n"], ["s1/", "n/"], ["s1/.", "n"], ["s1/same", "n/"], ["s1/same", "n"], [
      "s1/same",
      "s1/sub",
      "n",
    ]];
    for (const words of cases) {
      for (const option of ["-ai", "-av", "-ri", "-ain", "-a --out-format=%n", "-a --out-format=%i:%n"]) {
        const theirs = await run(["rsync", ...option.split(" "), ...words], { cwd: folder });
        await run(["rm", "-rf", `${folder}/n`]);
        const ours = await tsync([...option.split(" "), ...words], { cwd: folder });
        await run(["rm", "-rf", `${folder}/n`]);
        assertEquals(linesOf(ours.out), linesOf(theirs.out), `${option} ${words}`);
      }
    }
  });
});

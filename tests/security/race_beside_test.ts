// Races beside the tree (I04): the folders that a run works in besides those of the list (partials, temporary files, delayed updates,
// backups, the trash, alternative destinations) and log files turn into links and back, thousands of times, while runs work in them. What
// the links lead to is never touched, and what may not be read does not arrive. The gate carries most cases out one way; TSYNC_TEST_LONG=1
// all in all ways. That such a race can be won shows race_target_test.

import assert from "node:assert/strict";
import { sync, type Way } from "../fault/ways.ts";
import { bareWorkload, type Workload } from "../fault/workload.ts";
import { waitUntil } from "../support/processes.ts";
import { besiege, photograph, setBait } from "../support/race.ts";
import { LONG, Random } from "../support/random.ts";
import { AS_ROOT, exists, run, withPlace } from "../support/run.ts";
import { file, folder, link, plant } from "../support/trees.ts";

const FOLDERS = ["sub0", "sub1"];
const BUDGET_MS = LONG ? 6_000 : 800;
/** More than a part of it is kept without an option that names the place. */
const LARGE_BYTES = 3 << 20;
const SECRET = "the canary's secret";
/** As long as the secret and as old, so that size and time say that they are the same. */
const LISTED = "x".repeat(SECRET.length);
const OLD = { sec: 1_000_000_000, ns: 0 };

interface Field {
  work: Workload;
  /** Holds only the canary, whose own times count, too. */
  outside: string;
  canary: string;
  aside: string;
}

interface Case {
  claim: string;
  /** Names that turn into links to the canary, below the place. */
  near: readonly string[];
  options: (field: Field, round: number) => readonly string[];
  /** Runs of odd rounds are ended early, so that something is left in part. */
  breaks?: boolean;
  /** Left to TSYNC_TEST_LONG. */
  isLong?: boolean;
  /** Besides 0, 20, 23 and 24. */
  codes?: readonly number[];
  ways?: readonly Way[];
  /** A folder in each of these that is there before the run. */
  inside?: string;
}

/** What a call that goes astray would hit: files to replace, to read, to remove, runs of a trash, partials that are too old. */
function plantField(place: string, near: readonly string[]): Field {
  const outside = `${place}/outside`;
  const field = { work: bareWorkload(place), outside, canary: `${outside}/canary`, aside: `${place}/aside` };
  const run = "outside/canary/20260101-000000-00012345";
  plant(place, [
    ...["f", "g", "same", "sub0/f", "sub0/same"].map((name) => file(`outside/canary/${name}`, SECRET, OLD)),
    file("outside/canary/large", new Uint8Array(LARGE_BYTES + 1).fill(7), OLD),
    ...["tmp", "part", "old"].map((name) => folder(`outside/canary/${name}`, OLD)),
    folder(run, { mode: 0o700 }),
    file(`${run}/journal`, "", { mode: 0o600 }),
    // As a folder of partials and a trash must be.
    folder("outside/canary", { mode: 0o700 }),
    folder("aside"),
    folder("logs"),
    folder("source"),
    folder("target"),
  ]);
  for (const sub of FOLDERS) {
    plant(place, [
      ...[file(`target/${sub}/f`, "old", OLD), file(`target/${sub}/gone`, "old", OLD)],
      ...["source", "prev"].map((root) => file(`${root}/${sub}/same`, LISTED, OLD)),
    ]);
  }
  for (const name of near) setBait(`${place}/${name}`, asideOf(field, name), field.canary);
  return field;
}

function asideOf({ aside }: Field, name: string): string {
  return `${aside}/${name.replaceAll("/", "+")}`;
}

/** Work for another round: new content for all, and a target in which something is to be deleted and replaced. */
function arm(
  field: Field,
  { near, breaks, inside = "" }: Pick<Case, "near" | "breaks" | "inside">,
  round: number,
): void {
  const { place, source, target } = field.work;
  for (const sub of FOLDERS) {
    Deno.writeTextFileSync(`${source}/${sub}/f`, `new ${round}`);
    Deno.writeTextFileSync(`${target}/${sub}/gone`, `extra ${round}`);
    if (exists(`${target}/${sub}/same`)) Deno.removeSync(`${target}/${sub}/same`);
    // What cannot be made small on the way takes its time.
    if (breaks && round % 2) Deno.writeFileSync(`${source}/${sub}/large`, new Random(round).bytes(LARGE_BYTES));
  }
  for (const name of near) {
    setBait(`${place}/${name}`, asideOf(field, name), field.canary);
    try {
      Deno.mkdirSync(`${place}/${name}/${inside}`, { recursive: true, mode: 0o700 });
    } catch {
      // It is there, as a link.
    }
  }
}

/** Files that were kept in part in the folders that are being exchanged. */
function keptParts(field: Field, near: readonly string[]): number {
  const names = near.flatMap((name) => [`${field.work.place}/${name}`, asideOf(field, name)]);
  return names.flatMap((name) => [`${name}/large`, `${name}/part/large`]).filter((path) => {
    try {
      const { size } = Deno.lstatSync(path);
      // The canary's is longer. A part may have the rest of the old version behind it.
      return size > 0 && size <= LARGE_BYTES;
    } catch {
      return false;
    }
  }).length;
}

const inEach = (name: string) => FOLDERS.map((sub) => `target/${sub}/${name}`);
const DELETING = ["-a", "--delete", "--no-guard"];
/** So slow that SIGINT comes in the middle of a large file. */
const SLOW = ["--bwlimit=1m"];
const pace = (round: number) => round % 2 ? SLOW : [];

const CASES: Case[] = [
  {
    claim: "the folders of partials",
    near: inEach(".tsync-partial"),
    options: (_, round) => ["-a", ...pace(round)],
    breaks: true,
  },
  {
    claim: "the folders of --partial-dir",
    near: inEach(".part"),
    options: (_, round) => ["-a", "--partial-dir=.part", ...pace(round)],
    breaks: true,
  },
  {
    claim: "the folder above those of --partial-dir",
    isLong: true,
    near: inEach("deep"),
    options: (_, round) => ["-a", "--partial-dir=deep/part", ...pace(round)],
    breaks: true,
  },
  {
    claim: "the folders of --delay-updates",
    near: inEach(".~tmp~"),
    options: () => ["-a", "--delay-updates"],
  },
  {
    claim: "the folder of --temp-dir in the target",
    near: ["target/tmp"],
    options: () => ["-a", "-T", "tmp"],
    codes: [1],
  },
  {
    claim: "the folder above that of --temp-dir in the target",
    isLong: true,
    near: ["target/above"],
    options: () => ["-a", "-T", "above/tmp"],
    inside: "tmp",
    codes: [1],
  },
  {
    claim: "the trash",
    near: ["target/.tsync-trash"],
    options: () => [...DELETING, "--trash", "--trash-keep=1k"],
    codes: [3, 11],
  },
  {
    claim: "the folder of --trash=DIR in the target",
    near: ["target/old"],
    options: () => [...DELETING, "--exclude=/old", "--trash=old", "--trash-keep=1k"],
    codes: [3, 11],
  },
  {
    claim: "the folder above that of --trash=DIR in the target",
    isLong: true,
    near: ["target/above"],
    options: () => ["-a", "--trash=above/old", "--trash-keep=1k"],
    codes: [3, 11],
  },
  {
    claim: "the folders in that of --backup-dir",
    near: FOLDERS.map((sub) => `kept/${sub}`),
    options: () => [...DELETING, "-b", "--backup-dir=../kept"],
  },
  {
    claim: "the folder of --backup-dir in the target",
    near: ["target/kept"],
    options: () => [...DELETING, "--exclude=/kept", "-b", "--backup-dir=kept"],
    codes: [1],
  },
  {
    claim: "the folder above that of --backup-dir in the target, made by the run",
    isLong: true,
    near: ["target/above"],
    options: (_, round) => ["-a", "-b", `--backup-dir=above/${round}/kept`],
    codes: [1],
  },
  ...["link", "copy"].map((kind): Case => ({
    claim: `the folders in that of --${kind}-dest`,
    near: FOLDERS.map((sub) => `prev/${sub}`),
    options: () => ["-a", `--${kind}-dest=../prev`],
  })),
  {
    claim: "the folder of --copy-dest in the target",
    isLong: true,
    near: ["target/prev"],
    options: () => ["-a", "--copy-dest=prev"],
    codes: [1],
  },
];

/** Ends the client with SIGINT while a large file is under way, later from round to round: a busy machine is slow to begin. */
function interrupted(round: number): readonly string[] {
  return ["timeout", "--foreground", "--preserve-status", "-s", "INT", String(0.5 + (round % 40) / 20)];
}

CASES.forEach((one, number) => {
  const { claim, near, options, breaks = false, isLong = false, codes = [], ways = ["local", "push", "pull"] } = one;
  for (const way of LONG ? ways : isLong ? [] : [ways[number % ways.length]]) {
    Deno.test(`race beside the tree: ${claim} turning into links lead no call outside (${way})`, async () => {
      await withPlace(async (place) => {
        const field = plantField(place, near);
        let done = 0;
        let kept = 0;
        await besiege({
          ...{ work: field.work, way, canary: field.outside, budgetMs: BUDGET_MS },
          groups: near.map((name) => [`${place}/${name}`, asideOf(field, name)]),
          // 130: interrupted before it has begun.
          codes: [0, 20, 23, 24, ...breaks ? [130] : [], ...codes],
          prepare: (round) => {
            arm(field, one, round);
            return options(field, round);
          },
          front: (round) => breaks && round % 2 ? interrupted(round) : [],
          after: (_, code) => {
            if ([0, 23, 24].includes(code)) done++;
            if (code === 20) kept += keptParts(field, near);
            for (const sub of FOLDERS) assertNoSecret(`${field.work.target}/${sub}`);
          },
          isEnough: () => done > 0 && (kept > 0 || !breaks),
        });
      });
    });
  }
});

function assertNoSecret(folder: string): void {
  for (const name of ["f", "same"]) {
    const path = `${folder}/${name}`;
    if (exists(path)) assert.notEqual(Deno.readTextFileSync(path), SECRET, path);
  }
}

for (const [option, folderName] of [["-T", "tmp"], ["--backup-dir", "kept"], ["--trash", "old"]] as const) {
  Deno.test(`race beside the tree: an absolute ${option} that is exchanged while the run works in it keeps its work`, async () => {
    await withPlace(async (place) => {
      const field = plantField(place, []);
      const before = await photograph(field.outside);
      const names = Array.from({ length: 60 }, (_, i) => `sub${i % 2}/f${i}`);
      plant(place, names.flatMap((name) => [file(`source/${name}`, "new"), file(`target/${name}`, "old", OLD)]));
      const path = `${place}/${folderName}`;
      await Deno.mkdir(path, { mode: 0o700 });
      const calls = "pwrite64,linkat,renameat,renameat2";
      const running = sync(field.work, "local", {
        fronts: { client: ["strace", "-f", "-o", "/dev/null", "-e", `inject=${calls}:delay_enter=3000`] },
        options: ["-a", ...option === "-T" ? [option, path] : [`${option}=${path}`]],
      });
      await waitUntil(() => [...Deno.readDirSync(path)].length > 0, "the folder is in use");
      await Deno.rename(path, `${place}/moved`);
      await Deno.symlink(field.canary, path);
      const { code, err } = await running;
      assert.equal(`${code} ${err}`, "0 ");
      assert.equal(await photograph(field.outside), before);
      for (const name of names) assert.equal(await Deno.readTextFile(`${place}/target/${name}`), "new");
      const { out } = await run(["sh", "-c", 'find "$1" -type f -name "*f[0-9]*" | wc -l', "sh", `${place}/moved`]);
      assert.equal(Number(out), option === "-T" ? 0 : names.length);
    });
  });
}

Deno.test({
  name: "race beside the tree: log files that turn into somebody else's links get each line themselves or none",
  ignore: !AS_ROOT,
  async fn() {
    await withPlace(async (place) => {
      const field = plantField(place, []);
      for (const name of ["log", "json"]) {
        plant(place, [file(`logs/${name}`), link(`aside/${name}`, `${field.canary}/f`, { uid: 1 })]);
      }
      const [log, json] = ["log", "json"].map((name) => [`${place}/logs/${name}`, `${place}/aside/${name}`]);
      // A name may be away for a moment.
      const isTold = (names: string[]) => names.some((name) => exists(name) && Deno.lstatSync(name).size > 200);
      await besiege({
        ...{ work: field.work, way: "local", canary: field.outside, budgetMs: BUDGET_MS },
        groups: [log, json],
        // --json that cannot be written ends the run before it begins.
        codes: [0, 11],
        prepare: (round) => {
          arm(field, { near: [] }, round);
          return ["-a", round % 2 ? `--log-file=${log[0]}` : `--json=${json[0]}`];
        },
        isEnough: () => isTold(log) && isTold(json),
      });
    });
  },
});

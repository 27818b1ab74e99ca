// The same words given to tsync and to the installed rsync, each in its own copy of the same place: what they leave and what they
// say is compared by the tests beside this file. Where tsync differs on purpose, differences.ts says so.

import { type Extra, manifest } from "../support/manifest.ts";
import { withBind, withMounts } from "../support/mounts.ts";
import { type Ran, withPlace } from "../support/run.ts";
import type { Topology } from "../support/topology.ts";
import { type Entry, plant } from "../support/trees.ts";

export interface Result {
  code: number;
  /** Lines of standard output, the place's path written as PLACE. */
  lines: string[];
  err: string;
  /** Every entry of the place: path and what the manifest says of it. */
  tree: Map<string, string>;
}

export interface Question {
  entries: readonly Entry[];
  options: readonly string[];
  /** Folders below the place, in the order in which they are mounted: each a file system of its own. Root only. */
  mounts?: readonly string[];
  /** A folder, and where it is shown, too. Root only. */
  bind?: readonly [from: string, to: string];
  /** Below the place; "" is the place itself. */
  sources: readonly string[];
  target: string;
  /** Words of tsync's alone, in front of the options: "--as-rsync". */
  first?: readonly string[];
  /** Manifest fields that are compared only if asked for. */
  extra?: readonly Extra[];
  /** Manifest fields that are not compared. */
  without?: readonly string[];
}

export interface Answers {
  tsync: Result;
  rsync: Result;
}

/** Asks both programs. */
export async function ask(way: Topology, question: Question): Promise<Answers> {
  const [tsync, rsync] = [await one(way, "sync", question), await one(way, "rsync", question)];
  return { tsync, rsync };
}

async function one(way: Topology, program: "sync" | "rsync", question: Question): Promise<Result> {
  let result: Result | undefined;
  const bound = (place: string, use: () => Promise<void>) => {
    const [from, to] = question.bind ?? [];
    return from === undefined ? use() : withBind(`${place}/${from}`, `${place}/${to}`, use);
  };
  await withPlace((place) =>
    withMounts(place, question.mounts ?? [], () =>
      bound(place, async () => {
        plant(place, question.entries);
        const at = (path: string) => path.startsWith("/") ? path : `${place}/${path}`;
        const options = program === "sync" ? [...question.first ?? [], ...question.options] : question.options;
        const ran: Ran = await way[program](options, question.sources.map(at), at(question.target), {
          cwd: place,
        });
        result = await resultOf(ran, place, question);
      }))
  );
  return result!;
}

/** What a run left in the place and said. */
export async function resultOf(
  ran: Ran,
  place: string,
  { extra, without }: Pick<Question, "extra" | "without">,
): Promise<Result> {
  const tree = new Map<string, string>();
  for (const [path, found] of await manifest(place, true, extra)) {
    const { allocated: _, ...fields } = found;
    const shown = Object.entries(fields).filter(([field]) => !without?.includes(field) && path !== "");
    tree.set(path, JSON.stringify(Object.fromEntries(shown)).replaceAll(place, "PLACE"));
  }
  const lines = ran.out.replaceAll(place, "PLACE").replaceAll(place.slice(1), "PLACE").split("\n");
  return { code: ran.code, lines, err: ran.err.replaceAll(place, "PLACE"), tree };
}

// The differential suite: a scenario is a tree and the words of a command line; rsync and tsync carry it out, each in its own copy, on
// one machine, as a push and as a pull, and must leave the same tree with all metadata, end with the same code and print the same
// lines. Where tsync differs on purpose, differences.ts says so, under "AREA: NAME".

import assert from "node:assert/strict";
import { LONG } from "../support/random.ts";
import { ALL, LOCAL, PULL, PUSH, testEach, type Topology } from "../support/topology.ts";
import { differenceOf } from "./differences.ts";
import { ask, type Question, type Result } from "./oracle.ts";

export interface Scenario extends Omit<Question, "options" | "sources" | "target"> {
  name: string;
  /** Words parted by spaces; -i where what is printed is to be compared. */
  options: string;
  /** Below the place; default "s/". */
  sources?: readonly string[];
  /** Default "d". */
  target?: string;
  /** Not in a pull, where rsync refuses its own list or says less. */
  notPull?: boolean;
  /** Only on one machine: the words make no sense elsewhere. */
  local?: boolean;
}

/** What belongs to each program alone: bytes on the wire, times, what rsync -vv tells of its inner life. */
export const OWN =
  /^(sent |total size is .* speedup|File list |Total bytes |Literal data|Matched data|delta-transmission |total: matches|opening connection|\[sender\] expand)/;

/** No tree is planted with times so late: what has one was made or changed by the run. */
const BEGAN = Date.now() / 1000 - 3600;

function withoutNow(fields: string): string {
  return fields.replace(/"mtime":"(\d+)\.\d+"/, (time, seconds) => Number(seconds) > BEGAN ? '"mtime":"now"' : time);
}

/** A result as it is compared. Lines are: folders come level by level in tsync, and deletions last (law 4). */
export function comparable({ lines, code, tree }: Result): { code: number; lines: string[]; tree: [string, string][] } {
  const shown = [...tree].map(([path, fields]): [string, string] => [path, withoutNow(fields)]);
  return { code, lines: lines.filter((line) => !OWN.test(line)).sort(), tree: shown.sort() };
}

/** The gate's share: the way in which each of eight scenarios runs. */
const GATE = [LOCAL, null, PUSH, LOCAL, null, LOCAL, PULL, null];

/** Registers a test for each scenario and way: all of them in the long run, in the gate five in eight in one way each. */
export function testScenarios(area: string, scenarios: readonly Scenario[]): void {
  for (const [number, scenario] of scenarios.entries()) {
    const claim = `${area}: ${scenario.name}`;
    const ways = ALL.filter((way) => {
      if (way !== LOCAL && (scenario.local || (way === PULL && scenario.notPull))) return false;
      return LONG || GATE[number % GATE.length] === way;
    });
    testEach(claim, (way) => check(way, claim, scenario), ways);
  }
}

async function check(way: Topology, claim: string, scenario: Scenario): Promise<void> {
  const { options, sources = ["s/"], target = "d", ...rest } = scenario;
  const { tsync, rsync } = await ask(way, { ...rest, options: options.split(" "), sources, target });
  const [ours, theirs] = [comparable(tsync), comparable(rsync)];
  const shown = `${claim}: ${options}\ntsync says: ${tsync.err}\nrsync says: ${rsync.err}`;
  if (differenceOf(claim, way.name) === undefined) assert.deepEqual(ours, theirs, shown);
  else assert.notDeepEqual(ours, theirs, `no longer a difference: ${shown}`);
}

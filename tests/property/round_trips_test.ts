// How often a run waits for the link, counted: client and agent are joined by streams in which what is written in one step arrives in
// the next. The number of steps depends on what is to be done, never on how many files there are: from the agent's HELLO, which with what
// comes beside it is the first trip, changed files take three times the way there and back.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { ARCHIVE, type MemoryLink, runInMemory, type Way } from "../support/memory_run.ts";
import { Random } from "../support/random.ts";
import { content, type Entry, file, folder, harvest, plant } from "../support/trees.ts";
import { FakeClock, Pipe, settled } from "../wire/raw_peer.ts";

/** One way of the link, ms. */
const ONE_WAY_MS = 100;
/** Turns of the event loop after which nothing more happens by itself. */
const QUIET_TURNS = 200;

/** What is written stays on the way until arrive(). */
class LongPipe extends Pipe {
  #onTheWay: Uint8Array[] = [];
  #isClosing = false;

  override write(bytes: Uint8Array): Promise<void> {
    this.#onTheWay.push(bytes.slice());
    return Promise.resolve();
  }

  override close(): void {
    this.#isClosing = true;
  }

  async arrive(): Promise<void> {
    for (const bytes of this.#onTheWay.splice(0)) await super.write(bytes);
    if (this.#isClosing) super.close();
  }
}

async function quiet(): Promise<void> {
  for (let turn = 0; turn < QUIET_TURNS; turn++) await settled();
}

interface Counted {
  /** One-way trips from the agent's HELLO to the client's BYE. */
  trips: number;
  target: Map<string, Entry>;
}

async function counted(
  way: Way,
  source: Entry[],
  target: Entry[],
  options: Partial<SyncOptions> = {},
): Promise<Counted> {
  const [here, there] = [openMemory({ seed: 1 }), openMemory({ seed: 2 })];
  plant("/", [folder("s")], here);
  plant("/s", source, here);
  plant("/", [folder("d")], there);
  plant("/d", target, there);
  const [up, down] = [new LongPipe(), new LongPipe()];
  const link: MemoryLink = { up, down, clock: new FakeClock(), roundTripMs: 2 * ONE_WAY_MS };
  let isDone = false;
  const run = runInMemory({
    way,
    options: { ...ARCHIVE, ...options },
    source: here,
    target: there,
    link,
    smallTree: 0,
  });
  const outcome = run.finally(() => isDone = true);
  // What the client says first is there when the agent begins.
  await quiet();
  await up.arrive();
  let trips = -1;
  for (await quiet(); !isDone; trips++) {
    assert.ok(trips < 100, "the run goes on for ever");
    await link.clock.pass(ONE_WAY_MS);
    await Promise.all([up.arrive(), down.arrive()]);
    await quiet();
  }
  const { code, error } = await outcome;
  assert.equal(code, 0, `${error}`);
  return { trips, target: harvest(there, utf8("/d")) };
}

/** A tree of so many folders with ten files each. */
function tree(folders: number, text: string): Entry[] {
  return Array.from({ length: folders }, (_, i) => Array.from({ length: 10 }, (_, j) => file(`${100 + i}/${j}`, text)))
    .flat();
}

/** Paths with what they hold, to be compared. */
function contents(target: Map<string, Entry>): string[] {
  return [...target].map(([path, entry]) => `${path} ${latin1(content(entry))}`).sort();
}

const random = new Random(1);
const basis = random.bytes(400_000);
const edited = new Uint8Array([...basis.subarray(0, 100_000), ...random.bytes(50_000), ...basis.subarray(150_000)]);

function equal(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}

interface Case {
  what: string;
  push: number;
  pull: number;
  source: (n: number) => Entry[];
  target: (n: number) => Entry[];
  options?: Partial<SyncOptions>;
}

const LATER = { sec: 2_000_000_000 };
const CASES: Case[] = [
  { what: "an empty target takes everything", push: 3, pull: 3, source: (n) => tree(n, "x"), target: () => [] },
  { what: "nothing to do", push: 5, pull: 5, source: (n) => tree(n, "x"), target: (n) => tree(n, "x") },
  { what: "every file changed", push: 7, pull: 7, source: (n) => tree(n, "xy"), target: (n) => tree(n, "x") },
  {
    what: "every file changed, and some to delete",
    push: 11,
    pull: 11,
    source: (n) => tree(n, "xy"),
    target: (n) => [...tree(n, "x"), file("extra", "e")],
    options: { delete: true, noGuard: true },
  },
  {
    what: "a delta of large files",
    push: 5,
    pull: 5,
    source: (n) => Array.from({ length: n }, (_, i) => ({ ...file(`${100 + i}`, edited), ...LATER })),
    target: (n) => Array.from({ length: n }, (_, i) => file(`${100 + i}`, basis)),
  },
];

for (const { what, source, target, options, ...trips } of CASES) {
  for (const way of ["push", "pull"] as const) {
    Deno.test(`${what}: ${trips[way]} trips, few files or many (${way})`, async () => {
      for (const n of [3, 30]) {
        const run = await counted(way, source(n), target(n), options);
        const [here, wanted] = [openMemory({}), "/w"];
        plant("/", [folder("w")], here);
        plant(wanted, source(n), here);
        assert.ok(
          equal(contents(run.target), contents(harvest(here, utf8(wanted)))),
          "the target is what the source is",
        );
        assert.equal(run.trips, trips[way], `${n}`);
      }
    });
  }
}

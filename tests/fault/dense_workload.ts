// The workload of workload.ts with what takes the longer ways in addition: large files that changed in places or were shifted (delta, its second
// round), and sparse ones; all text, so that it is packed. And the options that make a run take those ways.

import { look, makeTemplate, type Workload } from "./workload.ts";

/** Delta between any two ends, holes, and packed over a connection. */
export const DENSE = ["-a", "--delete", "-S", "--no-W", "-z"];

/** Blocks of a delta in which each has an edit, so that all of the file is literal at first: a second round pays however long the way seems. */
export const ALL_LITERAL = "-B65536";
const EDIT_EVERY = 50_000;

const LINE_BYTES = 40;

/** Lines that are each different. */
function text(bytes: number, salt: string): Uint8Array {
  let lines = "";
  for (let i = 0; lines.length < bytes; i++) {
    lines += `${salt} line ${i * 7919 % 100_003}`.padEnd(LINE_BYTES - 1) + "\n";
  }
  return new TextEncoder().encode(lines.slice(0, bytes));
}

function withEdits(bytes: Uint8Array, places: number[], word: string): Uint8Array {
  const edited = bytes.slice();
  for (const at of places) edited.set(new TextEncoder().encode(word), at);
  return edited;
}

function withInsertion(bytes: Uint8Array, at: number, word: string): Uint8Array {
  const added = new TextEncoder().encode(word);
  const longer = new Uint8Array(bytes.length + added.length);
  longer.set(bytes.subarray(0, at));
  longer.set(added, at);
  longer.set(bytes.subarray(at), at + added.length);
  return longer;
}

/** Islands of content in a file of holes. */
function writeIslands(path: string, bytes: number, islands: [at: number, content: Uint8Array][]): void {
  using file = Deno.openSync(path, { create: true, write: true });
  file.truncateSync(bytes);
  for (const [at, content] of islands) {
    file.seekSync(at, Deno.SeekMode.Start);
    for (let done = 0; done < content.length;) done += file.writeSync(content.subarray(done));
  }
}

export async function makeDenseTemplate(): Promise<Workload> {
  const template = await makeTemplate();
  const { source, target } = template;
  const [book, other] = [text(60 * EDIT_EVERY, "book"), text(300_000, "other")];
  const island = text(70_000, "island");
  Deno.writeFileSync(
    `${source}/edited`,
    withEdits(book, Array.from({ length: 60 }, (_, i) => 5_000 + EDIT_EVERY * i), "EDITED"),
  );
  Deno.writeFileSync(`${target}/edited`, book);
  Deno.writeFileSync(`${source}/shifted`, withInsertion(other, 140_001, "two"));
  Deno.writeFileSync(`${target}/shifted`, other);
  Deno.writeFileSync(`${source}/shorter`, other.subarray(0, 150_000));
  Deno.writeFileSync(`${target}/shorter`, other);
  writeIslands(`${source}/sparse`, 1_500_000, [[100_000, island], [900_000, withEdits(island, [30_000], "EDITED")]]);
  writeIslands(`${target}/sparse`, 1_500_000, [[100_000, island], [900_000, island], [1_200_000, island]]);
  writeIslands(`${source}/sparse-new`, 1_200_000, [[0, island], [1_130_000, island]]);
  for (const name of ["edited", "shifted", "shorter", "sparse"]) Deno.utimeSync(`${target}/${name}`, 1e9, 1e9);
  return { ...template, old: look(target), fresh: look(source) };
}

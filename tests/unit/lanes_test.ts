// Lanes: a stream over several connections, which may end at any moment; and peers that break the rules.

import assert from "node:assert/strict";
import { equalBytes } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import {
  LANE_CHUNK_BYTES,
  LANE_CHUNKS,
  LANE_DOUBTED_BEATS,
  LANE_SILENT_BEATS,
  LANE_WINDOW_BYTES,
} from "../../lib/base/limits.ts";
import type { ByteSink, ByteSource } from "../../lib/os/streams.ts";
import {
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  decodeChunkHeader,
  encodeChunkHeader,
} from "../../lib/transport/lane_chunk.ts";
import { Lanes, type LaneStreams } from "../../lib/transport/lanes.ts";
import { Random } from "../support/random.ts";
import { settled } from "../wire/raw_peer.ts";

/** One direction of a fake connection: holds up to `room` bytes, gives them in odd pieces, and may break. */
class Line implements ByteSource, ByteSink {
  carried = 0;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isClosed = false;
  #isBroken = false;
  #isFrozen = false;
  #wake: (() => void)[] = [];

  constructor(readonly random: Random, readonly room: number) {}

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#isBroken || this.#isClosed) throw new Error("broken pipe");
      const count = Math.min(this.room - this.#heldBytes, bytes.length - at);
      if (count === 0) {
        await this.#changed();
        continue;
      }
      this.#held.push(bytes.slice(at, at + count));
      this.#heldBytes += count;
      at += count;
      this.#tell();
    }
  }

  async read(into: Uint8Array): Promise<number | null> {
    while ((this.#held.length === 0 || this.#isFrozen) && !this.#isClosed && !this.#isBroken) await this.#changed();
    if (this.#isBroken || this.#held.length === 0) return null;
    const first = this.#held[0];
    const count = Math.min(first.length, into.length, 1 + this.random.below(40_000));
    into.set(first.subarray(0, count));
    if (count === first.length) this.#held.shift();
    else this.#held[0] = first.subarray(count);
    this.#heldBytes -= count;
    this.carried += count;
    this.#tell();
    return count;
  }

  close(): void {
    this.#isClosed = true;
    this.#tell();
  }

  /** It stands, takes what it has room for, and gives nothing; or goes on. */
  freeze(isFrozen = true): void {
    this.#isFrozen = isFrozen;
    this.#tell();
  }

  /** What it holds is lost. */
  cut(): void {
    this.#isBroken = true;
    this.#tell();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #tell(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

/** A connection between two sides. */
class Connection {
  readonly up: Line;
  readonly down: Line;
  readonly near: LaneStreams;
  readonly far: LaneStreams;

  constructor(random: Random, room: number) {
    this.up = new Line(random, room);
    this.down = new Line(random, room);
    this.near = { source: this.down, sink: this.up, end: () => this.cut() };
    this.far = { source: this.up, sink: this.down, end: () => this.cut() };
  }

  cut(): void {
    this.up.cut();
    this.down.cut();
  }

  freeze(isFrozen = true): void {
    this.up.freeze(isFrozen);
    this.down.freeze(isFrozen);
  }
}

function joined(random: Random, count: number, room = 100_000) {
  const near = new Lanes(null);
  const far = new Lanes(null);
  const connections = Array.from({ length: count }, () => new Connection(random, room));
  for (const connection of connections) {
    near.add(connection.near);
    far.add(connection.far);
  }
  return { near, far, connections };
}

/** The stream has a period that no chunk has. */
const PERIOD = 65_521;
const PATTERN = Uint8Array.from({ length: PERIOD + 400_000 }, (_, at) => (at % PERIOD) & 255);
const bytesAt = (at: number, count: number) => PATTERN.subarray(at % PERIOD, at % PERIOD + count);

async function writeAll(sink: ByteSink, bytes: number, random: Random, each: (written: number) => void): Promise<void> {
  for (let at = 0; at < bytes;) {
    const count = Math.min(bytes - at, 1 + random.below(random.below(3) === 0 ? 100 : 300_000));
    await sink.write(bytesAt(at, count));
    at += count;
    each(at);
  }
}

async function readAll(source: ByteSource, bytes: number): Promise<void> {
  const into = new Uint8Array(90_000);
  for (let at = 0; at < bytes;) {
    const count = await source.read(into);
    assert.ok(count !== null, `the stream ended at ${at} of ${bytes}`);
    assert.ok(equalBytes(into.subarray(0, count), bytesAt(at, count)), `what came at ${at} is wrong`);
    at += count;
  }
}

Deno.test("lanes: what is written comes out once and in order, both ways at once, over 1 to 5 connections", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = new Random(seed);
    const { near, far } = joined(random, 1 + seed % 5, 1 + random.below(200_000));
    const none = () => {};
    await Promise.all([
      writeAll(near, 2_000_000, random, none),
      writeAll(far, 700_000, random, none),
      readAll(far, 2_000_000),
      readAll(near, 700_000),
    ]);
    await near.flush();
    near.end();
    assert.equal(await far.read(new Uint8Array(1)), null, "the end of all lanes is the end");
    far.end();
  }
});

Deno.test("lanes: connections that end at any moment lose nothing while one stands", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new Random(seed);
    const { near, far, connections } = joined(random, 4, 1 + random.below(150_000));
    let lost = 0;
    near.onLost = () => lost++;
    const cuts = connections.slice(1).map((connection) => ({ connection, at: random.below(3_000_000) }));
    const total = 3_000_000;
    const cutDue = (written: number) => {
      for (const { connection, at } of cuts) if (at <= written) connection.cut();
    };
    await Promise.all([
      writeAll(near, total, random, cutDue),
      writeAll(far, 1_000_000, random, () => {}),
      readAll(far, total),
      readAll(near, 1_000_000),
    ]);
    assert.ok(near.count >= 1 && lost <= 3);
    near.end();
    far.end();
  }
});

Deno.test("lanes: only one side sees that a connection has ended, and the other side's word arrives all the same", async () => {
  const random = new Random(5);
  const { near, far, connections } = joined(random, 2);
  // The far side's way to us breaks; it notices when it writes.
  connections[0].down.cut();
  await Promise.all([
    writeAll(near, 500_000, random, () => {}),
    writeAll(far, 500_000, random, () => {}),
    readAll(far, 500_000),
    readAll(near, 500_000),
  ]);
  near.end();
  far.end();
});

Deno.test("lanes: a connection that takes nothing holds up nothing but what it was given", async () => {
  const random = new Random(7);
  const { near, far, connections } = joined(random, 3);
  const [, , stuck] = connections;
  // Its far end reads no more than a head that it waits for: what it was given is kept, and goes another way when it ends.
  stuck.up.read = () => new Promise(() => {});
  const done = Promise.all([writeAll(near, 3_000_000, random, () => {}), readAll(far, 3_000_000)]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(stuck.up.carried <= CHUNK_HEADER_BYTES);
  stuck.cut();
  await done;
  const shares = connections.slice(0, 2).map(({ up }) => up.carried);
  assert.ok(Math.min(...shares) > 0.2 * Math.max(...shares), `${shares}`);
  near.end();
  far.end();
});

/** So many beats of both sides; between two, what was said arrives. */
async function beats(count: number, ...sides: Lanes[]): Promise<void> {
  for (let i = 0; i < count; i++) {
    for (const side of sides) side.beat();
    for (let turn = 0; turn < 3; turn++) await settled();
  }
}

Deno.test("lanes: one that stands but carries nothing is ended after ten beats, at both sides, and what it held goes another way", async () => {
  for (const which of [0, 1, 2]) {
    const random = new Random(11 + which);
    const { near, far, connections } = joined(random, 3);
    const said: string[] = [];
    near.onLost = (why) => said.push(`near ${why}`);
    far.onLost = (why) => said.push(`far ${why}`);
    await beats(3, near, far);
    const total = 2 * LANE_WINDOW_BYTES;
    let written = 0;
    let isRead = false;
    const work = Promise.all([
      writeAll(near, total, random, (bytes) => {
        if (written < 1_000_000 && bytes >= 1_000_000) connections[which].freeze();
        written = bytes;
      }),
      writeAll(far, 300_000, random, () => {}),
      readAll(far, total),
      readAll(near, 300_000),
    ]).then(() => isRead = true);
    await beats(LANE_SILENT_BEATS, near, far);
    assert.ok(!isRead && written < total, "it holds up the others");
    await beats(3, near, far);
    await work;
    assert.deepEqual([near.count, far.count], [2, 2]);
    assert.ok(said.some((line) => line.endsWith("silent")), `${said}`);
    near.end();
    far.end();
  }
});

Deno.test("lanes: one that is doubted gets nothing new, and is trusted again when it speaks", async () => {
  const random = new Random(14);
  const { near, far, connections } = joined(random, 2, 1 << 20);
  await beats(2, near, far);
  connections[1].freeze();
  await beats(LANE_DOUBTED_BEATS + 1, near, far);
  connections[1].up.carried = connections[0].up.carried = 0;
  await Promise.all([writeAll(near, 500_000, random, () => {}), readAll(far, 500_000)]);
  connections[1].freeze(false);
  await beats(2, near, far);
  assert.ok(connections[0].up.carried > 500_000 && connections[1].up.carried < 1000, `${connections[1].up.carried}`);
  await Promise.all([writeAll(near, 500_000, random, () => {}), readAll(far, 500_000)]);
  assert.ok(connections[1].up.carried > 100_000, `${connections[1].up.carried}`);
  assert.deepEqual([near.count, far.count], [2, 2]);
  near.end();
  far.end();
});

Deno.test("lanes: silence of all, or of a peer that is busy, condemns none; nor does that of the last", async () => {
  const random = new Random(15);
  const { near, far, connections } = joined(random, 2);
  await beats(2, near, far);
  for (const connection of connections) connection.freeze();
  await beats(3 * LANE_SILENT_BEATS, near, far);
  for (const connection of connections) connection.freeze(false);
  // Only we are awake.
  await beats(3 * LANE_SILENT_BEATS, near);
  assert.deepEqual([near.count, far.count], [2, 2]);
  connections[0].freeze();
  await beats(LANE_SILENT_BEATS - 2, near, far);
  connections[1].cut();
  await beats(3 * LANE_SILENT_BEATS, near, far);
  assert.deepEqual([near.count, far.count], [1, 1], "the last one stays, however silent");
  connections[0].freeze(false);
  await Promise.all([writeAll(near, 500_000, random, () => {}), readAll(far, 500_000)]);
  near.end();
  far.end();
});

Deno.test("lanes: a connection may join later, and one that joins after the end is ended", async () => {
  const random = new Random(8);
  const { near, far } = joined(random, 1);
  const late = new Connection(random, 50_000);
  const work = Promise.all([
    writeAll(near, 2_000_000, random, (written) => {
      if (written > 500_000 && near.count === 1) {
        near.add(late.near);
        far.add(late.far);
      }
    }),
    readAll(far, 2_000_000),
  ]);
  await work;
  assert.equal(near.most, 2);
  assert.ok(late.up.carried > 100_000);
  near.end();
  far.end();
  let ended = false;
  near.add({ ...new Connection(random, 1).near, end: () => ended = true });
  assert.ok(ended);
});

Deno.test("lanes: the writer waits for a reader that does not use what came, and keeps no more than the window", async () => {
  const random = new Random(9);
  const { near, far } = joined(random, 2, 64 << 20);
  let written = 0;
  const work = writeAll(near, 2 * LANE_WINDOW_BYTES, random, (bytes) => written = bytes);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(written <= LANE_WINDOW_BYTES && written > LANE_WINDOW_BYTES / 2, `${written}`);
  await Promise.all([work, readAll(far, 2 * LANE_WINDOW_BYTES)]);
  near.end();
  far.end();
});

Deno.test("lanes: the loss of the last one fails who writes and ends who reads, after what is there", async () => {
  const random = new Random(10);
  const { near, far, connections } = joined(random, 2);
  await near.write(new Uint8Array([1, 2, 3]));
  const into = new Uint8Array(3);
  assert.equal(await far.read(into), 3);
  const waiting = far.read(into);
  for (const connection of connections) connection.cut();
  assert.equal(await waiting, null);
  await assert.rejects(near.write(new Uint8Array(9)));
  await assert.rejects(near.flush());
});

// A peer that is not ours.

function chunk(header: Partial<ChunkHeader>, content = new Uint8Array(header.length ?? 0)): Uint8Array {
  const bytes = new Uint8Array(CHUNK_HEADER_BYTES + content.length);
  encodeChunkHeader(bytes, { length: content.length, sequence: 0, used: 0, ...header });
  bytes.set(content, CHUNK_HEADER_BYTES);
  return bytes;
}

/** What the reader makes of these bytes on one lane. */
async function heard(...parts: Uint8Array[]): Promise<unknown> {
  const connection = new Connection(new Random(1), 64 << 20);
  const lanes = new Lanes(null);
  lanes.add(connection.near);
  for (const part of parts) await connection.down.write(part);
  connection.down.close();
  const got: number[] = [];
  const into = new Uint8Array(1000);
  try {
    for (let count = await lanes.read(into); count !== null; count = await lanes.read(into)) {
      got.push(...into.subarray(0, count));
    }
    return got;
  } catch (error) {
    return error;
  }
}

const isOffence = (error: unknown) => error instanceof TsyncError && error.data.kind === "stream";

Deno.test("lanes: chunks out of order, twice, and old ones", async () => {
  const [a, b, c] = [1, 2, 3].map((byte) => new Uint8Array([byte]));
  const parts = [
    chunk({ sequence: 2 }, c),
    chunk({ sequence: 2 }, a),
    chunk({ sequence: 0 }, a),
    chunk({ sequence: 1 }, b),
    chunk({ sequence: 0 }, c),
    chunk({}),
  ];
  assert.deepEqual(await heard(...parts), [1, 2, 3]);
  assert.deepEqual(await heard(chunk({ sequence: 1 }, b)), [], "without the first there is nothing");
  assert.deepEqual(await heard(chunk({}, a), chunk({ sequence: 1 }, b).subarray(0, 16)), [1], "half a chunk is none");
});

Deno.test("lanes: a peer that breaks the rules is refused before anything is kept for it", async () => {
  const one = new Uint8Array(1);
  assert.ok(isOffence(await heard(chunk({ length: LANE_CHUNK_BYTES + 1 }, one))));
  assert.ok(isOffence(await heard(chunk({ length: 2 ** 32 - 1 }, one))));
  assert.ok(isOffence(await heard(chunk({ sequence: LANE_CHUNKS }, one))), "beyond the window of chunks");
  assert.ok(isOffence(await heard(chunk({ sequence: 2 ** 48 - 1 }, one))));
  assert.ok(isOffence(await heard(chunk({ used: 1 }))), "nothing was sent that it could have used");
  assert.ok(isOffence(await heard(chunk({ sequence: 1 }, new Uint8Array(0)))), "an empty chunk has no number");
  const large = new Uint8Array(LANE_CHUNK_BYTES);
  const many = Array.from(
    { length: LANE_WINDOW_BYTES / LANE_CHUNK_BYTES + 1 },
    (_, i) => chunk({ sequence: i + 1 }, large),
  );
  assert.ok(isOffence(await heard(...many)), "more bytes than a window takes");
});

Deno.test("lanes: the head of a chunk is 16 bytes, little-endian", () => {
  const bytes = new Uint8Array(16);
  const header = { length: 0x00010000, sequence: 0x010203040506, used: 0x0a0b0c0d0e0f };
  encodeChunkHeader(bytes, header);
  assert.deepEqual([...bytes], [0, 0, 1, 0, 6, 5, 4, 3, 2, 1, 15, 14, 13, 12, 11, 10]);
  assert.deepEqual(decodeChunkHeader(bytes), header);
});

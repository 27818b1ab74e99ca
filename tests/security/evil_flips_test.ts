// D17: one bit flipped inside the agent channel, between the two real programs: in the header and in the payload of each type of frame,
// both directions. It is noticed by decoder or digest, or did no harm to content: files are old or new, and exit 0 never stands
// over wrong content. The gate takes a seeded sample.

import { assert } from "@std/assert";
import { TYPE, type TypeName, typeName } from "../support/protocol_bytes.ts";
import type { Tree } from "../support/protocol_halves.ts";
import { type Direction, proxyToAgent } from "../support/evil_proxy.ts";
import { LONG } from "../support/evil_sandbox.ts";
import {
  assertUnharmed,
  expected,
  OLD_TARGET,
  play,
  type Played,
  type Row,
  sample,
  testRows,
} from "../support/evil_play.ts";

interface Flip {
  direction: Direction;
  type: TypeName;
  /** Place in the frame, 0 to 1; below 0: byte of the header from its end. */
  at: number;
  bit: number;
}

const TREE: Tree = {
  "a.txt": "new a, longer\n",
  dir: { "b.txt": "bee\n" },
  link: { link: "a.txt" },
  large: new Uint8Array(300_000).map((_, i) => i * 13 % 247),
};

async function session(job: "push" | "pull", flip: Flip | null): Promise<{ played: Played; applied: boolean }> {
  let applied = false;
  const change = (direction: Direction, frame: Uint8Array): Uint8Array => {
    if (flip === null || applied || direction !== flip.direction || frame[4] !== TYPE[flip.type]) return frame;
    const place = flip.at < 0 ? 5 + flip.at : 5 + Math.floor(flip.at * (frame.length - 5));
    if (place >= frame.length) return frame;
    applied = true;
    const changed = frame.slice();
    changed[place] ^= 1 << flip.bit;
    return changed;
  };
  const played = await play(job === "push" ? "client source" : "client target", {
    tree: TREE,
    // Not packed: the frames must be those that are named.
    options: ["-a", "--timeout=3", "--no-z"],
    before: OLD_TARGET,
    sources: (sandbox) => [`${sandbox.tree}/`],
    remoteTarget: (sandbox) => sandbox.target,
    // A HELLO that seems longer than it is takes as long as a phase of the handshake may: 20 s.
    limitMs: 35_000,
    proxy: (link, sandbox) => proxyToAgent(link, sandbox, change),
  });
  return { played, applied };
}

/** Content under a name is old or new; with exit 0 and a flip in content, everything is as it should be. */
async function assertNoWrongContent(job: "push" | "pull", flip: Flip): Promise<void> {
  const { played } = await session(job, flip);
  await assertUnharmed(played);
  const fresh = expected(TREE);
  const contents = new Set([...fresh.values(), ...played.before.values()]);
  for (const [path, what] of played.after) {
    // A flip in a name makes another name; where that is no UTF-8, Deno cannot read the file back.
    if (!what.startsWith("f ") || what === "f (a name that is no UTF-8)") continue;
    const known = played.before.has(path) || fresh.has(path);
    const good = known ? what === played.before.get(path) || what === fresh.get(path) : contents.has(what);
    assert(good, `${JSON.stringify(path)} holds neither old nor new: ${JSON.stringify(what)}, exit ${played.code}`);
    assert(!path.includes(".tsync-"), `${path} is left`);
  }
  if (played.code !== 0 || !["FILES", "FILE_BEGIN", "FILE_DATA", "FILE_END", "WANT"].includes(flip.type)) return;
  for (const [path, what] of fresh) {
    assert(played.after.get(path) === what, `${path} is wrong with exit 0: ${played.after.get(path)}`);
  }
}

const FRAMES: [job: "push" | "pull", direction: Direction, types: TypeName[]][] = [
  ["pull", "down", [
    "HELLO",
    "ROOTS",
    "LIST",
    "LIST_END",
    "FILES",
    "FILE_BEGIN",
    "FILE_DATA",
    "FILE_END",
    "SOURCE_DONE",
  ]],
  // A job with a flipped path is another legal job: in a push only the other direction can be judged.
  ["pull", "up", ["JOB", "READY", "WANT", "WANT_END", "BYE"]],
  ["push", "up", ["ROOTS", "LIST", "LIST_END", "FILES", "FILE_BEGIN", "FILE_DATA", "FILE_END", "SOURCE_DONE", "BYE"]],
  ["push", "down", ["HELLO", "READY", "WANT", "WANT_END", "ENTRY", "PROGRESS", "TOTALS"]],
];

const rows: Row[] = [];
for (const job of ["push", "pull"] as const) {
  rows.push({
    name: `${job} through the proxy without a flip brings everything`,
    async run() {
      const { played } = await session(job, null);
      await assertUnharmed(played);
      assert(played.code === 0, played.stderr);
      for (const [path, what] of expected(TREE)) assert(played.after.get(path) === what, path);
    },
  });
}
for (const [job, direction, types] of FRAMES) {
  const flips: Flip[] = [];
  for (const type of types) {
    for (const at of [-5, -4, -2, -1, 0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.999]) {
      if (type === "HELLO" && at < -1 && !LONG) continue;
      for (const bit of [0, 3, 7]) flips.push({ direction, type, at, bit });
    }
  }
  for (const flip of sample(flips, 14, LONG)) {
    const where = flip.at < 0 ? `header byte ${5 + flip.at}` : `payload at ${Math.round(flip.at * 100)} percent`;
    rows.push({
      name: `${job}, ${direction}: bit ${flip.bit} of ${
        typeName(TYPE[flip.type])
      }, ${where}, flipped, leaves old or new`,
      run: () => assertNoWrongContent(job, flip),
    });
  }
}
rows.push({
  name: "pull: a flip in content is really applied and is noticed or repaired",
  async run() {
    for (const type of ["FILES", "FILE_DATA", "FILE_END"] as TypeName[]) {
      const { played, applied } = await session("pull", { direction: "down", type, at: 0.8, bit: 2 });
      assert(applied, `no ${type} passed`);
      await assertUnharmed(played);
      assert(played.code !== 0 || played.after.get("a.txt") === "f new a, longer\n", `${type}: exit ${played.code}`);
    }
  },
});

testRows(rows);

// The hand-made protocol speaks with itself: both halves, in both directions, over an in-memory link. What the hostile
// tests build on is proven here without tsync.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  decodeEntryOf,
  encodePing,
  frame,
  fromLatin1,
  latin1,
  makeDigest,
  makeEntry,
  makeJob,
  Reader,
  sessionSeed,
  TYPE,
  Violation,
  Writer,
} from "../support/protocol_bytes.ts";
import {
  openAsAgent,
  openAsClient,
  planOf,
  playSource,
  playTarget,
  type SourcePlan,
} from "../support/protocol_halves.ts";
import { pairOfDuplexes, Wire } from "../support/protocol_wire.ts";

const big = new Uint8Array(700_000).map((_, i) => i * 31 % 251);
const tree = {
  "a.txt": "new a\n",
  big,
  dir: { "b.txt": "bee", deep: { "c\xff": "c" } },
  empty: "",
  link: { link: "a.txt" },
};

async function speak(direction: "push" | "pull", streaming: boolean, change?: (plan: SourcePlan) => void) {
  const [one, two] = pairOfDuplexes();
  const client = new Wire(one);
  const agent = new Wire(two);
  const plan = planOf(tree);
  change?.(plan);
  const wish = { streaming, check: [latin1("gone/x")] };
  const push = direction === "push";
  const clientRun = (async () => {
    const opened = await openAsClient(client, makeJob(push ? 0 : 1, ["tree/"]));
    return await (push ? playSource(client, opened, plan, true) : playTarget(client, opened, wish, true));
  })();
  const agentRun = (async () => {
    const opened = await openAsAgent(agent);
    const result = await (push ? playTarget(agent, opened, wish, false) : playSource(agent, opened, plan, false));
    await agent.closeWrite();
    return result;
  })();
  const [ofClient, ofAgent] = await Promise.all([clientRun, agentRun]);
  return (push ? ofAgent : ofClient) as Awaited<ReturnType<typeof playTarget>>;
}

for (const direction of ["push", "pull"] as const) {
  for (const streaming of [false, true]) {
    Deno.test(`protocol by hand: a ${direction} with streaming ${streaming ? "on" : "off"} brings every file whole`, async () => {
      const result = await speak(direction, streaming);
      assertEquals([...result.entries.keys()], [
        "a.txt",
        "big",
        "dir",
        "empty",
        "link",
        "dir/b.txt",
        "dir/deep",
        "dir/deep/c\xff",
      ]);
      assertEquals(fromLatin1(result.contents.get("dir/deep/c\xff")!), "c");
      assertEquals(result.contents.get("big"), big);
      assertEquals(result.contents.size, 5);
      assertEquals(result.checked, Uint8Array.of(1, 1));
    });
  }
}

Deno.test("protocol by hand: a list out of order is noticed", async () => {
  await assertRejects(() => speak("push", false, (plan) => plan.lists[0].entries.reverse()), Violation, "rise");
});

Deno.test("protocol by hand: digests are canonical XXH3-128 and the seed changes them", async () => {
  const plain = await makeDigest(0n);
  const hex = (bytes: Uint8Array) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  assertEquals(hex(plain(new Uint8Array(0))), "99aa06d3014798d86001c324468d497f");
  const seeded = await makeDigest(await sessionSeed(new Uint8Array(16), new Uint8Array(16).fill(1)));
  assertEquals(hex(seeded(latin1("x"))) === hex(plain(latin1("x"))), false);
});

Deno.test("protocol by hand: the reader refuses long, overlong and unfinished numbers", () => {
  const read = (...bytes: number[]) => () => new Reader(Uint8Array.from(bytes)).varint();
  assertEquals(read(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)(), Number.MAX_SAFE_INTEGER);
  assertThrows(read(0x80, 0x00), Violation, "shortest");
  assertThrows(read(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10), Violation, "limit");
  assertThrows(read(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01), Violation, "8 bytes");
  assertThrows(read(0x80), Violation, "left");
  for (const value of [0, 1, -1, 63, -64, 2 ** 43, -(2 ** 43)]) {
    assertEquals(new Reader(new Writer().signed(value).bytes()).signed(2 ** 52), value);
  }
});

Deno.test("protocol by hand: an entry with pre-1970 time and every kind of name byte survives", () => {
  const entry = makeEntry("\x01\n\xfe", { seconds: -3, uid: 70_000, size: 2 ** 40 });
  assertEquals(decodeEntryOf(entry), entry);
});

Deno.test("protocol by hand: a wire cut in the middle ends the other side's reading", async () => {
  const [one, two] = pairOfDuplexes();
  const cut = new Wire(one);
  const other = new Wire(two);
  cut.cutAfterBytes = 6;
  const bytes = frame(TYPE.PING, encodePing(300));
  await cut.raw(bytes.slice(0, 6));
  await assertRejects(() => cut.raw(bytes), Error, "cut");
  await assertRejects(() => other.next(), Error, "within a frame");
});

// F17: a peer that says nothing, or only what keeps the line warm. --timeout ends it (exit 30), a PING that counts nothing is no
// progress, the handshake has limits of its own (20 s a phase; the long task waits for them), and what repeats without end is
// bounded.

import { assert, assertEquals } from "@std/assert";
import { encodeList, encodePing, frame, latin1, parseLaunchLine, TYPE } from "../support/protocol_bytes.ts";
import { Gone, type Wire } from "../support/protocol_wire.ts";
import { openAsAgent, planOf, playSource } from "../support/protocol_halves.ts";
import { LONG } from "../support/evil_sandbox.ts";
import {
  assertUnharmed,
  assertWorks,
  NEW_TREE,
  play,
  type Played,
  type Role,
  type Row,
  testRows,
} from "../support/evil_play.ts";
import { instead } from "../support/evil_tamper.ts";

const rows: Row[] = [];
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Sends this again and again until nobody listens. */
async function forever(wire: Wire, everyMs: number, bytes: (nth: number) => Uint8Array): Promise<void> {
  try {
    for (let nth = 0;; nth++) {
      await wire.raw(bytes(nth));
      await pause(everyMs);
    }
  } catch (error) {
    if (!(error instanceof Gone)) throw error;
  }
}

async function assertTimedOut(played: Played, atMostMs: number): Promise<void> {
  await assertUnharmed(played);
  assertEquals(played.code, 30, played.stderr);
  assert(played.ms <= atMostMs, `after ${Math.round(played.ms)} ms`);
  assertEquals(played.after, played.before);
}

const TIMEOUT = ["-a", "--timeout=2"];
for (const role of ["client target", "client source"] as Role[]) {
  rows.push({
    name: `${role}: --timeout ends an agent that is silent after HELLO`,
    async run() {
      const script = async (wire: Wire) => {
        await openAsAgent(wire);
        await wire.drain();
      };
      await assertTimedOut(await play(role, { options: TIMEOUT, script }), 6_000);
    },
  });
  rows.push({
    name: `${role}: --timeout ends an agent that only sends PINGs whose counter never rises`,
    async run() {
      const script = async (wire: Wire) => {
        await openAsAgent(wire);
        await forever(wire, 200, () => frame(TYPE.PING, encodePing(5)));
      };
      await assertTimedOut(await play(role, { options: TIMEOUT, script }), 6_000);
    },
  });
  rows.push({
    name: `${role}: --timeout ends an agent that sends PINGs whose counter falls`,
    async run() {
      const script = async (wire: Wire) => {
        await openAsAgent(wire);
        await forever(wire, 200, (nth) => frame(TYPE.PING, encodePing(Math.max(0, 1_000 - nth))));
      };
      await assertTimedOut(await play(role, { options: TIMEOUT, script }), 6_000);
    },
  });
  rows.push({
    name: `${role}: --timeout ends an agent that sends the bytes of one frame slower than any progress`,
    async run() {
      const ping = frame(TYPE.LIST, encodeList(0, []));
      const script = async (wire: Wire) => {
        await openAsAgent(wire);
        await forever(wire, 600, (nth) => nth < ping.length - 1 ? ping.slice(nth, nth + 1) : new Uint8Array(0));
      };
      await assertTimedOut(await play(role, { options: TIMEOUT, script }), 6_000);
    },
  });
  rows.push({
    name: `${role}: --timeout leaves an agent alone that works slowly but tells so`,
    async run() {
      let slowNow = false;
      const played = await play(role, {
        options: TIMEOUT,
        link: (duplex) => {
          let ping = 0;
          let held = 0;
          return {
            ...duplex,
            async write(bytes) {
              // 4 s of silence in all, filled with PINGs that count up.
              for (; slowNow && held < 8; held++) {
                await pause(500);
                await duplex.write(frame(TYPE.PING, encodePing(++ping)));
              }
              await duplex.write(bytes);
            },
          };
        },
        tamper: (name) => void (slowNow ||= name === "LIST_END" || name === "WANT_END"),
      });
      await assertWorks(played);
    },
  });
}

rows.push({
  name: "client target: without --timeout an agent that pauses for 3 s is waited for",
  async run() {
    const played = await play("client target", {
      async script(wire) {
        const opened = await openAsAgent(wire);
        await pause(3_000);
        await playSource(wire, opened, planOf(NEW_TREE), false);
      },
    });
    await assertWorks(played);
  },
});
rows.push({
  name: "agent target: the job's timeout ends a client that is silent",
  async run() {
    const played = await play("agent target", {
      job: { timeoutSeconds: 2 },
      tamper: instead("LIST_END"),
    });
    await assertTimedOutAgent(played);
  },
});
rows.push({
  name: "agent source: the job's timeout ends a client that is silent",
  async run() {
    const played = await play("agent source", { job: { timeoutSeconds: 2 }, tamper: instead("READY") });
    await assertTimedOutAgent(played);
  },
});

async function assertTimedOutAgent(played: Played): Promise<void> {
  await assertUnharmed(played);
  assertEquals(played.code, 30, played.stderr);
  assert(played.ms < 7_000, `after ${played.ms} ms`);
}

rows.push({
  name: "client target: endless empty pieces of one LIST end the session",
  async run() {
    const played = await play("client target", {
      options: TIMEOUT,
      async script(wire) {
        const opened = await openAsAgent(wire);
        wire.tamper = (name) => {
          if (name === "LIST") {
            return [
              frame(TYPE.LIST, encodeList(0, [], 1)),
              ...new Array(200_000).fill(frame(TYPE.LIST, encodeList(0, [], 0))),
            ];
          }
        };
        await playSource(wire, opened, planOf(NEW_TREE), false);
      },
    });
    await assertUnharmed(played);
    assertEquals(played.code, 12, played.stderr);
  },
});
rows.push({
  name: "client source: --timeout ends an agent that stops reading in the middle of the content",
  async run() {
    let deaf = false;
    const played = await play("client source", {
      options: TIMEOUT,
      tree: { big: new Uint8Array(7_000_000).fill(7) },
      streaming: true,
      link: (duplex) => ({
        ...duplex,
        async read() {
          if (!deaf) return await duplex.read();
          await pause(7_000);
          return null;
        },
      }),
      tamper: (name) => void (deaf ||= name === "READY"),
    });
    await assertUnharmed(played);
    assertEquals(played.code, 30, played.stderr);
    assert(played.ms < 6_000, `after ${Math.round(played.ms)} ms`);
  },
});

if (LONG) {
  for (const role of ["client target", "client source"] as Role[]) {
    for (
      const [claim, code, script] of [
        ["says nothing after OK", 30, async (wire: Wire) => {
          const { marker } = parseLaunchLine(await wire.line());
          await wire.raw(latin1(`${marker} OK\n`));
          await wire.drain();
        }],
        ["sends its greeting a byte in 10 s", 5, async (wire: Wire) => {
          const { marker } = parseLaunchLine(await wire.line());
          const slow = latin1(`${marker} OK\n`);
          await forever(wire, 10_000, (nth) => slow.slice(nth % slow.length, nth % slow.length + 1));
        }],
        ["says half of its HELLO", 30, async (wire: Wire) => {
          const { marker } = parseLaunchLine(await wire.line());
          await wire.raw(latin1(`${marker} OK\n`));
          await wire.raw(Uint8Array.of(40, 0, 0, 0, 1, 1));
          await wire.drain();
        }],
      ] as [string, number, (wire: Wire) => Promise<void>][]
    ) {
      rows.push({
        name: `${role}: an agent that ${claim} is given up within 65 s`,
        async run() {
          const played = await play(role, { script, limitMs: 70_000 });
          await assertUnharmed(played);
          assertEquals(played.code, code, played.stderr);
          assert(played.ms < 65_000);
        },
      });
    }
  }
  for (const role of ["agent target", "agent source"] as Role[]) {
    rows.push({
      name: `${role}: a client that sends half a launch line and waits is given up within 65 s`,
      async run() {
        const played = await play(role, {
          limitMs: 70_000,
          async script(wire) {
            await wire.raw(latin1("tsync1 "));
            await wire.drain();
          },
        });
        await assertUnharmed(played);
        assertEquals(played.code, 5, played.stderr);
      },
    });
  }
}

testRows(rows);

// F04, J08: a good session cut off after every byte. Never exit 0, every file old or new, and nothing deleted, for nothing
// may go before the whole list and the last CHECKED are in. The gate takes a seeded sample and every cut beside a frame's edge is
// among the candidates; the long task takes all.

import { assert, assertEquals } from "@std/assert";
import { JOB_BIT, latin1 } from "../support/protocol_bytes.ts";
import { planOf } from "../support/protocol_halves.ts";
import { LONG } from "../support/evil_sandbox.ts";
import {
  assertOldOrNew,
  assertUnharmed,
  assertWorks,
  expected,
  NEW_TREE,
  play,
  type Role,
  ROLES,
  type Row,
  sample,
  type Scenario,
  testRows,
} from "../support/evil_play.ts";

const TREE = { ...NEW_TREE, pieces: "p".repeat(50) };

function wholeSession(): Scenario {
  const plan = planOf(TREE);
  plan.inPieces.add(4);
  return {
    plan,
    options: ["-a", "--delete"],
    job: { bits: 0xff | JOB_BIT.delete },
    check: [latin1("gone")],
  };
}

/** Bytes that we send in the whole session, and where frames end; measured once per role, and the same in every run. */
const lengths = new Map<Role, Promise<number>>();
function sentBytes(role: Role): Promise<number> {
  let length = lengths.get(role);
  if (length === undefined) {
    length = play(role, wholeSession()).then(async (played) => {
      await assertWorks(played);
      return played.sentBytes;
    });
    lengths.set(role, length);
  }
  return length;
}

async function cutAt(role: Role, bytes: number): Promise<void> {
  const played = await play(role, { ...wholeSession(), cutAfterBytes: bytes });
  await assertUnharmed(played);
  assert(played.code !== 0, `exit 0 after ${bytes} bytes`);
  // When only the BYE is missing the target has done everything.
  const byeOnly = role === "agent target" && bytes >= await sentBytes(role) - 5;
  assertOldOrNew(played, expected(TREE), byeOnly);
}

const rows: Row[] = [];
// In an agent's role our stream begins with a launch line of some 250 bytes; a whole session has 500 to 700.
const CANDIDATES = 800;
for (const role of ROLES) {
  rows.push({
    name: `${role}: a session that lacks only its last byte is no success`,
    run: async () => await cutAt(role, await sentBytes(role) - 1),
  });
  rows.push({
    name: `${role}: a session of ${CANDIDATES} bytes at most, so that the cuts below meet every byte`,
    async run() {
      assert(await sentBytes(role) <= CANDIDATES);
    },
  });
  const cuts = Array.from({ length: 100 }, (_, i) => i / 100);
  for (const part of sample(cuts, 14, LONG)) {
    rows.push({
      name: `${role}: a session cut after ${
        Math.round(part * 100)
      } percent of its bytes leaves old or new and deletes nothing`,
      run: async () => await cutAt(role, Math.floor(await sentBytes(role) * part)),
    });
  }
  if (LONG) {
    rows.push({
      name: `${role}: a session cut after each single byte leaves old or new and deletes nothing`,
      async run() {
        const length = await sentBytes(role);
        for (let at = 0; at < length; at += 4) {
          const four = [at, at + 1, at + 2, at + 3].filter((cut) => cut < length);
          await Promise.all(four.map((cut) => cutAt(role, cut)));
        }
      },
    });
  }
}

for (const role of ["client target", "agent target"] as Role[]) {
  for (const name of ["LIST_END", "SOURCE_DONE", "CHECKED"] as const) {
    rows.push({
      name: `${role}: a stream that ends exactly before ${name} deletes nothing`,
      async run() {
        const session = wholeSession();
        let wire: { closeWrite(): Promise<void> } | null = null;
        const played = await play(role, {
          ...session,
          link: (duplex) => (wire = duplex, duplex),
          tamper(sent) {
            if (sent !== name) return;
            wire?.closeWrite();
            return [];
          },
        });
        await assertUnharmed(played);
        assertEquals(played.code, 12, played.stderr);
        assertOldOrNew(played, expected(TREE));
      },
    });
  }
}

testRows(rows);

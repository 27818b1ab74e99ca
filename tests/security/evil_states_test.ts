// F03: every message type in every state, in all four roles. A cell that section 10 of the document does not allow ends the
// session with exit 12; ABORT ends it with its kind's code; early BYE ends it in peace. The gate takes a seeded sample.

import { assert, assertEquals } from "@std/assert";
import {
  ABORT_EXIT,
  concat,
  encodeAbort,
  encodeAccount,
  encodeAllAbsent,
  encodeCheck,
  encodeCredit,
  encodeDeleted,
  encodeEvent,
  encodeFileBegin,
  encodeFileData,
  encodeFileEnd,
  encodeFiles,
  encodeFileSkip,
  encodeHello,
  encodeJob,
  encodeList,
  encodeListEnd,
  encodePing,
  encodeProblem,
  encodeProgress,
  encodeRoots,
  encodeTotals,
  encodeWant,
  frame,
  JOB_BIT,
  KIND,
  latin1,
  makeEntry,
  makeHello,
  makeJob,
  TYPE,
  TYPE_NAMES,
  type TypeName,
} from "../support/protocol_bytes.ts";
import { planOf, rootsOf } from "../support/protocol_halves.ts";
import { LONG } from "../support/evil_sandbox.ts";
import {
  assertOldOrNew,
  assertRefused,
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
import { after, before, MIDDLE } from "../support/evil_tamper.ts";

/** A well-formed message of each type; whether it is legal depends on the state alone. */
function specimen(name: TypeName, role: Role): Uint8Array {
  const payloads: Record<TypeName, Uint8Array> = {
    HELLO: encodeHello(makeHello(role.startsWith("client") ? 1 : 0)),
    JOB: encodeJob(makeJob(0, ["target"])),
    ROOTS: encodeRoots(rootsOf()),
    ACCOUNT: encodeAccount(0, 1_234, latin1("somebody")),
    LIST: encodeList(0, [makeEntry("again")]),
    LIST_END: encodeListEnd(true, 2, 0),
    FILES: encodeFiles([{ index: 1, content: latin1("x"), digest: new Uint8Array(16) }]),
    FILE_BEGIN: encodeFileBegin({ index: 1, size: 5 }),
    FILE_DATA: encodeFileData(0, latin1("x")),
    FILE_END: encodeFileEnd(1),
    FILE_SKIP: encodeFileSkip(1, 1),
    SOURCE_DONE: Uint8Array.of(0),
    CHECKED: encodeAllAbsent(1),
    // Nothing that hand-made peers offer: legal in no state.
    PACKED: Uint8Array.of(1, 1, 0),
    // Only before the first LIST.
    PLAN: Uint8Array.of(3, 1, 0),
    READY: Uint8Array.of(0),
    WANT: encodeWant(0, [1]),
    WANT_END: new Uint8Array(0),
    CHECK: encodeCheck([latin1("gone")]),
    ENTRY: encodeEvent([[1, 1]]),
    DELETED: encodeDeleted(KIND.file, latin1("extra")),
    PROBLEM: encodeProblem({}),
    PROGRESS: encodeProgress(0, 0),
    TOTALS: encodeTotals(),
    PING: encodePing(1),
    // More than anyone has spent.
    CREDIT: encodeCredit(2 ** 31),
    ABORT: encodeAbort(6, latin1("enough")),
    BYE: new Uint8Array(0),
  };
  return frame(TYPE[name], payloads[name]);
}

interface State {
  name: string;
  /** A message of ours at which tsync is in this state, and the side of it on which the specimen goes. */
  at: TypeName;
  when: "before" | "after";
  /** Legal here, or not to be told from legal in this run. */
  legal: TypeName[];
}

const EVENTS: TypeName[] = ["ENTRY", "DELETED", "PROBLEM", "PROGRESS"];
const CONTENT: TypeName[] = ["FILES", "FILE_BEGIN", "FILE_SKIP"];

const TARGET_STATES: State[] = [
  { name: "roots", at: "ROOTS", when: "before", legal: ["ROOTS"] },
  // Content may be wanted already while the list still comes.
  { name: "list", at: "LIST_END", when: "before", legal: ["ACCOUNT", "LIST_END", ...CONTENT] },
  { name: "data", at: "LIST_END", when: "after", legal: CONTENT },
  { name: "file", at: "FILE_END", when: "before", legal: ["FILE_END"] },
  { name: "check", at: "CHECKED", when: "before", legal: ["CHECKED"] },
];
const STATES: Record<Role, State[]> = {
  "client target": [
    { name: "hello", at: "HELLO", when: "before", legal: ["HELLO", "ABORT"] },
    // An agent may speak of problems at any time after JOB.
    ...TARGET_STATES.map((state) => ({ ...state, legal: [...state.legal, "PROBLEM" as const] })),
  ],
  "agent target": [
    { name: "job", at: "JOB", when: "before", legal: ["JOB", "ABORT"] },
    ...TARGET_STATES,
    { name: "after TOTALS", at: "BYE", when: "before", legal: ["BYE"] },
  ],
  "client source": [
    { name: "hello", at: "HELLO", when: "before", legal: ["HELLO", "ABORT"] },
    { name: "ready", at: "READY", when: "before", legal: ["READY", ...EVENTS] },
    { name: "want", at: "WANT_END", when: "before", legal: ["WANT_END", ...EVENTS] },
    { name: "check", at: "TOTALS", when: "before", legal: ["CHECK", "TOTALS", ...EVENTS] },
  ],
  "agent source": [
    { name: "job", at: "JOB", when: "before", legal: ["JOB", "ABORT"] },
    { name: "ready", at: "READY", when: "before", legal: ["READY"] },
    { name: "want", at: "WANT_END", when: "before", legal: ["WANT_END"] },
    { name: "check", at: "BYE", when: "before", legal: ["CHECK", "BYE"] },
  ],
};

const TREE = { ...NEW_TREE, pieces: "p".repeat(50) };

/** A session that passes through every state, with more to come after each. */
function wholeSession(): Scenario {
  const plan = planOf(TREE);
  plan.inPieces.add(4);
  return { plan, options: ["-a", "--delete"], job: { bits: 0xff | JOB_BIT.delete } };
}

const cells: Row[] = [];
for (const role of ROLES) {
  for (const state of STATES[role]) {
    for (const name of TYPE_NAMES) {
      if (state.legal.includes(name) || name === "PING" && !["hello", "job"].includes(state.name)) continue;
      // BYE after JOB is an early end; it and ABORT have rows of their own.
      if (name === "BYE" && role.startsWith("agent") && state.name !== "job" || name === "ABORT") continue;
      // PING is legal for an agent as soon as it has the HELLO of its launch line.
      if (name === "PING" && state.name === "job") continue;
      const hook = state.when === "before" ? before : after;
      cells.push({
        name: `${role} in state ${state.name}: ${name} is not legal and ends the session`,
        async run() {
          const played = await play(role, { ...wholeSession(), tamper: hook(state.at, specimen(name, role)) });
          await assertUnharmed(played);
          assertEquals(played.code, 12, played.stderr);
          // After TOTALS everything asked for is done, the deletions too.
          assertOldOrNew(played, expected(TREE), state.name === "after TOTALS");
        },
      });
    }
  }
}

const others: Row[] = [];
for (const role of ROLES) {
  others.push({
    name: `${role}: the session that the matrix disturbs works undisturbed`,
    run: async () => await assertWorks(await play(role, wholeSession())),
  });
  for (const [kind, code] of Object.entries(ABORT_EXIT)) {
    others.push({
      name: `${role}: ABORT of kind ${kind} ends it with exit ${code}`,
      async run() {
        const abort = frame(TYPE.ABORT, encodeAbort(Number(kind), latin1("that is \x1b[31mit")));
        const played = await play(role, { ...wholeSession(), tamper: before(MIDDLE[role], abort) });
        await assertUnharmed(played);
        assert(played.code === code, `exit ${played.code}: ${played.stderr}`);
        assert(!played.stderr.includes("\x1b"), "the text is shown raw");
        assertOldOrNew(played, expected(TREE));
      },
    });
  }
  for (
    const [claim, payload] of [["0", encodeAbort(0, latin1("x"))], ["10", encodeAbort(10, latin1("x"))], [
      "5 with a text of 4,097 bytes",
      encodeAbort(6, new Uint8Array(4_097).fill(65)),
    ]] as [string, Uint8Array][]
  ) {
    others.push({
      name: `${role}: ABORT of kind ${claim} is itself refused`,
      async run() {
        const played = await play(role, {
          ...wholeSession(),
          tamper: before(MIDDLE[role], frame(TYPE.ABORT, payload)),
        });
        await assertRefused(played, [12], expected(TREE));
      },
    });
  }
}
for (const role of ["agent target", "agent source"] as Role[]) {
  for (const state of STATES[role].filter((state) => state.name !== "job")) {
    // Where BYE is due it ends the run well.
    const code = state.name === "after TOTALS" || role === "agent source" && state.name === "check" ? 0 : 20;
    others.push({
      name: `${role} in state ${state.name}: BYE ends it with exit ${code}, without harm and without a temporary file`,
      async run() {
        const hook = state.when === "before" ? before : after;
        const played = await play(role, { ...wholeSession(), tamper: hook(state.at, frame(TYPE.BYE)) });
        await assertUnharmed(played);
        assertEquals(played.code, code);
        assertOldOrNew(played, expected(TREE), state.name === "after TOTALS");
      },
    });
  }
}
// Events are legal for a client that is the source; they change nothing but what it shows.
for (const name of ["DELETED", "PROGRESS", "ENTRY"] as TypeName[]) {
  others.push({
    name: `client source: ${name} of the agent is taken`,
    run: async () =>
      await assertWorks(await play("client source", { tamper: before("TOTALS", specimen(name, "client source")) })),
  });
}
for (const role of ["client source", "client target"] as Role[]) {
  others.push({
    name: `${role}: PROBLEM of the agent makes exit 23`,
    async run() {
      const tamper = before(MIDDLE[role], specimen("PROBLEM", role));
      const played = await play(role, { tamper });
      await assertWorks(played, 23);
      assert(played.stderr.includes("ermission denied"), played.stderr);
    },
  });
}
others.push({
  name: "agent source: CREDIT for what was not spent ends the session",
  run: async () =>
    await assertRefused(
      await play("agent source", { tamper: before("WANT_END", frame(TYPE.CREDIT, encodeCredit(1_000_000))) }),
    ),
});
others.push({
  name: "client target: messages glued into one piece and cut at odd places mean the same",
  async run() {
    const played = await play("client target", {
      link: (duplex) => {
        let held: Uint8Array = new Uint8Array(0);
        return {
          ...duplex,
          async write(bytes) {
            held = concat(held, bytes);
            while (held.length >= 7) {
              await duplex.write(held.slice(0, 7));
              held = held.slice(7);
            }
            await duplex.write(held);
            held = new Uint8Array(0);
          },
        };
      },
    });
    await assertWorks(played);
  },
});

testRows([...sample(cells, 80, LONG), ...others]);

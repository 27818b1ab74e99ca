// Seeded fuzzing of what else a peer's bytes run through before anything is believed: the launch line and its answers, the stream of frames,
// rules (as they travel and as files hold them), account maps, name files. Half a second each in the gate, with TSYNC_TEST_LONG 1,000,000
// inputs each (the stream of frames a tenth); TSYNC_TEST_SEED repeats a run.

import assert from "node:assert/strict";
import { concatBytes, fromLatin1, hex, latin1, utf8 } from "../../lib/base/bytes.ts";
import { ByteReader, ByteWriter } from "../../lib/base/codec.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { AnswerFinder } from "../../lib/deploy/answer.ts";
import { filterSet } from "../../lib/engine/filters.ts";
import { RuleError, RuleFlag } from "../../lib/filter/rule.ts";
import { FilterSet } from "../../lib/filter/filter_set.ts";
import { OLD_STYLE, RuleList } from "../../lib/filter/rule_text.ts";
import { parseAccountMap } from "../../lib/plan/account_map_rules.ts";
import { Inbox } from "../../lib/session/inbox.ts";
import { namesOf } from "../../lib/tree/name_file.ts";
import { formatLaunchLine, parseLaunchLine } from "../../lib/wire/launch_line.ts";
import { Message } from "../../lib/wire/messages.ts";
import { assertMemory, mutate } from "../support/mutations.ts";
import { LONG, Random } from "../support/random.ts";
import { payload, SAMPLES } from "./samples.ts";

const SEED = Number(Deno.env.get("TSYNC_TEST_SEED") ?? 20_261_121);
const LONG_ROUNDS = Number(Deno.env.get("TSYNC_TEST_ROUNDS") ?? 1_000_000);
const GATE_MS = 500;
const MARKER = "0123456789abcdef".repeat(2);

/** Feeds changed samples to `decode`, which says whether it took them; TsyncError of `kinds` is a refusal, nothing else may be thrown. */
function fuzz(
  claim: string,
  samples: Uint8Array[],
  decode: (input: Uint8Array, random: Random) => boolean,
  kinds: string[] = [],
  longRounds = LONG_ROUNDS,
): void {
  Deno.test(`${claim}: fuzzing brings out nothing but a refusal, and none takes 100 ms`, () => {
    const random = new Random(SEED);
    const end = performance.now() + GATE_MS;
    let taken = 0;
    let round = 0;
    for (; LONG ? round < longRounds : performance.now() < end; round++) {
      if (round % 10_000 === 0) assertMemory();
      const input = mutate(random.pick(samples), random.pick(samples), random);
      let ms = Infinity;
      // A machine that is busy with something else may be slow once, not three times.
      for (let again = 0; again < 3 && ms >= 100; again++) {
        const started = performance.now();
        try {
          if (decode(input, random)) taken++;
        } catch (error) {
          if (!(error instanceof TsyncError) || !kinds.includes(error.data.kind)) {
            throw new Error(`seed ${SEED}, run ${round}: ${hex(input)}`, { cause: error });
          }
        }
        ms = performance.now() - started;
      }
      assert.ok(ms < 100, `seed ${SEED}, run ${round} took ${ms} ms: ${hex(input)}`);
    }
    assert.ok(taken > 0 && taken < round * 3, `${taken} of ${round} were taken`);
  });
}

// The launch line, and what is said to it.
const line = (agent: Parameters<typeof formatLaunchLine>[0]["agent"], early: Uint8Array) =>
  formatLaunchLine({ marker: MARKER, agent, hello: payload(SAMPLES[0]), early }, "x86_64").slice(0, -1);
fuzz("launch line", [
  line(null, new Uint8Array(0)),
  line({ sha256: "ab".repeat(32), bytes: 41_000_000, machine: "aarch64" }, Uint8Array.of(1, 2, 3, 4)),
], (input) => {
  const parsed = parseLaunchLine(input);
  if (parsed === null) return false;
  // There is one way to write what a line says.
  const machine = parsed.agent?.machine ?? latin1(input).split(" ")[4];
  assert.equal(latin1(formatLaunchLine(parsed, machine)), `${latin1(input)}\n`);
  return true;
});

fuzz(
  "answers to a launch line",
  [
    utf8(`Welcome!\r\n${MARKER} OK\n\x01\x02`),
    utf8(`${MARKER} NEED x86_64\n${MARKER} OK\n`),
    utf8(`noise ${MARKER} noise\n${MARKER} FAIL no home\n`),
  ],
  (input, random) => {
    const whole = new AnswerFinder(MARKER);
    const expected = whole.push(input);
    // In pieces it is the same answer, the same noise and the same rest.
    const pieces = new AnswerFinder(MARKER);
    let answer = null;
    for (let at = 0; at < input.length && answer === null;) {
      const end = Math.min(input.length, at + 1 + random.below(20));
      answer = pieces.push(input.subarray(at, end));
      if (answer !== null) assert.deepEqual(answer, expected);
      at = end;
    }
    assert.deepEqual(answer, expected);
    if (answer !== null) assert.deepEqual(pieces.noise, whole.noise);
    return expected !== null;
  },
);

// The stream of frames: however it is cut, the same frames come of it, or the same offence.
const framed = SAMPLES.filter((sample) => sample.type !== Message.packed).map((sample) => {
  const bytes = payload(sample);
  const header = new ByteWriter(8);
  header.u32(bytes.length);
  header.u8(sample.type);
  return concatBytes(header.view(), bytes);
});

/** What was read, sometimes in memory that was given away and came back. */
function perhapsMoved(random: Random | null, read: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (random === null || random.chance(50)) return read;
  const { byteOffset, length } = read;
  return new Uint8Array(read.buffer.transfer(), byteOffset, length);
}

function framesOf(input: Uint8Array, random: Random | null): { frames: string; pending: number } {
  const inbox = new Inbox();
  const frames: string[] = [];
  for (let at = 0; at < input.length;) {
    const space = inbox.space();
    const count = Math.min(space.length, input.length - at, random === null ? Infinity : 1 + random.below(300));
    space.set(input.subarray(at, at + count));
    inbox.filled(perhapsMoved(random, space.subarray(0, count)));
    at += count;
    while (inbox.next()) {
      frames.push(`${inbox.type} ${hex(inbox.bytes.subarray(inbox.payloadAt, inbox.payloadEnd))}`);
    }
  }
  return { frames: frames.join("\n"), pending: inbox.pending };
}

const short = framed.filter((frame) => frame.length < 100);
const streams = Array.from({ length: 8 }, (_, i) => concatBytes(...short.slice(i * 4, i * 4 + 4)));
fuzz(
  "the stream of frames",
  streams,
  (input, random) => {
    let whole: unknown;
    try {
      whole = framesOf(input, null);
    } catch (error) {
      assert.throws(() => framesOf(input, random), { message: (error as Error).message });
      throw error;
    }
    assert.deepEqual(framesOf(input, random), whole);
    return true;
  },
  ["stream"],
  // Each takes two buffers of a megabyte.
  LONG_ROUNDS / 10,
);

Deno.test("the stream of frames: 8 MiB in frames of all lengths pass through one buffer, cut anywhere", () => {
  const random = new Random(SEED);
  const parts: Uint8Array[] = [];
  for (let total = 0; total < 8 << 20;) {
    const bytes = random.bytes(random.pick([0, 1, 5, 1000, 65_531, 65_536, 300_000]));
    const header = new ByteWriter(8);
    header.u32(bytes.length);
    header.u8(1 + random.below(9));
    parts.push(header.view().slice(), bytes);
    total += bytes.length;
  }
  const input = concatBytes(...parts);
  const inbox = new Inbox();
  let read = 0;
  let seen = 0;
  while (read < input.length) {
    const space = inbox.space();
    const count = Math.min(space.length, input.length - read, 1 + random.below(100_000));
    space.set(input.subarray(read, read + count));
    inbox.filled(perhapsMoved(random, space.subarray(0, count)));
    read += count;
    while (inbox.next()) {
      assert.deepEqual(latin1(inbox.bytes.slice(inbox.payloadAt, inbox.payloadEnd)), latin1(parts[2 * seen + 1]));
      seen++;
    }
  }
  assert.equal(seen, parts.length / 2);
});

// Rules. Paths that patterns like these are slow on, if they are slow on any.
const PATHS = ["a".repeat(200), "a/".repeat(500) + "b", "x.o", "dir/[!a]/\xff", "b".repeat(255) + "/c"].map(fromLatin1);

function askAll(rules: FilterSet): void {
  for (const path of PATHS) {
    for (const isFolder of [true, false]) {
      rules.excluded(path, isFolder);
      rules.surelyExcluded(path, isFolder);
    }
  }
}

const PATTERNS = ["*.o", "/a/**/b", "[a-z]*?", "**a**a**a**", "dir/", "\\[x", "[[:alpha:]]", "a/***", "*a*a*a*a*a*b"];
fuzz(
  "rules as they travel",
  PATTERNS.map((pattern, i) => Uint8Array.of(i & 63, 0, ...fromLatin1(pattern))),
  (input) => {
    if (input.length < 2) return false;
    const flags = (input[0] | (input[1] << 8)) & 0x3fff;
    askAll(filterSet([{ flags, pattern: input.slice(2) }, { flags: RuleFlag.include, pattern: input.slice(2) }]));
    return true;
  },
  ["usage"],
);

const RULES = [
  "- *.o\n+ /a/**\n# x\n",
  "P x\nH y\nR z\nS q\n!\n-! keep\n",
  ": .rules\n:n- .f\n. other\n",
  "-C\n:C\n",
  "-rsx a b\n",
];
const STYLES = [0, OLD_STYLE, RuleFlag.words, RuleFlag.nul, RuleFlag.include];
fuzz("rules as files hold them", RULES.map(utf8), (input, random) => {
  const list = new RuleList(
    {
      read: (name) =>
        random.below(4) === 0 ? { bytes: input, fileName: "again" } : new RuleError(`no ${name.length}`, true),
      cvs: () => [],
    },
  );
  const error = list.addFile(input, random.pick(STYLES), "rules");
  askAll(new FilterSet(list.rules));
  // A file that merges files is asked for one that may not be there.
  return error === undefined || error.isFile;
});

fuzz(
  "account maps",
  ["1000:2000,root:0", "*:nobody", ":4294967294", "1-99:x,[a-c]*:7"].map(utf8),
  (input) => {
    const map = parseAccountMap("--usermap", input, (name) => latin1(name) === "unknown" ? null : name.length);
    for (const name of [null, ...PATHS]) {
      const found = map(1000, name);
      assert.ok(found === null || (found >= 0 && found <= 2 ** 32 - 2), `account ${found}`);
    }
    return true;
  },
  ["usage", "selection"],
);

fuzz("name files", ["a\nb/c\n#x\n;y\n\nlast", "a\0b\0", "x\r\ny\r\n"].map(utf8), (input, random) => {
  const isByNul = random.below(2) === 0;
  const names = namesOf(input, "names", isByNul);
  const reader = new ByteReader(names);
  assert.ok(names.length <= input.length + 1);
  if (names.length > 0) assert.equal(names[names.length - 1], 0);
  for (const name of latin1(names).split("\0").slice(0, -1)) assert.ok(name !== "" && !/^[#;]/.test(name), name);
  return reader.left >= 0;
});

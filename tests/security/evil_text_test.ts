// F16, F18: text of the peer on a terminal, and noise before the greeting. Nothing a peer says reaches the screen raw: names, problems,
// the words of ABORT and FAIL, and login noise are escaped and cut; noise is skipped up to 64 KiB and bounded above.

import { assert, assertEquals } from "@std/assert";
import {
  encodeAbort,
  encodeProblem,
  frame,
  fromLatin1,
  latin1,
  parseLaunchLine,
  TYPE,
} from "../support/protocol_bytes.ts";
import { openAsAgent, planOf, playSource, type Tree } from "../support/protocol_halves.ts";
import { Gone, type Wire } from "../support/protocol_wire.ts";
import type { Sandbox } from "../support/evil_sandbox.ts";
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
import { before } from "../support/evil_tamper.ts";

const rows: Row[] = [];

/** What no terminal may get from a peer: escape and other controls, C1 in both forms, DEL, bidi and line separators. */
const EVIL = [
  "\x1b]52;c;ZXZpbA==\x07",
  "\x1b[2J\x1b[1;1Hall is well",
  "\x9b31mred",
  "\xc2\x9b31mred",
  "\xe2\x80\xaetxt.exe",
  "\xe2\x81\xa6isolate",
  "\xe2\x80\xa8line",
  "\x7f\x08\x08\x08",
  "a\rb",
  "\x00\x01",
].join("|");
// deno-lint-ignore no-control-regex
const RAW = /[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]/;

function assertClean(text: string, what: string): void {
  // A raw C1 byte is one that is no part of a UTF-8 letter.
  let valid = true;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(latin1(text));
  } catch {
    valid = false;
  }
  const hit = RAW.exec(text);
  assert(hit === null, `${what} shows ${JSON.stringify(hit?.[0])} raw: ${JSON.stringify(text.slice(0, 600))}`);
  assert(valid, `${what} is no UTF-8: ${JSON.stringify(text.slice(0, 600))}`);
}

/** Everything the client printed is clean, and one of the streams shows the harmless part. */
function assertEscaped(played: Played, shown: string): void {
  assertClean(played.stderr, "stderr");
  assertClean(fromLatin1(played.stdout), "stdout");
  const all = played.stderr + fromLatin1(played.stdout);
  assert(all.includes(shown), `${JSON.stringify(shown)} is not shown: ${all.slice(0, 600)}`);
}

const NAME = `evil${EVIL.replaceAll("/", "").replaceAll("\0", "")}`.slice(0, 250);

for (
  const [options, what] of [[["-av"], "-v"], [["-ai"], "-i"], [["-avn"], "-vn"], [
    ["-av", "--delete"],
    "--delete",
  ]] as const
) {
  rows.push({
    name: `client target: ${what} shows names of the peer escaped`,
    async run() {
      const tree: Tree = { [NAME]: "1", ["link" + NAME.slice(0, 100)]: { link: EVIL.replaceAll("\0", "") }, z: "z" };
      const played = await play("client target", { plan: planOf(tree), options: [...options] });
      await assertUnharmed(played);
      assertEquals(played.code, 0, played.stderr);
      assertEscaped(played, "evil");
    },
  });
}
for (const role of ["client target", "client source"] as Role[]) {
  rows.push({
    name: `${role}: the path of a problem is shown escaped`,
    async run() {
      const problem = encodeProblem({ path: latin1(NAME) });
      const at = role === "client target" ? "LIST_END" : "TOTALS";
      const played = await play(role, { tamper: before(at, frame(TYPE.PROBLEM, problem)) });
      await assertWorks(played, 23);
      assertEscaped(played, "evil");
    },
  });
  rows.push({
    name: `${role}: the path of a problem may be anything, and is only shown`,
    async run() {
      const paths = ["..", "/etc/passwd", "a//b", "", "../canary/secret.txt", "x".repeat(4_095)];
      const problems = paths.map((path) => frame(TYPE.PROBLEM, encodeProblem({ path: latin1(path) })));
      const played = await play(role, {
        tamper: before(role === "client target" ? "LIST_END" : "TOTALS", ...problems),
      });
      await assertWorks(played, 23);
    },
  });
  rows.push({
    name: `${role}: the words of ABORT are shown escaped, on one line`,
    async run() {
      const abort = encodeAbort(4, latin1(`no space\nevil ${EVIL}`));
      const played = await play(role, {
        tamper: before(role === "client target" ? "LIST_END" : "READY", frame(TYPE.ABORT, abort)),
      });
      await assertUnharmed(played);
      assertEquals(played.code, 11, played.stderr);
      assertEscaped(played, "no space");
      assert(!/^evil/m.test(played.stderr), "a line of the peer's own");
    },
  });
  rows.push({
    name: `${role}: 5,000 problems are shown without growing memory`,
    async run() {
      const problem = frame(TYPE.PROBLEM, encodeProblem({ path: latin1("n".repeat(200)) }));
      const at = role === "client target" ? "LIST_END" : "TOTALS";
      const played = await play(role, { tamper: before(at, ...new Array(5_000).fill(problem)) });
      await assertWorks(played, 23);
    },
  });
  rows.push({
    name: `${role}: the text of FAIL is shown escaped and cut`,
    async run() {
      const played = await play(role, {
        async script(wire) {
          const { marker } = parseLaunchLine(await wire.line());
          await wire.raw(latin1(`${marker} FAIL no home ${EVIL.replaceAll("\n", "")}${"x".repeat(100_000)}\n`));
          await wire.drain();
        },
      });
      await assertUnharmed(played);
      assertEquals(played.code, 5, played.stderr);
      assertEscaped(played, "no home");
      assert(played.stderr.length < 20_000, `${played.stderr.length} bytes of error text`);
    },
  });
  rows.push({
    name: `${role}: the version text of a hello that does not fit is shown escaped`,
    async run() {
      const played = await play(role, { hello: { major: 9, version: latin1(EVIL.slice(0, 64)) } });
      await assertUnharmed(played);
      assertEquals(played.code, 2, played.stderr);
      assertClean(played.stderr, "stderr");
    },
  });
}

// ---- a terminal ----
const script = await new Deno.Command("sh", { args: ["-c", "command -v script"], stdout: "null" }).output();
for (const options of [["-a"], ["-av"], ["-a", "--progress"]]) {
  Deno.test({
    name: `client target: on a terminal, ${options.join(" ")} never shows the peer's own sequences`,
    ignore: !script.success,
    async fn() {
      const played = await play("client target", {
        plan: planOf({ [NAME]: "1", z: "z".repeat(5_000) }),
        tamper: before("LIST_END", frame(TYPE.PROBLEM, encodeProblem({ path: latin1(NAME) }))),
        options,
        onTerminal: true,
      });
      await assertUnharmed({ ...played, peakKib: 0 });
      const screen = fromLatin1(played.stdout);
      assert(screen.includes("evil"), "the name is not shown at all");
      for (
        const part of [
          "\x1b]52",
          "\x1b[2J",
          "\x1b[1;1H",
          "\x9b31m",
          "\xe2\x80\xae",
          "\xe2\x81\xa6",
          "\x7f",
          "\x08\x08\x08",
        ]
      ) {
        assert(!screen.includes(part), `${JSON.stringify(part)} reaches the terminal`);
      }
    },
  });
}

// ---- F18: noise before the greeting ----
/** A legal agent after this noise. */
function noisy(noise: (wire: Wire) => Promise<void>): (wire: Wire, sandbox: Sandbox) => Promise<void> {
  return async (wire) => {
    await noise(wire);
    await playSource(wire, await openAsAgent(wire), planOf(NEW_TREE), false);
  };
}

const NOISE: [string, string][] = [
  ["a motd", "Welcome to Debian\nLast login: today\n"],
  ["a line without end", "no newline here"],
  ["60 KiB of lines", "all work and no play\n".repeat(2_900)],
  ["60 KiB in one line", "x".repeat(61_440)],
  ["escape sequences", `\x1b[2J${EVIL}\n`],
  ["NUL bytes", "\0".repeat(1_000)],
  ["something like a marker", `${"0".repeat(32)} OK\n${"f".repeat(32)} FAIL no\n`],
  ["CRLF lines", "hello\r\nworld\r\n"],
];
for (const [claim, noise] of NOISE) {
  rows.push({
    name: `client target: ${claim} before the greeting is skipped and quoted escaped`,
    async run() {
      const played = await play("client target", { script: noisy((wire) => wire.raw(latin1(noise))) });
      await assertWorks(played);
      assertClean(played.stderr, "stderr");
      assertEquals(played.after.get("dir/b.txt"), "f bee\n");
      assert(played.stderr.length < 70_000 * 4);
    },
  });
}
for (
  const [claim, unit] of [["lines", "yes yes yes\n"], ["one line", "y".repeat(64)], ["NUL bytes", "\0".repeat(64)]]
) {
  for (const role of ["client target", "client source"] as Role[]) {
    rows.push({
      name: `${role}: endless ${claim} before the greeting end with a message, in bounded memory`,
      async run() {
        const played = await play(role, {
          async script(wire) {
            const block = latin1(unit.repeat(1_024));
            try {
              for (;;) await wire.raw(block);
            } catch (error) {
              if (!(error instanceof Gone)) throw error;
            }
          },
        });
        await assertUnharmed(played);
        assertEquals(played.code, 5, played.stderr);
        assertEquals(played.after, played.before);
        assertClean(played.stderr, "stderr");
        assert(played.stderr.length < 20_000, `${played.stderr.length} bytes of error text`);
      },
    });
  }
}
rows.push({
  name: "client target: a greeting with another marker is noise, not a greeting",
  async run() {
    const played = await play("client target", {
      async script(wire) {
        await wire.line();
        await wire.raw(latin1(`${"0".repeat(32)} OK\n`));
        await wire.closeWrite();
      },
    });
    await assertUnharmed(played);
    assert([5, 12].includes(played.code), `exit ${played.code}: ${played.stderr}`);
  },
});
rows.push({
  name: "client target: an agent that answers nothing and ends is told as such",
  async run() {
    const played = await play("client target", {
      async script(wire) {
        await wire.closeWrite();
      },
    });
    await assertUnharmed(played);
    assert([5, 12, 14].includes(played.code), `exit ${played.code}: ${played.stderr}`);
    assert(played.stderr.length > 20, "no word about it");
  },
});

testRows(rows);

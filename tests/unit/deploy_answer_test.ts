// Finding the answer among what a login prints, and putting the far side's end into words.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { NOISE_BYTES } from "../../lib/base/limits.ts";
import { type Answer, AnswerFinder, quoteNoise } from "../../lib/deploy/answer.ts";
import { endingOfError } from "../../lib/cli/exit.ts";
import { explainEnd, explainFail } from "../../lib/deploy/explain.ts";

const MARKER = "0123456789abcdef0123456789abcdef";
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Pushes `bytes` in pieces of `size`; the answers that came. */
function findAll(finder: AnswerFinder, bytes: Uint8Array, size: number): Answer[] {
  const answers: Answer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    for (let answer = finder.push(bytes.subarray(at, at + size)); answer; answer = finder.push(new Uint8Array(0))) {
      answers.push(answer);
      if (answer.word === "OK") break;
    }
  }
  return answers;
}

Deno.test("AnswerFinder: finds the answers at every cut of the stream", () => {
  const stream = utf8(
    `motd\nno newline at the end${MARKER} NEED aarch64\nmore${MARKER} FAIL a reason\n${MARKER} OK\n`,
  );
  for (let size = 1; size <= stream.length; size++) {
    const finder = new AnswerFinder(MARKER);
    const answers = findAll(finder, stream, size);
    assert.deepEqual(answers.map((answer) => answer.word), ["NEED", "FAIL", "OK"], `pieces of ${size}`);
    assert.deepEqual(answers[0], { word: "NEED", machine: "aarch64" });
    assert.equal(text((answers[1] as { text: Uint8Array }).text), "a reason");
    assert.equal(text(finder.noise), "motd\nno newline at the endmore");
  }
});

Deno.test("AnswerFinder: what follows OK is left untouched", () => {
  const finder = new AnswerFinder(MARKER);
  assert.deepEqual(finder.push(utf8(`${MARKER} OK\n\0\x01${MARKER} FAIL x\n`)), { word: "OK" });
  assert.equal(text(finder.rest), `\0\x01${MARKER} FAIL x\n`);
});

Deno.test("AnswerFinder: an echo of the launch line, a marker with other words and an endless answer are noise", () => {
  const finder = new AnswerFinder(MARKER);
  const echo = `tsync1 ${MARKER} ${"a".repeat(64)} 1 x86_64 AAAA\r\n`;
  const wrong = [
    `${MARKER} OKAY\n`,
    `${MARKER} NEED\n`,
    `${MARKER} NEED a b\n`,
    `${MARKER} ok\n`,
    `${MARKER.slice(1)} OK\n`,
  ];
  assert.equal(finder.push(utf8(echo + wrong.join(""))), null);
  assert.equal(finder.push(utf8(`${MARKER} FAIL ${"x".repeat(5000)}`)), null);
  assert.deepEqual(finder.push(utf8(`\n${MARKER} OK\n`)), { word: "OK" });
});

Deno.test("AnswerFinder: bears 64 KiB of noise and holds no more", () => {
  const finder = new AnswerFinder(MARKER);
  const line = utf8("x".repeat(1023) + "\n");
  for (let i = 0; i < 64; i++) finder.push(line);
  assert.equal(finder.overflowed, false);
  assert.deepEqual(finder.push(utf8(`${MARKER} OK\n`)), { word: "OK" });
  assert.equal(finder.noise.length, NOISE_BYTES);

  const flooded = new AnswerFinder(MARKER);
  for (let i = 0; i < 1000; i++) flooded.push(line);
  assert.equal(flooded.overflowed, true);
  assert.ok(flooded.noise.length + flooded.rest.length <= NOISE_BYTES + 64);
});

Deno.test("quoteNoise: escapes what a terminal would obey, joins lines, and cuts", () => {
  assert.equal(quoteNoise(utf8("\r\n  \n")), "");
  assert.equal(
    quoteNoise(utf8("Welcome\r\n\x1b]52;c;AA\x07 there\u202e\n")),
    "Welcome | \\#033]52;c;AA\\#007 there\\#342\\#200\\#256",
  );
  const long = quoteNoise(utf8("y".repeat(10_000)));
  assert.ok(long.length < 500 && long.endsWith("(10000 bytes)"), long);
});

Deno.test("explainFail: quotes the reason escaped and says what to do", () => {
  const cases: [string, RegExp][] = [
    ["the agent cannot run here: no glibc on this machine", /glibc 2\.27 or later/],
    ["the agent cannot run here: sh: 1: /home/x/.tsync/bin/new-1: not found", /glibc 2\.27 or later/],
    ["the agent cannot run here: sh: 1: /home/x/.tsync/bin/new-1: Permission denied", /noexec.*--rsync-path/],
    ["the agent cannot run here: exec of /x was refused", /noexec/],
    ["cannot unpack the agent: gzip: stdout: No space left on device", /100 MB.*tsync agent remove/],
    ["cannot write to the home folder: mkdir: Read-only file system", /writable.*--rsync-path/],
    ["gzip is missing", /install it there/],
  ];
  for (const [reason, advice] of cases) {
    const error = explainFail(utf8(reason));
    assert.ok(error.message.includes(reason) && advice.test(error.message), error.message);
    assert.equal(error.exitCode, 5);
  }
  assert.ok(explainFail(utf8("a\x1b[2Jb")).message.includes("a\\#033[2Jb"));
});

Deno.test("explainEnd: the shell's own codes pass through, others are a start error, and its words are quoted", () => {
  const end = (code: number, words: string[], noise = "", signal: string | null = null) => {
    const finder = new AnswerFinder(MARKER);
    finder.push(utf8(noise));
    return explainEnd({ code, signal, lastWords: words }, finder, true);
  };
  for (const code of [124, 125, 126, 127, 255]) assert.equal(end(code, []).exitCode, code);
  for (const code of [0, 1, 2, 128, 254]) assert.equal(end(code, []).exitCode, 5);
  assert.match(
    end(255, ["", "x: Permission denied (publickey)."]).message,
    /could not connect.*Permission denied \(publickey\)/,
  );
  assert.match(end(1, [], "This account is currently not available.\n").message, /not available.*may run commands/);
  assert.match(end(1, ["rbash: line 1: exec: restricted"]).message, /restricted.*normal shell/);
  assert.match(end(127, ["x: not found"]).message, /no such program/);
  assert.match(end(1, ["tsync-remote: unknown word"]).message, /tsync-remote runs there by a command of its own/);
  // What came on standard error was shown when it came: whoever saw it is not told again. What came on standard output was not.
  const both = end(1, ["said aloud"], "said in the answer's place\n");
  assert.match(both.message, /it said: said in the answer's place \| said aloud/);
  assert.match(both.shown, /it said: said in the answer's place\)/);
  for (const [words, told] of [[endingOfError(both), 1], [endingOfError(both, true), 0]] as const) {
    assert.equal(words.words.split("said aloud").length - 1, told);
  }
  assert.match(end(143, [], "", "SIGTERM").message, /SIGTERM/);
});

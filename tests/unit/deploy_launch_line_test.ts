// The launch line's codec, both directions.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import type { ByteSource } from "../../lib/os/streams.ts";
import {
  answerOk,
  formatLaunchLine,
  LAUNCH_LINE_BYTES,
  type LaunchLine,
  parseLaunchLine,
  readLaunchLine,
} from "../../lib/wire/launch_line.ts";

const MARKER = "0123456789abcdef0123456789abcdef";
const SHA256 = "a".repeat(64);
const LINE: LaunchLine = {
  marker: MARKER,
  agent: { sha256: SHA256, bytes: 97_076_049, machine: "x86_64" },
  hello: Uint8Array.of(0, 255, 10),
  early: Uint8Array.of(1, 2),
};
const TEXT = `tsync1 ${MARKER} ${SHA256} 97076049 x86_64 AP8K AQI=`;

Deno.test("formatLaunchLine: is one ASCII line in the order of PROTOCOL.md", () => {
  assert.equal(new TextDecoder().decode(formatLaunchLine(LINE, "x86_64")), TEXT + "\n");
  const bare = formatLaunchLine({ ...LINE, agent: null, early: new Uint8Array(0) }, "aarch64");
  assert.equal(new TextDecoder().decode(bare), `tsync1 ${MARKER} - 0 aarch64 AP8K -\n`);
});

Deno.test("parseLaunchLine: reads what formatLaunchLine wrote", () => {
  assert.deepEqual(parseLaunchLine(utf8(TEXT)), LINE);
  assert.deepEqual(parseLaunchLine(utf8(`tsync1 ${MARKER} - 0 aarch64 AP8K -`)), {
    ...{ ...LINE, agent: null },
    early: new Uint8Array(0),
  });
});

Deno.test("parseLaunchLine: refuses every other form", () => {
  const wrong = [
    "",
    TEXT + " ",
    " " + TEXT,
    TEXT + "\n",
    TEXT.replace("tsync1", "tsync2"),
    TEXT.replace(MARKER, MARKER.slice(1)),
    TEXT.replace(MARKER, MARKER.toUpperCase()),
    TEXT.replace(SHA256, SHA256 + "a"),
    TEXT.replace(SHA256, "-"),
    TEXT.replace("97076049", "0"),
    TEXT.replace("97076049", "-1"),
    TEXT.replace("97076049", "1e9"),
    TEXT.replace("97076049", "9".repeat(16)),
    TEXT.replace("x86_64", "x86/64"),
    TEXT.replace("x86_64", "m".repeat(33)),
    TEXT.replace("AP8K", ""),
    TEXT.replace("AQI=", ""),
    TEXT.replace(" AQI=", ""),
    TEXT.replace("AQI=", "AQI"),
    TEXT.replace("AQI=", "--"),
    TEXT + " AQI=",
    TEXT.replace("AP8K", "AP8"),
    TEXT.replace("AP8K", "AP9="),
    TEXT.replace("AP8K", "A$8K"),
    TEXT.replaceAll(" ", "  "),
    TEXT.replace("AP8K", "AAAA".repeat(LAUNCH_LINE_BYTES / 4)),
  ];
  for (const text of wrong) assert.equal(parseLaunchLine(utf8(text)), null, text);
});

/** A source that gives all it has at once, and says how much was taken. */
function sourceOf(bytes: Uint8Array): ByteSource & { taken: number } {
  return {
    taken: 0,
    read(into) {
      const piece = bytes.subarray(this.taken, this.taken + into.length);
      into.set(piece);
      this.taken += piece.length;
      return Promise.resolve(piece.length === 0 ? null : piece.length);
    },
  };
}

Deno.test("readLaunchLine: takes the line from standard input and not one byte more", async () => {
  const source = sourceOf(utf8(TEXT + "\nthe first frame"));
  assert.deepEqual(await readLaunchLine(source), LINE);
  assert.equal(source.taken, TEXT.length + 1);
});

Deno.test("readLaunchLine: takes the line from TSYNC_LAUNCH, and no child gets the variable", async () => {
  Deno.env.set("TSYNC_LAUNCH", TEXT);
  const source = sourceOf(utf8("the first frame"));
  assert.deepEqual(await readLaunchLine(source), LINE);
  assert.equal(source.taken, 0);
  assert.equal(Deno.env.get("TSYNC_LAUNCH"), undefined);
});

Deno.test("readLaunchLine: says what it waits for when there is no line", async () => {
  for (const text of ["", TEXT, "hello\n", "x".repeat(LAUNCH_LINE_BYTES + 5)]) {
    const source = sourceOf(utf8(text));
    await assert.rejects(() => readLaunchLine(source), (error: unknown) => {
      return error instanceof TsyncError && error.exitCode === 5 &&
        /no launch line came: this is for tsync/.test(error.message);
    });
    assert.ok(source.taken <= LAUNCH_LINE_BYTES);
  }
});

Deno.test("answerOk: repeats the marker", () => {
  assert.equal(new TextDecoder().decode(answerOk(MARKER)), `${MARKER} OK\n`);
});

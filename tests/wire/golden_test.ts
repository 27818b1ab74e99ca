// The wire format, byte by byte: golden.txt holds each sample message as a whole frame. Whoever changes the format changes the
// golden bytes (TSYNC_WRITE_GOLDEN=1 writes them anew) and PROTOCOL.md with it, and a reviewer sees both.

import assert from "node:assert/strict";
import { fromHex, hex } from "../../lib/base/bytes.ts";
import { Message } from "../../lib/wire/messages.ts";
import { payload, reencode, SAMPLES } from "./samples.ts";

const FILE = new URL("golden.txt", import.meta.url);

function frameOf(type: number, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(5 + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length, true);
  frame[4] = type;
  frame.set(bytes, 5);
  return frame;
}

/** Hex in lines of 32 bytes; long runs of one byte are kept, so that the file is the truth. */
function text(): string {
  let all = "# Frames of the native protocol, version 1.0: u32 length, u8 type, payload. See golden_test.ts.\n";
  for (const sample of SAMPLES) {
    const digits = hex(frameOf(sample.type, payload(sample)));
    all += `\n${sample.name}\n`;
    for (let at = 0; at < digits.length; at += 64) {
      all += `  ${digits.slice(at, at + 64).replace(/../g, "$& ").trim()}\n`;
    }
  }
  return all;
}

function parse(golden: string): Map<string, Uint8Array> {
  const frames = new Map<string, Uint8Array>();
  for (const part of golden.split("\n\n").slice(1)) {
    const [name, ...lines] = part.trim().split("\n");
    frames.set(name, fromHex(lines.join("").replaceAll(" ", ""))!);
  }
  return frames;
}

if (Deno.env.get("TSYNC_WRITE_GOLDEN") === "1") await Deno.writeTextFile(FILE, text());
const GOLDEN = parse(await Deno.readTextFile(FILE));

Deno.test("golden.txt holds a frame of every message type and of every sample, and no other", () => {
  assert.deepEqual([...GOLDEN.keys()], SAMPLES.map((sample) => sample.name));
  const types = new Set([...GOLDEN.values()].map((frame) => frame[4]));
  assert.deepEqual([...types].sort(), Object.values(Message).sort());
});

for (const sample of SAMPLES) {
  Deno.test(`${sample.name} is encoded as in golden.txt, and decoded from it to the same`, () => {
    const golden = GOLDEN.get(sample.name)!;
    assert.equal(hex(frameOf(sample.type, payload(sample))), hex(golden));
    assert.equal(hex(reencode(sample, golden.slice(5))), hex(golden.slice(5)));
  });
}

// Every message cut short at every byte, with a byte too many, and with every byte changed: a decoder throws TsyncError "stream", or
// what it took means exactly the bytes it was given.

import assert from "node:assert/strict";
import { hex } from "../../lib/base/bytes.ts";
import { Message } from "../../lib/wire/messages.ts";
import { attempt, payload, reencode, SAMPLES } from "./samples.ts";

const RECORDS = [Message.files, Message.fileCopy, Message.entry];

for (const sample of SAMPLES) {
  const whole = payload(sample);

  Deno.test(`${sample.name}: cut at every byte it is refused, or is a shorter message of its own`, () => {
    let refused = 0;
    for (let length = 0; length < whole.length; length++) {
      const taken = attempt(sample, whole.subarray(0, length));
      if (taken === null) refused++;
      else assert.equal(hex(taken), hex(whole.subarray(0, length)));
    }
    // Records and data may end anywhere a record ends; everything else has one length.
    const mayBeShorter = ([...RECORDS, Message.fileData, Message.signature, Message.fine, Message.names] as number[])
      .includes(sample.type);
    assert.ok(mayBeShorter ? refused < whole.length || whole.length === 0 : refused === whole.length, `${refused}`);
  });

  Deno.test(`${sample.name}: with a byte too many it is refused`, () => {
    if (([Message.fileData, Message.signature, Message.fine, Message.names] as number[]).includes(sample.type)) return;
    const longer = new Uint8Array(whole.length + 1);
    longer.set(whole);
    assert.equal(attempt(sample, longer), null);
  });

  Deno.test(`${sample.name}: with any one byte changed it is refused, or means something stable`, () => {
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff, whole[at] ^ 1, whole[at] + 1]) {
        const changed = whole.slice();
        changed[at] = value;
        const taken = attempt(sample, changed);
        if (taken !== null) assert.equal(hex(reencode(sample, taken)), hex(taken));
      }
    }
  });
}

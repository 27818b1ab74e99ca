// A program of its own, because memory is the process's: packs and unpacks four thousand blocks and prints by how many bytes that
// made the process larger. Called by tests/unit/compression_test.ts.

import { ZstdPacker, ZstdUnpacker } from "../../lib/codec/zstd.ts";

const packer = new ZstdPacker(1);
const unpacker = new ZstdUnpacker();
const raw = new TextEncoder().encode("one line like any other, with a number: 12345\n".repeat(1400)).slice(0, 64 << 10);
const [out, into] = [new Uint8Array(128 << 10), new Uint8Array((64 << 10) + 1)];

function rounds(count: number): void {
  for (let i = 0; i < count; i++) {
    const bytes = packer.pack(raw, out, 0, out.length);
    if (!unpacker.unpack(out.subarray(0, bytes), into, raw.length)) throw new Error("a block did not come back");
  }
}

rounds(200);
const before = Deno.memoryUsage().rss;
rounds(4000);
console.log(Deno.memoryUsage().rss - before);

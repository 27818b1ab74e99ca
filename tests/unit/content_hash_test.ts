// XXH3-128 against values of the reference implementation (xxHash 0.8, made once with another program), at every length where its
// algorithm changes, without a seed and with one.

import assert from "node:assert/strict";
import { hex } from "../../lib/base/bytes.ts";
import { ContentHash } from "../../lib/hash/content_hash.ts";

/** Bytes i * 7 + 3; digest with seed 0; digest with seed 0x9e3779b185ebca87. */
const VALUES: [number, string, string][] = [
  [0, "99aa06d3014798d86001c324468d497f", "45ef6ddc7afb225af9ece1036ecbb2ed"],
  [1, "22bbb76b211a39ba13e608bc156defed", "3d1eac0156cd66fe14db1e52520a6753"],
  [3, "ce31763cbf8245a5a9088dda485b481c", "30bf841603c8d8bb9dd5039868f36558"],
  [8, "e3bc8a5f461715553cd024e3d63a1588", "0d41b41770f591ee3b0e635cf279eb6a"],
  [16, "ce0b9647ab24f88460d75c5e47d40a24", "b8880ac6ae1a7ce921e33e59b79da595"],
  [17, "bfd327edcc2fbd12eeed7654312a26d7", "b77cdf277dbbe081ff7c81d65367fdb9"],
  [128, "1b1962a096bac78bc580008b6c92ac53", "035c0a75612089867e71a565bcaa1cc4"],
  [129, "293e4968c4619023bd91ce7ace4d385b", "ad493b1cd95062ad94e38af61ca94832"],
  [240, "ad46c1021b076bc704e0b5f034bee80b", "89e68d79b8d89aa533c393334ff06c35"],
  [241, "ac6c3492c3d6b45d8beadd3a8874fe17", "7185eb71443bf79abc1fa92df539d98e"],
  [1024, "18bc0eaca9a336369b81661c641c72b1", "761ef4cc045605b4eda9fef668a12040"],
  [16385, "d6e73748074aeb10b716bd48da80dc1a", "122057bc83df02d933a7266776f1761b"],
  [100000, "d9e155dd16e141d00c056f6fcc340974", "ade31584b25fbe3aadb92f8b8fa48587"],
];

const bytes = (length: number) => new Uint8Array(length).map((_, i) => i * 7 + 3);

Deno.test("ContentHash is XXH3-128 in canonical order, whole and in pieces, under either seed", async () => {
  const plain = await ContentHash.create(0, 0);
  const seeded = await ContentHash.create(0x85ebca87, 0x9e3779b1);
  for (const [length, without, with_] of VALUES) {
    for (const [hash, expected] of [[plain, without], [seeded, with_]] as const) {
      const content = bytes(length);
      assert.equal(hex(hash.hash(content)), expected, `${length} bytes`);
      hash.reset();
      for (let at = 0; at < length; at += 1 + at) hash.update(content.subarray(at, at + 1 + at));
      assert.equal(hex(hash.digest()), expected, `${length} bytes in pieces`);
    }
  }
});

Deno.test("ContentHash: one content leaves no trace in the next, and a digest is not changed by a later one", async () => {
  const hash = await ContentHash.create(1, 2);
  const first = hash.hash(bytes(1000));
  const copy = first.slice();
  hash.reset();
  hash.update(bytes(5));
  assert.equal(hex(hash.hash(bytes(1000))), hex(first));
  hash.hash(bytes(7));
  assert.deepEqual(first, copy);
});

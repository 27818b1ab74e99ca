// rsync's rule for links that may lead out of what is copied: target, depth of the folder that holds the link, unsafe or not.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { isUnsafeLink } from "../../lib/plan/unsafe_link.ts";

const ROWS: [string, number, boolean][] = [
  ["", 3, true],
  ["/", 3, true],
  ["/etc/passwd", 9, true],
  ["file", 0, false],
  ["./file", 0, false],
  ["a/b/c", 0, false],
  ["..", 0, true],
  ["..", 1, false],
  ["../file", 0, true],
  ["../file", 1, false],
  ["../../file", 1, true],
  ["../../file", 2, false],
  ["..//../file", 2, false],
  ["..//../file", 1, true],
  ["../..", 2, true],
  ["../..", 5, true],
  ["../../", 2, false],
  ["../", 1, false],
  ["./../x", 2, true],
  ["a/../b", 5, true],
  ["a/..", 5, true],
  ["../a/../b", 5, true],
  ["..a/..b", 0, false],
  ["...", 0, false],
];

for (const [target, depth, isUnsafe] of ROWS) {
  Deno.test(`unsafe links: "${target}" at depth ${depth} is ${isUnsafe ? "unsafe" : "safe"}`, () => {
    assert.equal(isUnsafeLink(utf8(target), depth), isUnsafe);
  });
}

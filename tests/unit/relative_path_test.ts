// The one way a name or path from a peer is born (R3): each illegal form is refused, its legal neighbour is taken.

import assert from "node:assert/strict";
import { fromLatin1 } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { checkLinkTarget, checkName, checkPath } from "../../lib/base/relative_path.ts";

function refused(call: () => void): boolean {
  try {
    call();
    return false;
  } catch (error) {
    assert.ok(error instanceof TsyncError && error.data.kind === "stream", String(error));
    return true;
  }
}

Deno.test("checkName takes one component and refuses everything else", () => {
  const name = (text: string) => refused(() => checkName(fromLatin1(text), 0, text.length));
  for (const good of ["a", "...", "..a", ".a", "a.", " ", "\n", "\\", "\xff", "-", "n".repeat(255)]) {
    assert.equal(name(good), false, good);
  }
  for (const bad of ["", ".", "..", "/", "a/b", "a/", "/a", "a\0", "\0", "n".repeat(256)]) {
    assert.equal(name(bad), true, bad);
  }
});

Deno.test("checkName looks only at the range it is given", () => {
  const bytes = fromLatin1("/ab/..");
  assert.equal(refused(() => checkName(bytes, 1, 2)), false);
  assert.equal(refused(() => checkName(bytes, 0, 2)), true);
  assert.equal(refused(() => checkName(bytes, 1, 3)), true);
  assert.equal(refused(() => checkName(bytes, 4, 2)), true);
  assert.equal(refused(() => checkName(bytes, 4, 1)), true);
});

Deno.test("checkPath takes the root and clean relative paths within the limits", () => {
  const path = (text: string) => refused(() => checkPath(fromLatin1(text)));
  const deep = Array(1024).fill("d").join("/");
  const long = `${"n".repeat(255)}/`.repeat(15) + "m".repeat(255);
  assert.equal(long.length, 4095);
  for (const good of ["", "a", "a/b", "a/.b/..c", deep, long]) assert.equal(path(good), false, good.slice(0, 20));
  const bad = [
    "/",
    "/a",
    "a/",
    "a//b",
    "./a",
    "a/.",
    "a/..",
    "../a",
    "a/../b",
    "a/\0",
    `${deep}/d`,
    `${long}x`,
    `${"x".repeat(256)}/a`,
  ];
  for (const one of bad) assert.equal(path(one), true, one.slice(0, 20));
});

Deno.test("checkLinkTarget: any text of 1 to 4,095 bytes without NUL", () => {
  const target = (text: string) => refused(() => checkLinkTarget(fromLatin1(text)));
  for (const good of ["/etc/passwd", "..", "//", "\xff", "t".repeat(4095)]) assert.equal(target(good), false);
  for (const bad of ["", "t".repeat(4096), "a\0b"]) assert.equal(target(bad), true);
});

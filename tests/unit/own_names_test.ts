// Names that are tsync's own: temporary names prove themselves by their check digits, look-alikes are the user's.

import assert from "node:assert/strict";
import { fromLatin1, latin1 } from "../../lib/base/bytes.ts";
import { isOwnName, isOwnTemporary, isTemporaryOf, TemporaryNames } from "../../lib/tree/own_names.ts";
import { Random } from "../support/random.ts";

const own = (name: string) => isOwnName(fromLatin1(name), 0, name.length);

Deno.test("TemporaryNames are unique, prove themselves, and fit beside any name", () => {
  const random = new Random(4);
  const names = new TemporaryNames((count) => random.bytes(count));
  const seen = new Set<string>();
  for (let i = 0; i < 3000; i++) {
    const name = names.next();
    assert.ok(name.length <= 255);
    assert.ok(isOwnName(name, 0, name.length) && isOwnTemporary(name));
    seen.add(latin1(name));
  }
  assert.equal(seen.size, 3000);
  assert.equal(new Set([...seen].map((name) => name.slice(0, 16))).size, 1, "one run has one mark");
});

Deno.test("isOwnTemporary: a name with any digit changed is not ours", () => {
  const name = latin1(new TemporaryNames((count) => new Random(5).bytes(count)).next());
  for (let at = 7; at < name.length; at++) {
    if (name[at] === "-") continue;
    const changed = name.slice(0, at) + (name[at] === "0" ? "1" : "0") + name.slice(at + 1);
    assert.equal(isOwnTemporary(fromLatin1(changed)), false, changed);
    assert.equal(own(changed), true, "but it lies in our name space");
  }
});

Deno.test("isOwnName: the folder of partials and whatever has the form of a temporary name, nothing else", () => {
  for (const name of [".tsync-partial", ".tsync-01234567-0123456789abcdef01234567"]) assert.ok(own(name), name);
  const others = [
    ...[
      "",
      ".",
      ".tsync",
      ".tsync-",
      ".tsync-x",
      ".tsync-partial2",
      "tsync-partial",
      ".tsync-PARTIAL",
      ".tsync-partial\n",
    ],
    ...[
      ".tsync-01234567-0123456789abcdef0123456",
      ".tsync-01234567-0123456789abcdef012345678",
      ".tsync-0123456G-0123456789abcdef01234567",
    ],
    ...[
      "x.tsync-01234567-0123456789abcdef01234567",
      ".tsync-01234567-0123456789ABCDEF01234567",
      ".tsync-01234567-0123456789abcdef01234567\n",
    ],
  ];
  for (const name of others) assert.equal(own(name), false, JSON.stringify(name));
});

Deno.test("isOwnName looks only at the range it is given", () => {
  const bytes = fromLatin1("xx.tsync-partialyy");
  assert.equal(isOwnName(bytes, 2, 14), true);
  assert.equal(isOwnName(bytes, 2, 16), false);
  assert.equal(isOwnName(bytes, 1, 14), false);
});

Deno.test("isTemporaryOf: a temporary name that was made for a file is known by its name, and by no other", () => {
  const names = new TemporaryNames((count) => crypto.getRandomValues(new Uint8Array(count)));
  const made = names.next(fromLatin1("big"));
  assert.ok(isOwnTemporary(made));
  assert.ok(isTemporaryOf(made, fromLatin1("big")));
  for (const other of ["bigger", "bi", "", "Big"]) assert.ok(!isTemporaryOf(made, fromLatin1(other)), other);
  assert.ok(!isTemporaryOf(names.next(), fromLatin1("big")));
  assert.notDeepEqual(names.next(fromLatin1("big")), made);
});

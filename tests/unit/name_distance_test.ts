// How unlike names are, for the choice of a basis (-y).

import assert from "node:assert/strict";
import { nameDistance } from "../../lib/plan/name_distance.ts";

Deno.test("nameDistance: changed, missing and additional bytes; those of the suffix count ten times more", () => {
  assert.equal(nameDistance("report-1", "report-2"), 1);
  assert.equal(nameDistance("report", "report-2"), 2);
  assert.equal(nameDistance("a.txt", "b.txt"), 1);
  assert.equal(nameDistance("a.txt", "a.tx"), 11);
  assert.equal(nameDistance("same", "same"), 0);
});

Deno.test("nameDistance: the suffix is looked for ahead of numbers, copies and backups", () => {
  assert.equal(nameDistance("log.txt.1", "log.txt.2"), 1);
  assert.equal(nameDistance("a.txt", "a.txt~"), 1);
  assert.equal(nameDistance("a.txt", "a.txt.bak"), 4);
});

Deno.test("nameDistance: what is further apart than 25, or not nearer than what is known, is not alike", () => {
  assert.equal(nameDistance("short", "x".repeat(200)), Infinity);
  assert.equal(nameDistance("a.txt", "a.html"), Infinity);
  assert.equal(nameDistance("abc", "abd", 1), Infinity);
  assert.equal(nameDistance("abc", "abd", 2), 1);
});

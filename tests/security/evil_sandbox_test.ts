// What the hostile tests rely on: the photograph notices every kind of touch, a program that hangs is ended and told, memory is
// measured, and old-or-new tells a mixture from an old and a new file.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { Sandbox, start } from "../support/evil_sandbox.ts";
import { assertOldOrNew, NEW_TREE, OLD_TARGET, play, type Played, sample } from "../support/evil_play.ts";

const TOUCHES: [string, (sandbox: Sandbox) => void][] = [
  ["new content", (s) => Deno.writeTextFileSync(join(s.canary, "secret.txt"), "canary SECRET\n")],
  ["a new name", (s) => Deno.writeTextFileSync(join(s.canary, "inner", "new"), "")],
  ["another mode", (s) => Deno.chmodSync(join(s.canary, "secret.txt"), 0o644)],
  ["another time", (s) => Deno.utimeSync(join(s.canary, "inner"), 1, 1)],
  ["a removed link", (s) => Deno.removeSync(join(s.canary, "link"))],
  ["a second name for a file", (s) => Deno.linkSync(join(s.canary, "secret.txt"), join(s.target, "x"))],
  ["a name beside the target", (s) => Deno.mkdirSync(join(s.base, "uarget"))],
  ["a changed source", (s) => Deno.removeSync(join(s.tree, "a.txt"))],
];
for (const [claim, touch] of TOUCHES) {
  Deno.test(`Sandbox: ${claim} outside the target is noticed`, async () => {
    const sandbox = new Sandbox(OLD_TARGET, NEW_TREE);
    try {
      await sandbox.photograph();
      assertEquals(await sandbox.changesOutside(), "");
      touch(sandbox);
      assert(await sandbox.changesOutside() !== "");
    } finally {
      sandbox.dispose();
    }
  });
}

Deno.test("Sandbox: a change inside the target is not outside", async () => {
  const sandbox = new Sandbox(OLD_TARGET, NEW_TREE);
  try {
    await sandbox.photograph();
    Deno.writeTextFileSync(join(sandbox.target, "a.txt"), "other");
    assertEquals(await sandbox.changesOutside(), "");
    assertEquals((await sandbox.targetFiles()).get("a.txt"), "f other");
  } finally {
    sandbox.dispose();
  }
});

Deno.test("start: a program that hangs is ended with all below it and told as hung", async () => {
  const sandbox = new Sandbox({}, {});
  try {
    const ended = await start({ argv: ["sh", "-c", "sleep 61 & wait"], sandbox, piped: false, limitMs: 300 }).ended;
    assert(ended.hung && ended.ms < 10_000);
  } finally {
    sandbox.dispose();
  }
});

Deno.test("start: peak memory and exit code are those of the program", async () => {
  const sandbox = new Sandbox({}, {});
  try {
    const argv = ["sh", "-c", "head -c 50000000 /dev/zero | tail -c 40000000 >/dev/null; exit 7"];
    const ended = await start({ argv, sandbox, piped: false, limitMs: 20_000 }).ended;
    assertEquals([ended.code, ended.hung], [7, false]);
    assert(ended.peakKib > 1_000, `${ended.peakKib} KiB`);
  } finally {
    sandbox.dispose();
  }
});

Deno.test("assertOldOrNew: a mixture, a lost file and a left temporary file are noticed", () => {
  const before = new Map([["a.txt", "f old a\n"]]);
  const state = (after: [string, string][]) =>
    ({ before, after: new Map(after), received: [], stderr: "" }) as unknown as Played;
  assertOldOrNew(state([["a.txt", "f old a\n"]]));
  assertOldOrNew(state([["a.txt", "f new a, longer\n"], ["dir", "d"]]));
  assertThrows(() => assertOldOrNew(state([["a.txt", "f new a, lon"]])));
  assertThrows(() => assertOldOrNew(state([])));
  assertThrows(() => assertOldOrNew(state([["a.txt", "f old a\n"], ["evil", "f x"]])));
  assertThrows(() => assertOldOrNew(state([["a.txt", "f old a\n"], [".tsync-1-2", "f "]]), "anything"));
});

Deno.test("sample: the same seed takes the same rows, all of them in the long task, in their order", () => {
  const all = Array.from({ length: 100 }, (_, i) => i);
  const some = sample(all, 10, false);
  assertEquals(some.length, 10);
  assertEquals(some, sample(all, 10, false));
  assertEquals(some, some.toSorted((a, b) => a - b));
  assertEquals(sample(all, 10, true), all);
});

Deno.test("play: a legal run is told with its messages and measured", async () => {
  const played = await play("agent target");
  assertEquals(played.code, 0);
  assertEquals(played.received.filter((name) => name !== "PING").slice(0, 2), ["HELLO", "READY"]);
  assert(played.peakKib > 10_000 && played.sentBytes > 300);
});

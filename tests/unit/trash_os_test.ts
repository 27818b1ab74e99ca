// The door of a target half with a trash: it stands before every verb that changes an entry; what is refused is not left in the journal; a trash
// that cannot be written stops the change.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { defaultOptions } from "../../lib/base/options.ts";
import { TrashOs } from "../../lib/engine/trash_os.ts";
import { type MemoryOs, openMemory } from "../../lib/os/memory.ts";
import { Errno, type Os } from "../../lib/os/os.ts";
import { OsThrough } from "../../lib/os/through.ts";
import { isChanging, type Verb } from "../../lib/os/verbs.ts";
import { openTrash, readJournal, runNames } from "../../lib/tree/trash_folder.ts";
import type { Change } from "../../lib/tree/trash_record.ts";
import { memoryEnvironment } from "../support/memory_run.ts";
import { file, folder, harvest, plant } from "../support/trees.ts";

/** What these change is content of a handle that was opened to be written, which is noted then; or no entry's state. */
const OTHERS = [
  "makeRoot",
  "writeAll",
  "writeAllAt",
  "truncate",
  "punchHole",
  "allocate",
  "cloneFile",
  "copyRange",
  "setAccessTime",
];

function open(): { memory: MemoryOs; os: Os; root: number; end: () => void } {
  const memory = openMemory({});
  plant("/", [folder("d"), folder("d/sub"), file("d/a", "old"), file("d/sub/b", "b")], memory);
  const trash = new TrashOs(memory, memoryEnvironment(memory, 0, 1), { ...defaultOptions(), trash: ".tsync-trash" });
  const root = trash.os.openRoot(utf8("/d"));
  const facts = { singleName: null, hasMetadata: true, isNew: false, isEmpty: false };
  trash.begin({ path: utf8("/d"), handle: root, ...facts });
  return { memory, os: trash.os, root, end: () => (trash.os.close(root), trash.end()) };
}

/** The changes in the one journal there is. */
function changes(memory: MemoryOs): Change[] {
  const root = memory.openRoot(utf8("/d"));
  const trash = openTrash(memory, root, 0);
  const [name] = runNames(memory, trash);
  const run = memory.openFolder(trash, name);
  const found = [...readJournal(memory, run, 0)!].filter((record): record is Change => record.type === "change");
  for (const handle of [run, trash, root]) memory.close(handle);
  return found;
}

Deno.test("a trash stands before every verb that changes an entry", () => {
  const { os } = open();
  const verbs = Object.getOwnPropertyNames(OsThrough.prototype) as (Verb | "constructor")[];
  for (const verb of verbs) {
    if (verb === "constructor" || !isChanging(verb) || OTHERS.includes(verb)) continue;
    assert.ok(Object.hasOwn(os, verb), `${verb} goes through unnoted`);
  }
});

Deno.test("what a run with a trash puts in place, removes and makes is noted with what was there; names of tsync's own are not", () => {
  const { memory, os, root, end } = open();
  const temporary = utf8(`.tsync-00000000-${"0".repeat(24)}`);
  assert.equal(os.makeLink(root, temporary, utf8("x")), 0);
  assert.equal(os.rename(root, temporary, root, utf8("a")), 0);
  const sub = os.openFolder(root, utf8("sub"));
  assert.equal(os.unlink(sub, utf8("b")), 0);
  os.close(sub);
  assert.equal(os.removeFolder(root, utf8("sub")), 0);
  assert.equal(os.makeFolder(root, utf8("made"), 0o700), 0);
  end();
  const told = changes(memory).map(({ path, before, kept, after }) =>
    `${latin1(path) || "."} ${before === null ? "-" : before === "untold" ? "?" : before.kind} ${kept} ${
      after?.kind ?? "-"
    }`
  );
  assert.deepEqual(told, [
    ...[
      ". 4 0 4",
      ". 4 0 4",
      "a 8 1 10",
      "sub 4 0 4",
      "sub/b 8 2 -",
      "sub ? 0 4",
      "sub 4 0 -",
      "made - 0 4",
      ". ? 0 4",
    ],
  ]);
  assert.equal(memory.openHandles(), 0);
});

Deno.test("a change that the system refuses is taken out of the journal again", () => {
  const { memory, os, root, end } = open();
  assert.equal(os.makeFolder(root, utf8("first"), 0o700), 0);
  memory.fault({ verb: "makeFolder", errno: Errno.ENOSPC, when: 1 });
  assert.equal(os.makeFolder(root, utf8("second"), 0o700), -Errno.ENOSPC);
  memory.fault({ verb: "removeFolder", errno: Errno.EPERM, when: 1 });
  assert.equal(os.removeFolder(root, utf8("first")), -Errno.EPERM);
  memory.clearFaults();
  end();
  assert.deepEqual(changes(memory).map(({ path }) => latin1(path)), ["", "", "first", ""]);
});

Deno.test("where the journal or the trash cannot be written, nothing is changed; a record that was cut is overwritten", () => {
  const { memory, os, root, end } = open();
  assert.equal(os.makeFolder(root, utf8("first"), 0o700), 0);
  memory.fault({ verb: "writeAllAt", errno: Errno.ENOSPC, afterBytes: 11, when: 1 });
  assert.equal(os.unlink(root, utf8("a")), -Errno.ENOSPC);
  memory.clearFaults();
  assert.ok(harvest(memory, utf8("/d")).has("a"));
  assert.equal(os.makeFolder(root, utf8("last"), 0o700), 0);
  end();
  assert.deepEqual(changes(memory).map(({ path }) => latin1(path)), ["", "", "first", "last", ""]);

  const other = open();
  other.memory.fault({ verb: "makeFolder", errno: Errno.EROFS });
  assert.throws(() => other.os.unlink(other.root, utf8("a")), TsyncError);
  assert.equal(other.os.unlink(other.root, utf8("a")), -Errno.EROFS);
  assert.ok(harvest(other.memory, utf8("/d")).has("a"));
});

Deno.test("a trash that cannot be begun leaves no run that nothing can be undone of", () => {
  let failures = 0;
  for (const verb of ["makeFolder", "openFolder", "statHandle", "openFile", "writeAllAt"] as const) {
    for (const when of [1, 2]) {
      const { memory, os, root, end } = open();
      memory.fault({ verb, errno: Errno.EACCES, when });
      try {
        os.unlink(root, utf8("a"));
      } catch (error) {
        assert.ok(error instanceof TsyncError, `${verb} ${when}: ${error}`);
        failures++;
        memory.clearFaults();
        end();
        assert.ok(harvest(memory, utf8("/d")).has("a"), `${verb} ${when}`);
        const left = [...harvest(memory, utf8("/d")).keys()].filter((path) => path.startsWith(".tsync-trash/"));
        assert.deepEqual(left, [], `${verb} ${when}`);
      }
    }
  }
  assert.ok(failures >= 5, `${failures}`);
});

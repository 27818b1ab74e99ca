// What a run that lost its connection tells: each thing once, and totals of the whole run.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { Change, type EntryFacts, type Monitor, zeroTotals } from "../../lib/base/monitor.ts";
import { Cause, Side, Verb } from "../../lib/base/problem.ts";
import { defaultOptions } from "../../lib/base/options.ts";
import { mayTakeUp } from "../../lib/job/reconnecting.ts";
import { ToldOnce } from "../../lib/job/told_once.ts";
import { Reporter } from "../../lib/job/reporter.ts";
import { Kind } from "../../lib/os/os.ts";

class Notes implements Monitor {
  readonly lines: string[] = [];
  readonly progress: string[] = [];

  phase(): void {}
  entry({ path, transfer }: EntryFacts, change: number): void {
    this.lines.push(`${change} ${latin1(path)}${transfer === undefined ? "" : ` ${transfer.literalBytes}`}`);
  }
  deleted(path: Uint8Array): void {
    this.lines.push(`deleted ${latin1(path)}`);
  }
  problem({ path }: { path: Uint8Array }): void {
    this.lines.push(`problem ${latin1(path)}`);
  }
  listed(entries: number): void {
    this.progress.push(`listed ${entries}`);
  }
  transferred(files: number, bytes: number): void {
    this.progress.push(`${files} ${bytes}`);
  }
}

function listOf(names: string[]): FileList {
  const list = new FileList();
  list.add(utf8(""), 0, 0, 0, 0o40755, 1, 2, 0, 0, 0, 0, null);
  for (const name of names) {
    const isFolder = name.endsWith("/");
    const bytes = utf8(isFolder ? name.slice(0, -1) : name);
    const mode = (isFolder ? Kind.folder << 12 : Kind.file << 12) | 0o644;
    list.add(bytes, 0, bytes.length, 0, mode, 0, 0, isFolder ? 0 : 10, 0, 0, 0, null);
  }
  return list;
}

const NEW = Change.create | Change.content;

/** A session: its list, and the client's ear for it. */
function session(once: ToldOnce, names: string[], waitsForEnd = false) {
  const list = listOf(names);
  const reporter = new Reporter(list, once, waitsForEnd);
  const tell = (name: string, change: number) => reporter.entry(1 + names.indexOf(name), change);
  return { list, reporter, tell, lost: () => once.lost(list, reporter.unfinished()) };
}

Deno.test("an entry that was told before the loss is not told again, under whatever index", () => {
  const notes = new Notes();
  const once = new ToldOnce(notes, false);
  const first = session(once, ["a", "b", "c"]);
  first.tell("a", NEW);
  first.tell("b", 0);
  first.lost();
  const second = session(once, ["b", "a", "d"]);
  second.tell("b", Change.time);
  second.tell("a", 0);
  second.tell("d", NEW);
  second.lost();
  const third = session(once, ["d", "a", "b"]);
  third.tell("a", NEW);
  third.tell("b", 0);
  third.tell("d", NEW);
  // b was as it should be and is not any more.
  assert.deepEqual(notes.lines, [`${NEW} a`, "0 b", `${Change.time} b`, `${NEW} d`]);
});

Deno.test("totals are those of all connections: what was in place counts once, what comes again counts once", () => {
  const once = new ToldOnce(new Notes(), false);
  const first = session(once, ["d/", "a", "b"]);
  first.tell("d/", Change.create | Change.local);
  first.tell("a", NEW);
  first.tell("b", NEW);
  first.reporter.deleted(utf8("x"), Kind.file);
  first.lost();
  // a and d are found as they should be; b was under way and comes again; c is the last one.
  const second = session(once, ["d/", "a", "b", "c"]);
  second.tell("d/", Change.time);
  second.tell("b", NEW);
  second.tell("c", NEW);
  const last = {
    ...zeroTotals(),
    ...{ files: 3, folders: 2, createdFiles: 2, transferredFiles: 2, transferredBytes: 20, literalBytes: 15 },
    ...{ matchedBytes: 5, unchanged: 1, deletedFiles: 2 },
  };
  const whole = once.whole(last, second.reporter.unfinished());
  assert.deepEqual(whole, {
    ...last,
    ...{
      createdFiles: 3,
      createdFolders: 1,
      transferredFiles: 3,
      transferredBytes: 30,
      literalBytes: 25,
      unchanged: 0,
    },
    deletedFiles: 3,
  });
  assert.equal(once.deletions, 1);
});

Deno.test("a run that loses nothing gives its totals and its lines as they are", () => {
  const notes = new Notes();
  const once = new ToldOnce(notes, false);
  const only = session(once, ["a"]);
  only.tell("a", NEW);
  once.transferred(1, 10);
  const totals = { ...zeroTotals(), files: 1 };
  assert.equal(once.whole(totals, only.reporter.unfinished()), totals);
  assert.deepEqual([notes.lines, notes.progress], [[`${NEW} a`], ["1 10"]]);
});

Deno.test("a transfer whose end was not heard of is told when it is known to be in place", () => {
  const notes = new Notes();
  const once = new ToldOnce(notes, false);
  const first = session(once, ["a", "b", "c"], true);
  for (const name of ["a", "b", "c"]) first.tell(name, NEW);
  first.reporter.finished(1, { literalBytes: 10, signatureBytes: 0, digest: null });
  first.lost();
  const second = session(once, ["a", "b", "c"], true);
  second.tell("c", NEW);
  second.reporter.finished(3, { literalBytes: 4, signatureBytes: 3, digest: null });
  const whole = once.whole({ ...zeroTotals(), unchanged: 2, transferredFiles: 1 }, second.reporter.unfinished());
  assert.deepEqual(notes.lines, [`${NEW} a 10`, `${NEW} c 4`, `${NEW} b 10`]);
  assert.equal(whole.transferredFiles, 3);
});

Deno.test("a problem that comes again is told once and counts once", () => {
  const notes = new Notes();
  const once = new ToldOnce(notes, false);
  const problem = { verb: Verb.open, cause: Cause.system, errno: 13, side: Side.source, path: utf8("a") };
  const first = session(once, []);
  first.reporter.problem(problem);
  first.lost();
  session(once, []).reporter.problem({ ...problem, path: utf8("a") });
  once.problem({ ...problem, cause: Cause.vanished, errno: 0 });
  assert.deepEqual([once.failed, once.vanished, notes.lines.length], [1, 1, 2]);
});

Deno.test("a dry run that is carried out again tells each deletion once", () => {
  const notes = new Notes();
  const once = new ToldOnce(notes, true);
  const first = session(once, []);
  first.reporter.deleted(utf8("x"), Kind.file);
  first.lost();
  const second = session(once, []);
  second.reporter.deleted(utf8("x"), Kind.file);
  assert.deepEqual(notes.lines, ["deleted x"]);
  assert.equal(once.whole({ ...zeroTotals(), deletedFiles: 1 }, []).deletedFiles, 1);
});

Deno.test("progress does not fall, and does not pass the end", () => {
  const notes = new Notes();
  const once = new ToldOnce(notes, false);
  const first = session(once, ["a", "b"]);
  once.listed(3, 100, true);
  once.transferred(1, 60);
  first.lost();
  once.listed(1, 10, false);
  once.transferred(0, 0);
  once.listed(3, 100, true);
  once.transferred(1, 50);
  assert.deepEqual(notes.progress, ["listed 3", "1 60", "1 60", "listed 3", "2 100"]);
});

Deno.test("a connection advances the job if it brings more files, or more of one than any before", () => {
  const once = new ToldOnce(new Notes(), false);
  const cut = (files: number, bytes: number) => {
    once.transferred(files, bytes);
    const has = once.hasAdvanced();
    once.lost(listOf([]), []);
    return has;
  };
  assert.deepEqual([cut(0, 100), cut(0, 100), cut(0, 50), cut(0, 101), cut(1, 1), cut(0, 0)], [
    ...[true, false, false, true, true, false],
  ]);
});

Deno.test("a job is not taken up again where it could take its own traces for the user's, or what it removed for what vanished", () => {
  const options = defaultOptions();
  const may = (more: Partial<typeof options>, isPush = true, isPastWants = true) =>
    mayTakeUp({ ...options, ...more }, isPush, isPastWants);
  assert.equal(may({ delete: true, backup: true }), true);
  assert.equal(may({ inplace: true }), true);
  for (const one of ["backup", "update", "ignoreExisting", "sizeOnly"] as const) {
    for (const half of ["inplace", "partial"]) {
      assert.equal(may({ [half]: true, [one]: true }, false, false), false, one);
    }
  }
  for (const isPush of [true, false]) {
    assert.equal(may({ removeSourceFiles: true }, isPush, false), true);
    assert.equal(may({ removeSourceFiles: true, delete: true }, isPush), false);
    assert.equal(may({ maxDelete: 5, delete: true }, isPush), !isPush);
  }
  assert.equal(may({ removeSourceFiles: true, dryRun: true }), true);
});

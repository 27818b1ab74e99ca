// Refusals and columns of the decoders that neither a limit nor a sample reaches: with them every branch of lib/wire is taken by some test.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { ByteReader, ByteWriter } from "../../lib/base/codec.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { defaultOptions } from "../../lib/base/options.ts";
import { NAMES_BYTES } from "../../lib/base/limits.ts";
import { NamesIntake } from "../../lib/session/names_intake.ts";
import { decodeBatchHead } from "../../lib/wire/batch_codec.ts";
import { isToken } from "../../lib/wire/lane_codec.ts";
import { encodeNames } from "../../lib/wire/names_codec.ts";
import { decodeJob, encodeJob, type Job } from "../../lib/wire/job_codec.ts";
import { AgentsAsked, answerFail, parseLaunchLine, readLaunchLine } from "../../lib/wire/launch_line.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { ALL_KINDS } from "../../lib/wire/messages.ts";
import { AnswerFinder } from "../../lib/deploy/answer.ts";
import { addEntry, rootList } from "./samples.ts";

const COLUMNS = { ...lists.NO_COLUMNS, folderSizes: true };
const written = (write: (writer: ByteWriter) => void): Uint8Array => {
  const writer = new ByteWriter(64);
  write(writer);
  return writer.view().slice();
};
const refused = (work: () => unknown, words: RegExp) =>
  assert.throws(
    work,
    (error) => error instanceof TsyncError && error.data.kind === "stream" && words.test(error.message),
  );

Deno.test("sizes of folders travel only where the job asks for them, the root's and others'", () => {
  const all = new FileList();
  all.add(utf8(""), 0, 0, 0, 0o040755, 1000, 100, 4096, 1_700_000_000, 5, 0, null);
  addEntry(all, "folder", { mode: 0o040755, size: 12_288 });
  const roots = { hasRoot: true, single: false, sources: 1 };
  const again = new FileList();
  assert.deepEqual(
    lists.decodeRoots(new ByteReader(written((w) => lists.encodeRoots(w, roots, all, COLUMNS))), again, COLUMNS),
    roots,
  );
  const reader = new ByteReader(written((w) => lists.encodeList(w, all, 0, 1, 1, 3, Infinity, COLUMNS)));
  const head = { folder: 0, flags: 0, holeBytes: 0, count: 0 };
  lists.decodeListHead(reader, head);
  const tally = { files: 0, folders: 0, otherNames: 0, nameBytes: 0 };
  lists.decodeEntries(reader, again, head, { ...COLUMNS, kinds: ALL_KINDS, digests: false }, tally);
  assert.deepEqual([again.size(0), again.size(1)], [4096, 12_288]);
  const plain = written((w) => lists.encodeList(w, all, 0, 1, 1, 3, Infinity));
  assert.ok(reader.bytes.length > plain.length);
});

Deno.test("entries of a list without sets may say of attributes that there are none, and name no set", () => {
  const all = rootList();
  addEntry(all, "file");
  const columns = { ...lists.NO_COLUMNS, attributes: true };
  for (const [told, isTaken] of [[0, true], [1, true], [2, false]] as const) {
    all.setAttributes(1, told);
    const reader = new ByteReader(written((w) => lists.encodeList(w, all, 0, 1, 1, 3, Infinity, columns)));
    const head = { folder: 0, flags: 0, holeBytes: 0, count: 0 };
    lists.decodeListHead(reader, head);
    const tally = { files: 0, folders: 0, otherNames: 0, nameBytes: 0 };
    const decode = () =>
      lists.decodeEntries(reader, rootList(), head, { ...columns, kinds: ALL_KINDS, digests: false }, tally);
    if (isTaken) decode();
    else refused(decode, /entry attributes/);
  }
});

Deno.test("a job for a source that speaks of a trash, and a text that is longer than it may be, are refused", () => {
  const job: Job = { agentIsSource: true, options: defaultOptions(), paths: [utf8("x")] };
  const decode = (changed: Partial<Job["options"]>, more: Partial<Job> = {}) =>
    decodeJob(
      new ByteReader(written((w) => encodeJob(w, { ...job, ...more, options: { ...job.options, ...changed } }))),
    );
  refused(() => decode({ listOnly: true }, { agentIsSource: false }), /a target is not listed/);
  refused(() => decode({ trashTask: "undo 20231114-221320-010203ff" }), /a source has no trash/);
  assert.equal(decode({ backupSuffix: "s".repeat(255) }).options.backupSuffix.length, 255);
  refused(() => decode({ backupSuffix: "s".repeat(256) }), /more than 255 bytes/);
});

Deno.test("a launch line whose agent is larger than a number can say is none", () => {
  const line = (size: string) => utf8(`tsync1 ${"0".repeat(32)} ${"a".repeat(64)} ${size} x86_64 AAAA -`);
  assert.equal(parseLaunchLine(line("9007199254740991"))?.agent?.bytes, Number.MAX_SAFE_INTEGER);
  assert.equal(parseLaunchLine(line("9999999999999999")), null);
});

Deno.test("a launch line is taken from the environment only where that is heeded, and read once", async () => {
  const line = `tsync1 ${"0".repeat(32)} - 0 x86_64 AAAA -`;
  const source = (text: string) => ({
    at: 0,
    read(into: Uint8Array) {
      if (this.at === text.length) return Promise.resolve(null);
      into[0] = text.charCodeAt(this.at++);
      return Promise.resolve(1);
    },
  });
  const other = line.replace("0000", "1111");
  Deno.env.set("TSYNC_LAUNCH", line);
  assert.match((await readLaunchLine(source(`${other}\n`), false)).marker, /^1111/);
  assert.match((await readLaunchLine(source(""))).marker, /^0000/);
  await assert.rejects(readLaunchLine(source("")), /no launch line/);
  await assert.rejects(readLaunchLine(source("sh\n"), false), /no launch line/);
  // What `tsync agent` asks a shell, met by a forced command: it can be answered.
  const asked = await readLaunchLine(source(`tsync1-agents ${"0a".repeat(16)} list -\n`), false).catch((error) =>
    error
  );
  assert.ok(asked instanceof AgentsAsked);
  assert.equal(asked.marker, "0a".repeat(16));
  assert.match(asked.message, /command of its own.*replace that file/);
  await assert.rejects(readLaunchLine(source("tsync1-agents 0a list -\n"), false), /no launch line/);
});

Deno.test("a LIST whose flag says that there are holes, and that has none, is refused", () => {
  const head = { folder: 0, flags: 0, holeBytes: 0, count: 0 };
  refused(() => lists.decodeListHead(new ByteReader(Uint8Array.of(0, 35, 0, 0)), head), /LIST holes/);
  lists.decodeListHead(new ByteReader(Uint8Array.of(0, 35, 1, 0)), head);
  assert.equal(head.holeBytes, 1);
});

Deno.test("answerFail says its reason in one line that the client finds, however long it is", () => {
  const marker = "f".repeat(32);
  for (const reason of ["no such root", "two\nlines\n", "x".repeat(100_000), "é".repeat(2000)]) {
    const answer = new AnswerFinder(marker).push(answerFail(marker, reason));
    assert.ok(answer?.word === "FAIL");
    assert.equal(new TextDecoder().decode(answer.text), reason.replace(/\n/g, " ").slice(0, 500));
  }
});

Deno.test("the head of a batch that is a source's job is refused", () => {
  const job = (agentIsSource: boolean) =>
    new ByteReader(written((w) => encodeJob(w, { agentIsSource, options: defaultOptions(), paths: [utf8(".")] })));
  refused(() => decodeBatchHead(job(true)), /batch head.*it is no target's/);
  assert.equal(decodeBatchHead(job(false)).recursive, false);
});

Deno.test("a token is another one if any byte differs, or its length", () => {
  const token = Uint8Array.of(1, 2, 3);
  assert.ok(isToken(token, Uint8Array.of(1, 2, 3)));
  for (const other of [[1, 2, 2], [0, 2, 3], [1, 2], [1, 2, 3, 0], []]) {
    assert.equal(isToken(token, Uint8Array.from(other)), false, `${other}`);
  }
});

Deno.test("names of --files-from: parts are put together; too many bytes and a last name without an end are refused", () => {
  const part = (text: string, isLast: boolean) => new ByteReader(written((w) => encodeNames(w, utf8(text), isLast)));
  const intake = new NamesIntake();
  assert.equal(intake.take(part("a\0b", false)), null);
  assert.deepEqual(intake.take(part("c\0", true)), utf8("a\0bc\0"));
  assert.deepEqual(new NamesIntake().take(part("", true)), new Uint8Array(0));
  refused(() => new NamesIntake().take(part("a", true)), /the last name has no end/);
  const full = new NamesIntake();
  // Flags 0: not the last part.
  const quarter = new Uint8Array(2 + (NAMES_BYTES >> 2));
  const send = () => full.take(new ByteReader(quarter));
  for (let k = 0; k < 3; k++) assert.equal(send(), null);
  refused(send, /the client names too much/);
});

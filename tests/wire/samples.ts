// One or more samples of every message: how it is encoded, and a decoder that encodes again what it decoded. Used by the golden
// bytes, the truncations and the fuzzer, so that a message added here is tested by all of them.

import { concatBytes, fromHex, fromLatin1, utf8 } from "../../lib/base/bytes.ts";
import { type AttributeSet, AttributeSets, decodeSet, encodeSet, FIRST_SET } from "../../lib/base/attributes.ts";
import { ByteReader, ByteWriter } from "../../lib/base/codec.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { deviceNumber, FileList } from "../../lib/base/file_list.ts";
import { zeroTotals } from "../../lib/base/monitor.ts";
import { defaultOptions } from "../../lib/base/options.ts";
import { ZstdUnpacker } from "../../lib/codec/zstd.ts";
import * as content from "../../lib/wire/content_codec.ts";
import * as event from "../../lib/wire/event_codec.ts";
import { decodeHello, encodeHello } from "../../lib/wire/hello_codec.ts";
import { decodeJob, encodeJob, type Job } from "../../lib/wire/job_codec.ts";
import { decodeNames, encodeNames } from "../../lib/wire/names_codec.ts";
import * as lane from "../../lib/wire/lane_codec.ts";
import * as lists from "../../lib/wire/list_codec.ts";
import { ALL_KINDS, Message } from "../../lib/wire/messages.ts";
import { decodeMissing, encodeMissing } from "../../lib/wire/missing_codec.ts";
import { decodePlan, encodePlan } from "../../lib/wire/plan_codec.ts";
import * as packed from "../../lib/wire/packed_codec.ts";
import * as wish from "../../lib/wire/wish_codec.ts";

export interface Sample {
  name: string;
  type: number;
  encode(writer: ByteWriter): void;
  /** Decodes a payload and encodes it again. */
  again(reader: ByteReader, writer: ByteWriter): void;
}

export function payload(sample: Sample): Uint8Array {
  const writer = new ByteWriter(64);
  sample.encode(writer);
  return writer.view().slice();
}

/** Decodes and encodes again; throws what the decoder throws. */
export function reencode(sample: Sample, bytes: Uint8Array): Uint8Array {
  const writer = new ByteWriter(64);
  sample.again(new ByteReader(bytes), writer);
  return writer.view().slice();
}

/** Null if the decoder refused in the proper way. */
export function attempt(sample: Sample, bytes: Uint8Array): Uint8Array | null {
  try {
    return reencode(sample, bytes);
  } catch (error) {
    if (error instanceof TsyncError && error.data.kind === "stream") return null;
    throw error;
  }
}

export const DIGEST = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);

/** A list with only its root. */
export function rootList(): FileList {
  const list = new FileList();
  list.add(utf8(""), 0, 0, 0, 0o040755, 1000, 100, 0, 1_700_000_000, 123_456_789, 0, null);
  return list;
}

export interface Facts {
  parent?: number;
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  seconds?: number;
  ns?: number;
  target?: Uint8Array;
}

export function addEntry(list: FileList, name: Uint8Array | string, facts: Facts = {}): number {
  const bytes = typeof name === "string" ? fromLatin1(name) : name;
  const { parent = 0, mode = 0o100644, uid = 0, gid = 0, seconds = 0, ns = 0, target } = facts;
  const size = target === undefined ? facts.size ?? 0 : target.length;
  return list.add(bytes, 0, bytes.length, parent, mode, uid, gid, size, seconds, ns, 0, target ?? null);
}

/** One entry of every kind, with names that share prefixes and every way to say uid, gid and time. */
function everyKind(): FileList {
  const list = rootList();
  addEntry(list, "block", { mode: 0o060660, gid: 6, size: deviceNumber(8, 17), seconds: 1_600_000_000 });
  addEntry(list, "char", { mode: 0o020666, gid: 6, size: deviceNumber(1048575, 4294967295), seconds: 1_600_000_000 });
  addEntry(list, "fifo", { mode: 0o010644, uid: 4294967294, gid: 4294967294, seconds: -1, ns: 999_999_999 });
  const file = addEntry(list, "file", {
    mode: 0o106755,
    uid: 1000,
    gid: 1000,
    size: 123_456,
    seconds: 1_700_000_001,
    ns: 5,
  });
  list.setDigest(file, DIGEST);
  addEntry(list, "file2", {
    mode: 0o100000,
    uid: 1000,
    gid: 1000,
    size: Number.MAX_SAFE_INTEGER,
    seconds: 1_700_000_001,
  });
  addEntry(list, "folder", { mode: 0o041777, uid: 1000, gid: 0, seconds: 2 ** 43 });
  addEntry(list, "link", { mode: 0o120777, uid: 1000, gid: 0, seconds: -(2 ** 43), target: utf8("/etc/passwd") });
  addEntry(list, "socket", { mode: 0o140600, uid: 1000, gid: 0, seconds: -(2 ** 43) });
  addEntry(list, '\n\xff"$(x)', { uid: 1000 });
  return list;
}

/** Two names of one file around one of its own, and two of a link. */
function linkedNames(): FileList {
  const list = rootList();
  for (const name of ["a", "b", "c"]) addEntry(list, name, { size: 7 });
  for (const name of ["l", "m"]) addEntry(list, name, { mode: 0o120777, target: utf8("x") });
  addEntry(list, "z", { mode: 0o040755 });
  for (const [i, first] of [[1, 1], [3, 1], [4, 4], [5, 4]]) list.setFirstName(i, first);
  return list;
}

const LINKED: Sample = {
  name: "LIST, names of one inode",
  type: Message.list,
  encode(writer) {
    lists.encodeList(writer, linkedNames(), 0, 1, 6, 3, Infinity, {
      links: true,
      attributes: false,
      folderSizes: false,
    });
  },
  again(reader, writer) {
    const [all, head] = [rootList(), { folder: 0, flags: 0, holeBytes: 0, count: 0 }];
    lists.decodeListHead(reader, head);
    if (head.folder !== 0 || (head.flags & 1) === 0) reader.fail("LIST", "the session does not allow it here");
    const tally = { files: 0, folders: 0, otherNames: 0, nameBytes: 0 };
    lists.decodeEntries(reader, all, head, {
      kinds: ALL_KINDS,
      digests: true,
      links: true,
      attributes: false,
      folderSizes: false,
    }, tally);
    lists.encodeList(writer, all, 0, 1, head.count, head.flags, Infinity, {
      links: true,
      attributes: false,
      folderSizes: false,
    });
  },
};

/** A set with attributes and both access lists. */
const SET: AttributeSet = {
  attributes: [
    { name: utf8("security.capability"), value: Uint8Array.of(1, 0, 255) },
    { name: utf8("user.a"), value: new Uint8Array(0) },
  ],
  access: [[1, 7, 0], [2, 5, 1000], [4, 0, 0], [16, 7, 0], [32, 4, 0]].map(([tag, perms, id]) => ({ tag, perms, id })),
  defaults: [[1, 7, 0], [4, 5, 0], [32, 0, 0]].map(([tag, perms, id]) => ({ tag, perms, id })),
};

const ATTRIBUTED: Sample[] = [
  {
    name: "ATTRIBUTES",
    type: Message.attributes,
    encode: (writer) => encodeSet(writer, SET),
    again: (reader, writer) => encodeSet(writer, decodeSet(reader)),
  },
  {
    name: "ROOTS with attributes",
    type: Message.roots,
    encode(writer) {
      const all = rootList();
      all.sets = new AttributeSets();
      all.setAttributes(0, FIRST_SET + all.sets.intern(SET));
      lists.encodeRoots(writer, { hasRoot: true, single: false, sources: 1 }, all, {
        links: false,
        attributes: true,
        folderSizes: false,
      });
    },
    again(reader, writer) {
      const all = new FileList();
      const columns = { links: false, attributes: true, folderSizes: false };
      lists.encodeRoots(writer, lists.decodeRoots(reader, all, columns), all, columns);
    },
  },
];

function list(name: string, make: () => FileList, flags: number, holeBytes = 0): Sample {
  return {
    name,
    type: Message.list,
    encode(writer) {
      const all = make();
      const count = all.count - 1;
      // The entry whose name sorts first was added last, so that the list above reads well.
      lists.encodeList(writer, inOrder(all), 0, 1, count, flags, Infinity, lists.NO_COLUMNS, holeBytes);
    },
    again(reader, writer) {
      const [all, head] = [rootList(), { folder: 0, flags: 0, holeBytes: 0, count: 0 }];
      lists.decodeListHead(reader, head);
      if (head.folder !== 0 || (head.flags & 1) === 0) reader.fail("LIST", "the session does not allow it here");
      lists.decodeEntries(reader, all, head, {
        kinds: ALL_KINDS,
        digests: true,
        links: false,
        attributes: false,
        folderSizes: false,
      }, {
        files: 0,
        folders: 0,
        otherNames: 0,
        nameBytes: 0,
      });
      const columns = lists.NO_COLUMNS;
      const done = lists.encodeList(writer, all, 0, 1, head.count, head.flags, Infinity, columns, head.holeBytes);
      if (done !== head.count) throw new Error("one message holds what one message held");
    },
  };
}

/** The list with its entries in canonical order. */
function inOrder(all: FileList): FileList {
  const sorted = rootList();
  const names = Array.from({ length: all.count - 1 }, (_, i) => i + 1);
  names.sort((a, b) => compare(all.name(a), all.name(b)));
  for (const i of names) {
    const isLink = all.kind(i) === 10;
    const at = addEntry(sorted, all.name(i), {
      mode: all.kind(i) << 12 | all.mode(i),
      uid: all.uid(i),
      gid: all.gid(i),
      size: all.size(i),
      seconds: all.mtimeSec(i),
      ns: all.mtimeNs(i),
      target: isLink ? all.linkTarget(i) : undefined,
    });
    const digest = all.digest(i);
    if (digest !== null && all.kind(i) === 8) sorted.setDigest(at, digest);
  }
  return sorted;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? a.length - b.length : a[at] - (b[at] ?? -1);
}

export const PUSH: Job = {
  agentIsSource: false,
  options: defaultOptions(),
  paths: [utf8("/srv/site")],
};

const PULL: Job = {
  agentIsSource: true,
  options: {
    ...defaultOptions(),
    recursive: true,
    links: true,
    perms: true,
    times: true,
    group: true,
    owner: true,
    devices: true,
    specials: true,
    numericIds: true,
    dryRun: true,
    checksum: true,
    ignoreTimes: true,
    sparse: true,
    delete: true,
    reportEntries: true,
    reportUnchanged: true,
    allowEmptySource: true,
    allowTorn: true,
    noGuard: true,
    allowOtherDevice: true,
    noSpaceCheck: true,
    modifyWindowNs: 2_000_000_000,
    deleteLimit: { percent: 75 },
    timeoutSeconds: 300,
    compress: "always",
    compressLevel: -7,
    blockBytes: 4096,
    update: true,
    existing: true,
    ignoreExisting: true,
    sizeOnly: true,
    pruneEmptyFolders: true,
    dirs: true,
    relative: true,
    noImpliedDirs: true,
    filesFrom: true,
    ignoreMissingArgs: true,
    from0: true,
    maxSize: Number.MAX_SAFE_INTEGER,
    minSize: 0,
    filesFromThere: utf8("~/names"),
    filters: [{ flags: 1, pattern: utf8("*.c") }, { flags: 0x3fb2, pattern: utf8("\xff*") }],
  },
  paths: [utf8("~/a b"), utf8("/"), utf8("")],
};

function job(name: string, value: Job): Sample {
  return {
    name,
    type: Message.job,
    encode: (writer) => encodeJob(writer, value),
    again: (reader, writer) => encodeJob(writer, decodeJob(reader)),
  };
}

function records(): content.FileRecord {
  return { index: 0, size: 0, fresh: null, content: utf8(""), digest: utf8("") };
}

const FRESH = { size: 5, mtimeSec: 1_700_000_002, mtimeNs: 77 };

/** What the sample of PACKED holds, and its data: zstd's, of level 3. Another zstd may find another form, and read this one. */
export const PACKED_FRAMES = concatBytes(
  Uint8Array.of(0x2d, 0x01, 0, 0, Message.fileData, 0),
  new Uint8Array(300).fill(0x61),
  Uint8Array.of(1, 0, 0, 0, Message.fileEnd, 1),
);
const PACKED_DATA = fromHex("28b52ffd0050a50000682d0100001600610100000017010100282a3002")!;
const unpacker = new ZstdUnpacker();

/** Names of --files-from, or a part of them. */
function named(name: string, bytes: string, isLast: boolean): Sample {
  return {
    name,
    type: Message.names,
    encode: (writer) => encodeNames(writer, utf8(bytes), isLast),
    again(reader, writer) {
      const part = decodeNames(reader);
      encodeNames(writer, part.bytes, part.isLast);
    },
  };
}

export const SAMPLES: Sample[] = [
  {
    name: "HELLO",
    type: Message.hello,
    encode: (writer) =>
      encodeHello(writer, {
        major: 1,
        minor: 0,
        side: 1,
        version: utf8("0.1.0"),
        offers: 0,
        requires: 0,
        nonce: Uint8Array.from({ length: 16 }, (_, i) => i),
      }),
    again: (reader, writer) => encodeHello(writer, decodeHello(reader)),
  },
  job("JOB push, nothing set", PUSH),
  job("JOB pull, all set", PULL),
  job("JOB with modes, times and accounts of its own", {
    ...PUSH,
    options: {
      ...PUSH.options,
      executability: true,
      omitDirTimes: true,
      omitLinkTimes: true,
      userMap: utf8("0-9:bin,*:7"),
      groupMap: utf8(":sys"),
    },
  }),
  job("JOB that follows and judges links", {
    ...PUSH,
    options: { ...PUSH.options, copyLinks: true, copyDirlinks: true, copyUnsafeLinks: true, safeLinks: true },
  }),
  job("JOB that keeps to a file system and makes links useless", {
    ...PUSH,
    options: {
      ...PUSH.options,
      oneFileSystem: 2,
      keepDirlinks: true,
      mungeLinks: true,
      unmungeLinks: true,
      atimes: true,
      openNoatime: true,
      deleteMissingArgs: true,
      copyDevices: true,
      writeDevices: true,
    },
  }),
  job("JOB without compression", { ...PUSH, options: { ...PUSH.options, compress: "never", compressLevel: 22 } }),
  named("NAMES, the last part", "a/b\0\xffc/\0", true),
  named("NAMES, a part that ends in the midst of a name", "a/b\0c", false),
  job("JOB with a rate, whole seconds and no holes", {
    ...PUSH,
    options: { ...PUSH.options, bwlimitKib: 1536, modifyWindowNs: -3, fillHoles: true },
  }),
  job("JOB of a run that may be taken up again", {
    ...PUSH,
    options: { ...PUSH.options, goesOn: true, runName: Uint8Array.from({ length: 16 }, (_, i) => 0xf0 + i) },
  }),
  job("JOB with backups", {
    ...PUSH,
    options: {
      ...PUSH.options,
      backup: true,
      tellsMore: true,
      backupSuffix: "~\xff",
      backupDir: "../kept\xff",
      mkpath: true,
    },
  }),
  job("JOB with partials", { ...PUSH, options: { ...PUSH.options, keepsPartials: true, partialDir: ".kept\xff" } }),
  job("JOB that appends", {
    ...PUSH,
    options: { ...PUSH.options, inplace: true, append: true, appendVerify: true, preallocate: true, fuzzy: 2 },
  }),
  job("JOB that takes partials away", {
    ...PULL,
    options: { ...defaultOptions(), recursive: true, listOnly: true, partialsOnly: true, removeSourceFiles: true },
  }),
  job("JOB with files that wait", {
    ...PUSH,
    options: { ...PUSH.options, partialDir: ".~tmp~", delayUpdates: true, tempDir: "/tmp\xff" },
  }),
  job("JOB with alternatives", {
    ...PUSH,
    options: {
      ...PUSH.options,
      altKind: "link",
      altDests: ["../a", "/b\xff"],
      maxDelete: 0,
      force: true,
      ignoreErrors: true,
    },
  }),
  job("JOB with a trash", {
    ...PUSH,
    options: { ...PUSH.options, trash: "../bin\xff", trashKeepSeconds: 86_400, trashKeepBytes: 2 ** 53 - 1 },
  }),
  job("JOB that undoes a run", { ...PUSH, options: { ...PUSH.options, trashTask: "undo 20231114-221320-010203ff" } }),
  job("JOB with a count of deletions", { ...PUSH, options: { ...PUSH.options, deleteLimit: { count: 1000 } } }),
  {
    name: "ROOTS with a root",
    type: Message.roots,
    encode: (writer) => lists.encodeRoots(writer, { hasRoot: true, single: false, sources: 1 }, rootList()),
    again(reader, writer) {
      const all = new FileList();
      lists.encodeRoots(writer, lists.decodeRoots(reader, all), all);
    },
  },
  {
    name: "ROOTS single",
    type: Message.roots,
    encode: (writer) => lists.encodeRoots(writer, { hasRoot: false, single: true, sources: 3 }, rootList()),
    again(reader, writer) {
      const all = new FileList();
      lists.encodeRoots(writer, lists.decodeRoots(reader, all), all);
    },
  },
  {
    name: "ROOTS nothing",
    type: Message.roots,
    encode(writer) {
      lists.encodeRoots(writer, { hasRoot: false, single: false, nothing: true, sources: 2 }, rootList());
    },
    again(reader, writer) {
      const all = new FileList();
      lists.encodeRoots(writer, lists.decodeRoots(reader, all), all);
    },
  },
  {
    name: "ACCOUNT",
    type: Message.account,
    encode: (writer) => lists.encodeAccount(writer, 1, 1000, utf8("users")),
    again(reader, writer) {
      const { kind, id, name } = lists.decodeAccount(reader);
      lists.encodeAccount(writer, kind, id, name);
    },
  },
  list("LIST of every kind", everyKind, 3),
  list("LIST unreadable", rootList, 7),
  list("LIST with holes", rootList, 3, 2 ** 40 + 5),
  {
    name: "LIST with access times",
    type: Message.list,
    encode(writer) {
      const all = rootList();
      addEntry(all, "file");
      all.setAtime(1, 1_300_000_000, 5);
      addEntry(all, "folder", { mode: 0o040755 });
      addEntry(all, "pipe", { mode: 0o010644 });
      all.setAtime(3, -1, 999_999_999);
      lists.encodeList(writer, all, 0, 1, 3, 3, Infinity, { ...lists.NO_COLUMNS, atimes: true });
    },
    again(reader, writer) {
      const all = rootList();
      const head = { folder: 0, flags: 0, holeBytes: 0, count: 0 };
      lists.decodeListHead(reader, head);
      if (head.folder !== 0 || (head.flags & 1) === 0) reader.fail("LIST", "the session does not allow it here");
      const columns = { ...lists.NO_COLUMNS, atimes: true };
      const tally = { files: 0, folders: 0, otherNames: 0, nameBytes: 0 };
      lists.decodeEntries(reader, all, head, { ...columns, kinds: ALL_KINDS, digests: false }, tally);
      lists.encodeList(writer, all, 0, 1, head.count, head.flags, Infinity, columns, head.holeBytes);
    },
  },
  {
    name: "MISSING",
    type: Message.missing,
    encode: (writer) => encodeMissing(writer, [utf8("a"), fromLatin1("b/\xff")]),
    again: (reader, writer) => encodeMissing(writer, decodeMissing(reader)),
  },
  {
    name: "PLAN",
    type: Message.plan,
    encode: (writer) => encodePlan(writer, { entries: 10, bytes: 2 ** 40 + 3, holeBytes: 4096 }),
    again: (reader, writer) => encodePlan(writer, decodePlan(reader)),
  },
  {
    name: "LIST_END",
    type: Message.listEnd,
    encode: (writer) => lists.encodeListEnd(writer, true, 10, 123_467),
    again(reader, writer) {
      const { complete, entries, bytes } = lists.decodeListEnd(reader);
      lists.encodeListEnd(writer, complete, entries, bytes);
    },
  },
  {
    name: "FILES, an empty one, a fresh one, one of 300 bytes",
    type: Message.files,
    encode(writer) {
      content.encodeFile(writer, 4, null, utf8(""), DIGEST);
      content.encodeFile(writer, 5, FRESH, utf8("fresh"), DIGEST);
      content.encodeFile(writer, 300, null, new Uint8Array(300).fill(0x61), DIGEST);
    },
    again(reader, writer) {
      const record = records();
      while (reader.left > 0) {
        content.decodeFile(reader, record);
        content.encodeFile(writer, record.index, record.fresh, record.content, record.digest);
      }
    },
  },
  ...[null, FRESH].map((fresh): Sample => ({
    name: fresh === null ? "FILE_BEGIN" : "FILE_BEGIN fresh",
    type: Message.fileBegin,
    encode: (writer) =>
      content.encodeFileBegin(writer, 4, 2 ** 40, fresh === null ? null : { ...fresh, size: 2 ** 40 }, fresh !== null),
    again(reader, writer) {
      const record = records();
      const isDelta = content.decodeFileBegin(reader, record);
      content.encodeFileBegin(writer, record.index, record.size, record.fresh, isDelta);
    },
  })),
  {
    name: "FILE_DATA",
    type: Message.fileData,
    encode: (writer) => content.encodeFileData(writer, 2 ** 32, utf8("data")),
    again(reader, writer) {
      const offset = content.decodeFileDataOffset(reader);
      content.encodeFileData(writer, offset, reader.raw("data", reader.left));
    },
  },
  ...[DIGEST, null].map((digest): Sample => ({
    name: digest === null ? "FILE_END abandoned" : "FILE_END",
    type: Message.fileEnd,
    encode: (writer) => content.encodeFileEnd(writer, digest),
    again: (reader, writer) => content.encodeFileEnd(writer, content.decodeFileEnd(reader)),
  })),
  {
    name: "FILE_SKIP",
    type: Message.fileSkip,
    encode: (writer) => content.encodeFileSkip(writer, 4, 2),
    again(reader, writer) {
      const { index, cause } = content.decodeFileSkip(reader);
      content.encodeFileSkip(writer, index, cause);
    },
  },
  {
    name: "SOURCE_DONE",
    type: Message.sourceDone,
    encode: (writer) => content.encodeSourceDone(writer, true),
    again: (reader, writer) => content.encodeSourceDone(writer, content.decodeSourceDone(reader)),
  },
  {
    name: "CHECKED of 11 paths",
    type: Message.checked,
    encode: (writer) => content.encodeChecked(writer, 11, Uint8Array.of(0b1000_0001, 0b101)),
    again: (reader, writer) => content.encodeChecked(writer, 11, content.decodeChecked(reader, 11)),
  },
  {
    name: "PACKED, a FILE_DATA of 300 bytes and a FILE_END",
    type: Message.packed,
    encode(writer) {
      packed.encodePackedHead(writer, PACKED_FRAMES.length);
      writer.raw(PACKED_DATA);
    },
    again(reader, writer) {
      const bytes = packed.decodePackedHead(reader);
      const data = reader.raw("data", reader.left);
      const into = new Uint8Array(bytes + 1);
      if (!unpacker.unpack(data, into, bytes)) reader.fail("PACKED", "it does not unpack");
      packed.checkPackedFrames(new ByteReader(into.subarray(0, bytes)));
      packed.encodePackedHead(writer, bytes);
      writer.raw(data);
    },
  },
  {
    name: "READY",
    type: Message.ready,
    encode: (writer) => wish.encodeReady(writer, { streaming: true, trees: null }),
    again: (reader, writer) => wish.encodeReady(writer, wish.decodeReady(reader)),
  },
  {
    name: "READY with subtrees, owners do not count",
    type: Message.ready,
    encode: (writer) => wish.encodeReady(writer, { streaming: false, trees: { owner: false, group: true } }),
    again: (reader, writer) => wish.encodeReady(writer, wish.decodeReady(reader)),
  },
  {
    name: "SUBTREES of 3 folders",
    type: Message.subtrees,
    encode(writer) {
      const digests = new Uint8Array(48).map((_, i) => i);
      lists.encodeSubtrees(writer, Uint32Array.of(0, 5, 70_000), digests, 0, 3);
    },
    again(reader, writer) {
      const { folders, digests } = lists.decodeSubtrees(reader, 2 ** 32);
      lists.encodeSubtrees(writer, folders, digests, 0, folders.length);
    },
  },
  {
    name: "DESCEND of 11 folders",
    type: Message.descend,
    encode: (writer) => wish.encodeDescend(writer, 11, Uint8Array.of(0b1000_0001, 0b101)),
    again: (reader, writer) => wish.encodeDescend(writer, 11, wish.decodeDescend(reader, 11)),
  },
  {
    name: "WANT",
    type: Message.want,
    encode: (writer) => wish.encodeWant(writer, Uint32Array.of(1, 2, 300, 70_000), 0, 4, { redo: false, delta: false }),
    again(reader, writer) {
      const indexes = new Uint32Array(8192);
      const { count, ...kind } = wish.decodeWant(reader, 2 ** 32, indexes);
      wish.encodeWant(writer, indexes, 0, count, kind);
    },
  },
  {
    name: "WANT of deltas",
    type: Message.want,
    encode: (writer) => wish.encodeWant(writer, Uint32Array.of(7), 0, 1, { redo: false, delta: true }),
    again(reader, writer) {
      const indexes = new Uint32Array(8192);
      const { count, ...kind } = wish.decodeWant(reader, 2 ** 32, indexes);
      wish.encodeWant(writer, indexes, 0, count, kind);
    },
  },
  ...[{ basisBytes: 2 ** 33, blockBytes: 65_536 }, null].map((head): Sample => ({
    name: head === null ? "SIGNATURE, its end" : "SIGNATURE, its beginning",
    type: Message.signature,
    encode: (writer) => wish.encodeSignature(writer, 7, head, head === null, DIGEST.subarray(0, 14)),
    again(reader, writer) {
      const part = wish.decodeSignature(reader);
      wish.encodeSignature(writer, part.index, part.head, part.isLast, part.records);
    },
  })),
  {
    name: "FINE",
    type: Message.fine,
    encode: (writer) => wish.encodeFine(writer, 7, true, DIGEST.subarray(0, 10)),
    again(reader, writer) {
      const { index, isLast, records } = wish.decodeFine(reader);
      wish.encodeFine(writer, index, isLast, records);
    },
  },
  {
    name: "FILE_COPY of 2 runs",
    type: Message.fileCopy,
    encode(writer) {
      content.encodeCopyRun(writer, 0, 65_536, 131_072);
      content.encodeCopyRun(writer, 2 ** 32, 2 ** 33, 1);
    },
    again(reader, writer) {
      const run = { offset: 0, basisOffset: 0, bytes: 0 };
      while (reader.left > 0) {
        content.decodeCopyRun(reader, run);
        content.encodeCopyRun(writer, run.offset, run.basisOffset, run.bytes);
      }
    },
  },
  {
    name: "REFINE of 2 ranges",
    type: Message.refine,
    encode(writer) {
      content.encodeRefine(writer, 7, [{ basisAt: 65_536, basisBytes: 131_072 }, { basisAt: 0, basisBytes: 1 }]);
    },
    again(reader, writer) {
      const { index, ranges } = content.decodeRefine(reader);
      content.encodeRefine(writer, index, ranges);
    },
  },
  {
    name: "PLACED",
    type: Message.placed,
    encode: (writer) => wish.encodePlaced(writer, Uint32Array.of(1, 2, 70_000)),
    again: (reader, writer) => wish.encodePlaced(writer, wish.decodePlaced(reader, 100_000)),
  },
  {
    name: "WANT_END",
    type: Message.wantEnd,
    encode() {},
    again: (reader) => event.decodeEmpty(reader, "WANT_END"),
  },
  {
    name: "CHECK",
    type: Message.check,
    encode: (writer) => wish.encodeCheck(writer, [utf8("a"), utf8("a/b c"), fromLatin1("\xff")]),
    again: (reader, writer) => wish.encodeCheck(writer, wish.decodeCheck(reader)),
  },
  {
    name: "ENTRY, two records",
    type: Message.entry,
    encode(writer) {
      event.encodeEntryRecord(writer, 0, 0, -1);
      event.encodeEntryRecord(writer, 70_000, 1023, -1);
      event.encodeEntryRecord(writer, 70_001, (1 << 13) | 5, 70_000);
    },
    again(reader, writer) {
      const record = { index: 0, change: 0, linkedWith: -1 };
      while (reader.left > 0) {
        event.decodeEntryRecord(reader, record);
        event.encodeEntryRecord(writer, record.index, record.change, record.linkedWith);
      }
    },
  },
  {
    name: "DELETED",
    type: Message.deleted,
    encode: (writer) => event.encodeDeleted(writer, utf8("old/link"), 10),
    again(reader, writer) {
      const { path, kind } = event.decodeDeleted(reader);
      event.encodeDeleted(writer, path, kind);
    },
  },
  {
    name: "PROBLEM",
    type: Message.problem,
    encode: (writer) => event.encodeProblem(writer, { verb: 6, cause: 0, errno: 13, side: 1, path: utf8("a/b") }),
    again: (reader, writer) => event.encodeProblem(writer, event.decodeProblem(reader)),
  },
  {
    name: "PROGRESS",
    type: Message.progress,
    encode: (writer) => event.encodeProgress(writer, 1000, 2 ** 33),
    again(reader, writer) {
      const { files, bytes } = event.decodeProgress(reader);
      event.encodeProgress(writer, files, bytes);
    },
  },
  {
    name: "FINISHED",
    type: Message.finished,
    encode: (writer) => event.encodeFinished(writer, 0, { literalBytes: 2 ** 33, signatureBytes: 3, digest: null }),
    again(reader, writer) {
      const { index, transfer } = event.decodeFinished(reader);
      event.encodeFinished(writer, index, transfer);
    },
  },
  {
    name: "FINISHED, with a digest",
    type: Message.finished,
    encode: (writer) =>
      event.encodeFinished(writer, 70_000, { literalBytes: 0, signatureBytes: 2 ** 20, digest: DIGEST }),
    again(reader, writer) {
      const { index, transfer } = event.decodeFinished(reader);
      event.encodeFinished(writer, index, transfer);
    },
  },
  {
    name: "TOTALS, each field its number in PROTOCOL.md",
    type: Message.totals,
    encode: (writer) =>
      event.encodeTotals(writer, {
        ...zeroTotals(),
        files: 1,
        folders: 2,
        links: 3,
        devices: 4,
        specials: 5,
        createdFiles: 6,
        createdFolders: 7,
        createdLinks: 8,
        createdDevices: 9,
        createdSpecials: 10,
        deletedFiles: 11,
        deletedFolders: 12,
        deletedLinks: 13,
        deletedDevices: 14,
        deletedSpecials: 15,
        transferredFiles: 16,
        totalBytes: 17,
        transferredBytes: 18,
        literalBytes: 19,
        matchedBytes: 20,
        unchanged: 21,
        listBytes: 22,
      }),
    again: (reader, writer) => event.encodeTotals(writer, event.decodeTotals(reader)),
  },
  {
    name: "PING",
    type: Message.ping,
    encode: (writer) => event.encodePing(writer, 2 ** 53 - 1),
    again: (reader, writer) => event.encodePing(writer, event.decodePing(reader)),
  },
  {
    name: "CREDIT",
    type: Message.credit,
    encode: (writer) => event.encodeCredit(writer, 1 << 20, 83),
    again(reader, writer) {
      const { bytes, idlePercent } = event.decodeCredit(reader);
      event.encodeCredit(writer, bytes, idlePercent);
    },
  },
  {
    name: "ABORT",
    type: Message.abort,
    encode: (writer) => event.encodeAbort(writer, 5, utf8("bad frame")),
    again(reader, writer) {
      const { kind, text } = event.decodeAbort(reader);
      event.encodeAbort(writer, kind, text);
    },
  },
  {
    name: "BYE",
    type: Message.bye,
    encode() {},
    again: (reader) => event.decodeEmpty(reader, "BYE"),
  },
  {
    name: "SPLIT",
    type: Message.split,
    encode() {},
    again: (reader) => event.decodeEmpty(reader, "SPLIT"),
  },
  {
    name: "LANES, a question",
    type: Message.lanes,
    encode: (writer) => lane.encodeLanesAsked(writer, 3),
    again: (reader, writer) => lane.encodeLanesAsked(writer, lane.decodeLanesAsked(reader)),
  },
  {
    name: "LANES, an answer",
    type: Message.lanes,
    encode: (writer) =>
      lane.encodeLanesOffered(writer, { place: DIGEST, tokens: [DIGEST, new Uint8Array(16).fill(7)] }),
    again: (reader, writer) => lane.encodeLanesOffered(writer, lane.decodeLanesOffered(reader, 15)),
  },
  {
    name: "JOIN",
    type: Message.join,
    encode: (writer) => lane.encodeJoin(writer, { place: DIGEST, token: new Uint8Array(16).fill(9) }),
    again: (reader, writer) => lane.encodeJoin(writer, lane.decodeJoin(reader)),
  },
  LINKED,
  ...ATTRIBUTED,
];

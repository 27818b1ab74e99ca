// The session of a side whose half is the target: what the source says, checked, decoded into the file list and handed to our
// half; and the proxy of the source, which encodes our half's wishes. Made by WireSession. Promises: our half sees only lists
// that PROTOCOL.md section 7 allows, and only content that it wanted, once.

import { hasBit } from "../base/bitmap.ts";
import { assert } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import { IndexSet } from "../base/index_set.ts";
import { lastNames } from "../base/last_names.ts";
import { ACCOUNTS, CHECK_PATHS, ENTRIES, FRAME_BYTES, LIST_NAME_BYTES } from "../base/limits.ts";
import {
  type CopyRun,
  decodeChecked,
  decodeCopyRun,
  decodeFile,
  decodeFileBegin,
  decodeFileDataOffset,
  decodeFileEnd,
  decodeFileSkip,
  decodeRefine,
  decodeSourceDone,
  emptyFileRecord,
} from "../wire/content_codec.ts";
import {
  decodeAccount,
  decodeEntries,
  decodeListEnd,
  decodeListHead,
  decodeRoots,
  decodeSubtrees,
  type ListHead,
  type ListRules,
  type ListTally,
} from "../wire/list_codec.ts";
import { listsFolders, namesEntries } from "../tree/origins.ts";
import { ALL_KINDS, Kind, Message, PLACED_INDEXES, WANT_INDEXES } from "../wire/messages.ts";
import { decodeMissing } from "../wire/missing_codec.ts";
import { decodePlan } from "../wire/plan_codec.ts";
import {
  encodeCheck,
  encodeDescend,
  encodeFine,
  encodePlaced,
  encodeReady,
  encodeSignature,
  encodeWant,
} from "../wire/wish_codec.ts";
import { broken, type InHand, type SessionCore } from "./core.ts";
import { CheckParts } from "./check_parts.ts";
import { BasisBook } from "./delta_books.ts";
import {
  FolderPiece,
  type SignatureHead,
  type SourcePort,
  type TargetPort,
  type TreeOffer,
  type Wait,
  type WantKind,
} from "./ports.ts";

/** How often one file may be begun before it is answered: once, and two times more when it changes while it is read. */
const FILE_ATTEMPTS = 3;
const NONE = -1;
/** Flags of a LIST in any job. */
const PLAIN_PIECE = FolderPiece.first | FolderPiece.last | FolderPiece.incomplete | FolderPiece.holes;
/** -x: what a folder on another file system holds is not told. */
const MOUNT_PIECE = FolderPiece.first | FolderPiece.last | FolderPiece.named;

export class TargetSide implements SourcePort {
  readonly #core: SessionCore;
  readonly #list: FileList;
  #half: TargetPort | null = null;
  readonly #rules: ListRules;
  readonly #head: ListHead = { folder: 0, flags: 0, holeBytes: 0, count: 0 };
  readonly #tally: ListTally = { files: 0, folders: 0, otherNames: 0, nameBytes: 0 };
  readonly #accounts = [new Set<number>(), new Set<number>()];
  readonly #foldersListed = new IndexSet();
  #wantsSubtrees = false;
  /** Folders of SUBTREES that were not answered, oldest first, and those found equal: they are not listed. */
  readonly #compared: Uint32Array[] = [];
  readonly #undecided = new IndexSet();
  readonly #equal = new IndexSet();
  #openFolder = NONE;
  #isPlanned = false;
  /** Of paths of sources that are not there. */
  #missingBytes = 0;
  #isIncomplete = false;
  #isSingle = false;
  #isReady = false;
  #isStreaming = false;
  #isWantEnded = false;
  readonly #outstanding = new IndexSet();
  /** In a streaming session: what was answered unasked. */
  readonly #streamed = new IndexSet();
  #lastNames: Set<number> | null = null;
  readonly #record = emptyFileRecord();
  #inFile = NONE;
  #fileSize = 0;
  #fileOffset = 0;
  #isDelta = false;
  readonly #bases = new BasisBook();
  /** Of the signature that is going out. */
  #basisBytes = 0;
  readonly #copyRun: CopyRun = { offset: 0, basisOffset: 0, bytes: 0 };
  #abandoned = NONE;
  #attempts = 0;
  readonly #checks: CheckParts;

  constructor(core: SessionCore, list: FileList) {
    this.#core = core;
    this.#list = list;
    const { options } = core.job!;
    this.#rules = {
      kinds: kindsOf(options),
      digests: options.checksum,
      links: options.hardLinks,
      attributes: options.acls || options.xattrs,
      attributeNotes: options.xattrNotes,
      folderSizes: options.folderSizes,
      atimes: options.atimes,
    };
    this.#checks = new CheckParts(CHECK_PATHS, FRAME_BYTES);
  }

  attach(half: TargetPort): void {
    assert(this.#half === null && this.#list.count === 0, "one target half is attached, with an empty list");
    this.#half = half;
  }

  /** The file that is coming, or the first that was wanted and did not. */
  inHand(): InHand | null {
    const { phase } = this.#core.state;
    if (this.#inFile !== NONE) return { path: this.#list.path(this.#inFile), isSent: false };
    const first = phase === "data" ? this.#outstanding.lowest() : NONE;
    return first === NONE ? null : { path: this.#list.path(first), isSent: false };
  }

  // What our half says to the source.

  ready(streaming: boolean, trees: TreeOffer | null = null): Wait {
    this.#core.guard();
    this.#isReady = true;
    this.#isStreaming = streaming;
    this.#wantsSubtrees = trees !== null;
    encodeReady(this.#core.outbox.control(Message.ready), { streaming, trees });
    return this.#core.outbox.controlEnd();
  }

  descend(differs: Uint8Array): Wait {
    this.#core.guard();
    const folders = this.#compared.shift();
    assert(folders !== undefined, "an answer follows a question");
    folders.forEach((folder, i) => {
      this.#undecided.delete(folder);
      if (!hasBit(differs, i)) this.#equal.add(folder);
    });
    encodeDescend(this.#core.outbox.control(Message.descend), folders.length, differs);
    return this.#core.outbox.controlEnd();
  }

  want(indexes: Uint32Array, kind: WantKind): Wait {
    this.#core.guard();
    assert(this.#isReady && (kind.redo || !this.#isStreaming), "in a streaming session only a redo is wanted");
    let wait: Wait;
    for (let from = 0; from < indexes.length; from += WANT_INDEXES) {
      const to = Math.min(indexes.length, from + WANT_INDEXES);
      encodeWant(this.#core.outbox.control(Message.want), indexes, from, to, kind);
      wait = this.#core.outbox.controlEnd();
    }
    for (const index of indexes) this.#outstanding.add(index);
    return wait;
  }

  signature(index: number, head: SignatureHead | null, isLast: boolean, records: Uint8Array): Wait {
    this.#core.guard();
    if (head !== null) this.#basisBytes = head.basisBytes;
    if (isLast) this.#bases.signed(index, this.#basisBytes, this.#list.size(index));
    encodeSignature(this.#core.outbox.control(Message.signature), index, head, isLast, records);
    return this.#core.outbox.controlEnd();
  }

  fine(index: number, isLast: boolean, records: Uint8Array): Wait {
    this.#core.guard();
    encodeFine(this.#core.outbox.control(Message.fine), index, isLast, records);
    return this.#core.outbox.controlEnd();
  }

  placed(indexes: Uint32Array): Wait {
    this.#core.guard();
    this.#core.state.isPastWants = true;
    let wait: Wait;
    for (let from = 0; from < indexes.length; from += PLACED_INDEXES) {
      encodePlaced(this.#core.outbox.control(Message.placed), indexes.subarray(from, from + PLACED_INDEXES));
      wait = this.#core.outbox.controlEnd();
    }
    return wait;
  }

  wantEnd(): Wait {
    this.#core.guard();
    assert(this.#isAllAnswered(), "the wishes end when all are answered");
    if (!this.#core.state.deletes) {
      // Whether the source had errors counts for deletions only: it need not be asked, and a round trip is saved.
      this.#core.state.phase = "target check";
      return this.#half!.sourceDone(false);
    }
    this.#isWantEnded = this.#core.state.isPastWants = true;
    this.#core.outbox.control(Message.wantEnd);
    return this.#core.outbox.controlEnd();
  }

  check(paths: Uint8Array[]): Wait {
    this.#core.guard();
    return this.#sendCheck(this.#checks.begin(paths));
  }

  #sendCheck(part: Uint8Array[]): Wait {
    encodeCheck(this.#core.outbox.control(Message.check), part);
    return this.#core.outbox.controlEnd();
  }

  #isAllAnswered(): boolean {
    // Of several names of one inode one has content.
    const files = this.#tally.files - this.#tally.otherNames;
    return this.#outstanding.size === 0 && (!this.#isStreaming || this.#streamed.size === files);
  }

  // What the source says to our half.

  receive(type: number): Wait {
    switch (type) {
      case Message.roots:
        return this.#receiveRoots();
      case Message.account:
        return this.#receiveAccount();
      case Message.attributes:
        return this.#receiveAttributes();
      case Message.plan:
        return this.#receivePlan();
      case Message.list:
        return this.#receiveList();
      case Message.subtrees:
        return this.#receiveSubtrees();
      case Message.missing:
        return this.#receiveMissing();
      case Message.listEnd:
        return this.#receiveListEnd();
      case Message.files:
        return this.#receiveFiles();
      case Message.fileBegin:
        return this.#receiveFileBegin();
      case Message.fileData:
        return this.#receiveFileData();
      case Message.fileCopy:
        return this.#receiveFileCopy();
      case Message.refine:
        return this.#receiveRefine();
      case Message.fileEnd:
        return this.#receiveFileEnd();
      case Message.fileSkip:
        return this.#receiveFileSkip();
      case Message.sourceDone:
        return this.#receiveSourceDone();
      default:
        return this.#receiveChecked();
    }
  }

  #receiveRoots(): Wait {
    const roots = decodeRoots(this.#core.reader, this.#list, this.#rules);
    const { agentIsSource, paths } = this.#core.job!;
    if (agentIsSource && roots.sources !== paths.length) {
      broken(`the source has ${roots.sources} arguments, ${paths.length} were given`);
    }
    this.#isSingle = roots.single;
    this.#core.state.phase = "list";
    return this.#half!.roots(roots);
  }

  #receiveAccount(): Wait {
    const { kind, id, name } = decodeAccount(this.#core.reader);
    if (this.#accounts[0].size + this.#accounts[1].size >= ACCOUNTS) broken("the source names too many accounts");
    if (this.#accounts[kind].has(id)) broken(`the source names account ${id} twice`);
    this.#accounts[kind].add(id);
    return this.#half!.account(kind, id, name.slice());
  }

  #receiveAttributes(): Wait {
    const { reader } = this.#core;
    if (!this.#rules.attributes) broken("ATTRIBUTES, which were not asked for");
    this.#list.sets!.take(reader.raw("ATTRIBUTES", reader.left));
    return undefined;
  }

  #receivePlan(): Wait {
    if (this.#isPlanned || this.#foldersListed.size > 0) broken("PLAN behind the list, or twice");
    this.#isPlanned = true;
    return this.#half!.planned?.(decodePlan(this.#core.reader));
  }

  #receiveList(): Wait {
    const head = this.#head;
    const list = this.#list;
    decodeListHead(this.#core.reader, head);
    this.#checkPiece(head);
    const first = list.count;
    if (first + head.count > ENTRIES) broken("the source lists too many entries");
    decodeEntries(this.#core.reader, list, head, this.#rules, this.#tally);
    if (this.#tally.nameBytes > LIST_NAME_BYTES) broken("the source lists too many names");
    if (this.#isSingle && (list.count > 2 || (list.count === 2 && list.kind(1) === Kind.folder))) {
      broken("the list of a single source holds more than one entry that is not a folder");
    }
    if ((head.flags & FolderPiece.incomplete) !== 0) this.#isIncomplete = true;
    this.#openFolder = (head.flags & FolderPiece.last) === 0 ? head.folder : NONE;
    return this.#half!.listed(head.folder, first, head.count, head.flags, head.holeBytes);
  }

  /** Demands that a piece goes on with the folder whose list is open, or begins one that may be listed. */
  #checkPiece({ folder, flags, count }: ListHead): void {
    const isFirst = (flags & FolderPiece.first) !== 0;
    if (this.#openFolder !== NONE) {
      if (folder !== this.#openFolder || isFirst) broken(`LIST of folder ${folder} within that of ${this.#openFolder}`);
      return;
    }
    if (!isFirst) broken(`LIST goes on with folder ${folder}, which is not open`);
    if (folder >= this.#list.count || this.#list.kind(folder) !== Kind.folder) {
      broken(`LIST of entry ${folder}, which is not a folder`);
    }
    const { options } = this.#core.job!;
    if (folder !== 0 && !listsFolders(options)) broken("LIST of a folder in a job that is not recursive");
    const isMount = options.oneFileSystem > 0 && count === 0 && flags === MOUNT_PIECE;
    if ((flags & ~PLAIN_PIECE) !== 0 && !isMount && !namesEntries(options)) {
      broken("LIST of named entries in a job that names none");
    }
    const isNamed = (flags & FolderPiece.named) !== 0;
    if ((flags & FolderPiece.bare) !== 0 && (folder === 0 || !isNamed || !options.noImpliedDirs)) {
      broken(`LIST of a bare folder ${folder}`);
    }
    if (this.#undecided.has(folder) || this.#equal.has(folder)) {
      broken(`LIST of folder ${folder}, which was not found to differ`);
    }
    if (!this.#foldersListed.add(folder)) broken(`LIST of folder ${folder} twice`);
  }

  #receiveSubtrees(): Wait {
    if (!this.#wantsSubtrees) broken("SUBTREES, which were not wanted");
    const { folders, digests } = decodeSubtrees(this.#core.reader, this.#list.count);
    for (const folder of folders) {
      if (this.#list.kind(folder) !== Kind.folder) broken(`SUBTREES tells of entry ${folder}, which is not a folder`);
      const isNew = folder !== this.#openFolder && !this.#foldersListed.has(folder) && !this.#equal.has(folder);
      if (!isNew || !this.#undecided.add(folder)) broken(`SUBTREES tells of folder ${folder} too late`);
    }
    this.#compared.push(folders);
    return this.#half!.subtrees(folders, digests);
  }

  #receiveMissing(): Wait {
    if (!this.#core.job!.options.deleteMissingArgs) broken("MISSING, which was not asked for");
    const paths = decodeMissing(this.#core.reader);
    for (const path of paths) this.#missingBytes += path.length + 1;
    if (this.#missingBytes > LIST_NAME_BYTES) broken("the source misses too many names");
    return this.#half!.missing?.(paths);
  }

  #receiveListEnd(): Wait {
    const { complete, entries, bytes } = decodeListEnd(this.#core.reader);
    // Without -r there may be nothing to list: a folder as the only source is passed over.
    const isFlat = !listsFolders(this.#core.job!.options);
    const listed = this.#foldersListed.size + this.#equal.size;
    const isListed = isFlat || listed === this.#tally.folders + 1;
    if (this.#openFolder !== NONE || !isListed) broken("LIST_END before every folder was listed");
    if (entries !== this.#list.count) broken(`LIST_END counts ${entries} entries, ${this.#list.count} came`);
    if (complete && this.#isIncomplete) broken("LIST_END calls a list complete that is not");
    this.#core.state.phase = this.#inFile === NONE ? "data" : "data in a file";
    return this.#half!.listEnd(complete, entries, bytes);
  }

  /** Demands that content of `index`, or the word that there is none, may come now. */
  #checkWanted(index: number): void {
    if (index >= this.#list.count || this.#list.kind(index) !== Kind.file) {
      broken(`content of entry ${index}, which is not a listed file`);
    }
    const isStreamed = this.#isStreaming && this.#isReady && !this.#streamed.has(index);
    if (!isStreamed && !this.#outstanding.has(index)) broken(`content of entry ${index}, which was not wanted`);
    if (isStreamed && this.#list.firstName(index) >= 0 && !this.#isLastName(index)) {
      broken(`content of entry ${index}, whose inode's content comes under another name`);
    }
    if (this.#abandoned !== NONE && this.#abandoned !== index) {
      broken(`content of entry ${index} while entry ${this.#abandoned} was not answered`);
    }
  }

  /** Whether the list has ended and holds no later name of the same inode. */
  #isLastName(index: number): boolean {
    if (this.#core.state.phase !== "data") return false;
    this.#lastNames ??= new Set(lastNames(this.#list));
    return this.#lastNames.has(index);
  }

  /** A file whose size is not told anew has the listed one. */
  #checkSize(index: number, size: number, isFresh: boolean): void {
    if (!isFresh && size !== this.#list.size(index)) broken(`entry ${index} has ${size} bytes, which is not its size`);
  }

  #answered(index: number): void {
    if (!this.#outstanding.delete(index)) this.#streamed.add(index);
    this.#bases.answered(index);
    this.#abandoned = NONE;
    this.#attempts = 0;
  }

  #receiveFiles(): Wait {
    const { reader } = this.#core;
    const record = this.#record;
    if (reader.left === 0) reader.fail("FILES", "it holds no record");
    while (reader.left > 0) {
      decodeFile(reader, record);
      this.#checkWanted(record.index);
      this.#checkSize(record.index, record.size, record.fresh !== null);
      this.#answered(record.index);
      const wait = this.#half!.file(record.index, record.fresh, record.content, record.digest);
      if (wait !== undefined) return reader.left === 0 ? wait : this.#receiveMoreFiles(wait);
    }
    return undefined;
  }

  async #receiveMoreFiles(wait: Promise<void>): Promise<void> {
    await wait;
    if (!this.#core.isOver) await this.#receiveFiles();
  }

  #receiveFileBegin(): Wait {
    const record = this.#record;
    const isDelta = decodeFileBegin(this.#core.reader, record);
    const { index, size, fresh } = record;
    this.#checkWanted(index);
    if (isDelta && !this.#bases.isSigned(index)) broken(`a delta of entry ${index}, whose basis was not signed`);
    this.#checkSize(index, size, fresh !== null);
    if (++this.#attempts > FILE_ATTEMPTS) broken(`entry ${index} is begun too often`);
    this.#inFile = index;
    this.#fileSize = size;
    this.#fileOffset = 0;
    this.#isDelta = isDelta;
    this.#core.state.phase = this.#core.state.phase === "list" ? "list in a file" : "data in a file";
    return this.#half!.fileBegin(index, size, fresh, isDelta);
  }

  #receiveRefine(): Wait {
    const { index, ranges } = decodeRefine(this.#core.reader);
    this.#checkWanted(index);
    this.#bases.refine(index, ranges);
    return this.#half!.refine(index, ranges);
  }

  #receiveFileCopy(): Wait {
    const { reader } = this.#core;
    if (!this.#isDelta) broken("FILE_COPY in a file that is no delta");
    if (reader.left === 0) reader.fail("FILE_COPY", "it holds no run");
    while (reader.left > 0) {
      const run = this.#copyRun;
      decodeCopyRun(reader, run);
      this.#advance(run.offset, run.bytes);
      this.#bases.checkRun(this.#inFile, run.basisOffset, run.bytes);
      const wait = this.#half!.fileBasis(run.offset, run.basisOffset, run.bytes);
      if (wait !== undefined) return reader.left === 0 ? wait : this.#receiveMoreRuns(wait);
    }
    return undefined;
  }

  async #receiveMoreRuns(wait: Promise<void>): Promise<void> {
    await wait;
    if (!this.#core.isOver) await this.#receiveFileCopy();
  }

  /** Demands that `bytes` bytes at `offset` come next in the file. */
  #advance(offset: number, bytes: number): void {
    if (offset < this.#fileOffset) broken("file content goes backwards");
    // Not the sum: it could pass what a number holds exactly.
    if (offset > this.#fileSize || bytes > this.#fileSize - offset) broken("file content goes beyond the file's size");
    this.#fileOffset = offset + bytes;
  }

  #receiveFileData(): Wait {
    const { reader } = this.#core;
    const offset = decodeFileDataOffset(reader);
    const length = reader.left;
    this.#advance(offset, length);
    return this.#half!.fileData(offset, reader.raw("FILE_DATA", length));
  }

  #receiveFileEnd(): Wait {
    const digest = decodeFileEnd(this.#core.reader);
    if (digest === null) this.#abandoned = this.#inFile;
    else this.#answered(this.#inFile);
    this.#inFile = NONE;
    this.#core.state.phase = this.#core.state.phase === "list in a file" ? "list" : "data";
    return this.#half!.fileEnd(digest !== null, digest);
  }

  #receiveFileSkip(): Wait {
    const { index, cause } = decodeFileSkip(this.#core.reader);
    this.#checkWanted(index);
    this.#answered(index);
    return this.#half!.fileSkip(index, cause);
  }

  #receiveSourceDone(): Wait {
    const errors = decodeSourceDone(this.#core.reader);
    if (!this.#isWantEnded) broken("SOURCE_DONE before WANT_END was sent");
    this.#core.state.phase = "target check";
    return this.#half!.sourceDone(errors);
  }

  #receiveChecked(): Wait {
    if (!this.#checks.isOpen) broken("CHECKED without a CHECK");
    const absent = this.#checks.answer(decodeChecked(this.#core.reader, this.#checks.partLength));
    if (absent !== null) return this.#half!.checked(absent);
    return this.#sendCheck(this.#checks.next());
  }
}

/** The kinds of entries that a job with these options may list. */
function kindsOf(options: { links: boolean; devices: boolean; specials: boolean; listOnly: boolean }): number {
  if (options.listOnly) return ALL_KINDS;
  let kinds = 1 << Kind.file | 1 << Kind.folder;
  if (options.links) kinds |= 1 << Kind.link;
  if (options.devices) kinds |= 1 << Kind.characterDevice | 1 << Kind.blockDevice;
  if (options.specials) kinds |= 1 << Kind.fifo | 1 << Kind.socket;
  return kinds;
}

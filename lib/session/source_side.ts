// The session of a side whose half is the source: the proxy of the target, which encodes what our half says, and the other way
// the target's wishes, checked and handed to our half. Made by WireSession. Promises: our half is asked only for files that
// were announced, each once (and once more for a redo); no content leaves that was not asked for.

import { assert } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import { IndexSet } from "../base/index_set.ts";
import { FRAME_BYTES, SMALL_FILE_BYTES } from "../base/limits.ts";
import {
  type BasisRange,
  encodeChecked,
  encodeCopyRun,
  encodeFile,
  encodeFileBegin,
  encodeFileData,
  encodeFileEnd,
  encodeFileSkip,
  encodeRefine,
  encodeSourceDone,
} from "../wire/content_codec.ts";
import { decodeEmpty } from "../wire/event_codec.ts";
import {
  encodeAccount,
  encodeList,
  encodeListEnd,
  encodeRoots,
  encodeSubtrees,
  type ListColumns,
} from "../wire/list_codec.ts";
import { Kind, Message, MISSING_PATHS, REFINE_RANGES, SUBTREES, WANT_INDEXES } from "../wire/messages.ts";
import { encodeMissing } from "../wire/missing_codec.ts";
import { encodePlan } from "../wire/plan_codec.ts";
import {
  decodeCheck,
  decodeDescend,
  decodeFine,
  decodePlaced,
  decodeReady,
  decodeSignature,
  decodeWant,
} from "../wire/wish_codec.ts";
import { broken, type InHand, type SessionCore } from "./core.ts";
import { SignatureBook } from "./delta_books.ts";
import {
  FolderPiece,
  type Fresh,
  type PlanTotals,
  type Roots,
  type SourcePort,
  type TargetPort,
  type Wait,
} from "./ports.ts";

/** A list message is not cut smaller than this, bytes, however full its batch is. */
const LEAST_LIST_BYTES = 16 << 10;

export class SourceSide implements TargetPort {
  /** Entries that were announced, the root included. */
  announced = 0;
  /** Bytes of the encoded list. */
  listBytes = 0;
  /** The source has said its last word about content. */
  #isDone = false;
  readonly #core: SessionCore;
  readonly #list: FileList;
  #half: SourcePort | null = null;
  #isStreaming = false;
  #takesSubtrees = false;
  /** Folders in each SUBTREES that was not answered, oldest first. */
  readonly #unanswered: number[] = [];
  #isListed = false;
  /** Files announced; in a streaming session all of them are to be sent. */
  #files = 0;
  #skipped = 0;
  /** The target did not say WANT_END, but went on to the end. */
  #isEndImplied = false;
  readonly #wanted = new IndexSet();
  readonly #outstanding = new IndexSet();
  readonly #sent = new IndexSet();
  readonly #redone = new IndexSet();
  readonly #placed = new IndexSet();
  readonly #signatures = new SignatureBook();
  #inFile = -1;
  #lastSent = -1;
  /** Paths of the CHECK that is not answered. */
  #checking = 0;
  readonly #columns: ListColumns;
  readonly #wantScratch = new Uint32Array(WANT_INDEXES);

  constructor(core: SessionCore, list: FileList) {
    this.#core = core;
    this.#list = list;
    const { hardLinks, acls, xattrs, folderSizes, atimes } = core.job!.options;
    this.#columns = { links: hardLinks, attributes: acls || xattrs, folderSizes, atimes };
  }

  attach(half: SourcePort): void {
    assert(this.#half === null, "one source half is attached");
    this.#half = half;
  }

  /** The file that is being sent, or was last. */
  inHand(): InHand | null {
    const index = this.#core.state.phase === "want" ? this.#lastSent : -1;
    return index < 0 ? null : { path: this.#list.path(index), isSent: true };
  }

  // What our half says to the target.

  roots(roots: Roots): Wait {
    this.#core.guard();
    this.announced = 1;
    encodeRoots(this.#core.outbox.bulk(Message.roots), roots, this.#list, this.#columns);
    return this.#core.outbox.bulkEnd();
  }

  account(kind: number, id: number, name: Uint8Array): Wait {
    this.#core.guard();
    encodeAccount(this.#core.outbox.bulk(Message.account), kind, id, name);
    return this.#core.outbox.bulkEnd();
  }

  attributes(set: Uint8Array): Wait {
    this.#core.guard();
    this.#core.outbox.bulk(Message.attributes).raw(set);
    return this.#core.outbox.bulkEnd();
  }

  planned(totals: PlanTotals): Wait {
    this.#core.guard();
    assert(this.announced === 1, "the plan is told before the list");
    encodePlan(this.#core.outbox.bulk(Message.plan), totals);
    return this.#core.outbox.bulkEnd();
  }

  listed(folder: number, first: number, count: number, flags: number, holeBytes = 0): Wait {
    this.#core.guard();
    assert(first === this.announced || count === 0, "entries are announced in the order of the list");
    const { outbox } = this.#core;
    let wait: Wait;
    let done = 0;
    do {
      const writer = outbox.bulk(Message.list);
      const before = writer.used;
      const pieceFlags = done === 0 ? flags : flags & ~FolderPiece.first;
      const softBytes = Math.max(LEAST_LIST_BYTES, outbox.batchLeft);
      const [at, left, holes] = [first + done, count - done, done === 0 ? holeBytes : 0];
      done += encodeList(writer, this.#list, folder, at, left, pieceFlags, softBytes, this.#columns, holes);
      this.listBytes += writer.used - before;
      wait = outbox.bulkEnd();
    } while (done < count);
    for (let i = first; i < first + count; i++) {
      if (this.#list.kind(i) === Kind.file && this.#hasContent(i)) this.#files++;
    }
    this.announced += count;
    return wait;
  }

  /** Of several names of one inode one has content. */
  #hasContent(i: number): boolean {
    return !this.#columns.links || this.#list.firstName(i) < 0 || this.#list.firstName(i) === i;
  }

  subtrees(folders: Uint32Array, digests: Uint8Array): Wait {
    this.#core.guard();
    assert(this.#takesSubtrees && folders.length <= SUBTREES, "digests of subtrees go to a target that wants them");
    this.#unanswered.push(folders.length);
    encodeSubtrees(this.#core.outbox.bulk(Message.subtrees), folders, digests, 0, folders.length);
    return this.#core.outbox.bulkEnd();
  }

  missing(paths: readonly Uint8Array[]): Wait {
    this.#core.guard();
    let wait: Wait;
    for (let from = 0; from < paths.length; from += MISSING_PATHS) {
      encodeMissing(this.#core.outbox.bulk(Message.missing), paths.slice(from, from + MISSING_PATHS));
      wait = this.#core.outbox.bulkEnd();
    }
    return wait;
  }

  listEnd(complete: boolean, entries: number, bytes: number): Wait {
    this.#core.guard();
    assert(this.#unanswered.length === 0, "the list ends when every subtree is known to be equal or listed");
    this.#isListed = true;
    encodeListEnd(this.#core.outbox.bulk(Message.listEnd), complete, entries, bytes);
    return this.#core.outbox.bulkEnd();
  }

  file(index: number, fresh: Fresh | null, content: Uint8Array, digest: Uint8Array | null): Wait {
    this.#core.guard();
    assert(digest !== null, "content that crosses a wire has a digest");
    assert(content.length <= SMALL_FILE_BYTES, "a large file goes in chunks");
    this.#answer(index, true);
    this.#lastSent = index;
    encodeFile(this.#core.outbox.record(Message.files), index, fresh, content, digest);
    return this.#core.outbox.recordEnd();
  }

  fileBegin(index: number, size: number, fresh: Fresh | null, isDelta: boolean): Wait {
    this.#core.guard();
    this.#inFile = this.#lastSent = index;
    encodeFileBegin(this.#core.outbox.bulk(Message.fileBegin), index, size, fresh, isDelta);
    return this.#core.outbox.bulkEnd();
  }

  refine(index: number, ranges: readonly BasisRange[]): Wait {
    this.#core.guard();
    this.#signatures.refine(index, ranges);
    assert(ranges.length <= REFINE_RANGES, "the ranges fit one message");
    encodeRefine(this.#core.outbox.bulk(Message.refine), index, ranges);
    return this.#core.outbox.bulkEnd();
  }

  fileBasis(offset: number, basisOffset: number, bytes: number): Wait {
    this.#core.guard();
    encodeCopyRun(this.#core.outbox.record(Message.fileCopy), offset, basisOffset, bytes);
    return this.#core.outbox.recordEnd();
  }

  fileData(offset: number, bytes: Uint8Array): Wait {
    this.#core.guard();
    // One call is one message: the digest covers the cuts.
    assert(bytes.length > 0 && bytes.length <= FRAME_BYTES - 8, "one chunk fits one frame");
    const writer = this.#core.outbox.bulk(Message.fileData);
    encodeFileData(writer, offset, bytes);
    return this.#core.outbox.bulkEnd();
  }

  fileCopy(): undefined {
    assert(false, "an open file does not cross a wire");
  }

  fileEnd(complete: boolean, digest: Uint8Array | null): Wait {
    this.#core.guard();
    assert(complete === (digest !== null), "a complete file has a digest");
    if (complete) this.#answer(this.#inFile, true);
    encodeFileEnd(this.#core.outbox.bulk(Message.fileEnd), digest);
    return this.#core.outbox.bulkEnd();
  }

  fileSkip(index: number, cause: number): Wait {
    this.#core.guard();
    this.#answer(index, false);
    encodeFileSkip(this.#core.outbox.bulk(Message.fileSkip), index, cause);
    return this.#core.outbox.bulkEnd();
  }

  sourceDone(errors: boolean): Wait {
    // Where nothing is deleted nobody asks, and the session may have ended.
    if (this.#isEndImplied) return undefined;
    this.#core.guard();
    this.#isDone = true;
    encodeSourceDone(this.#core.outbox.bulk(Message.sourceDone), errors);
    return this.#core.outbox.bulkEnd();
  }

  checked(absent: Uint8Array): Wait {
    this.#core.guard();
    assert(absent.length === Math.ceil(this.#checking / 8), "every path of a check is answered");
    encodeChecked(this.#core.outbox.bulk(Message.checked), this.#checking, absent);
    this.#checking = 0;
    return this.#core.outbox.bulkEnd();
  }

  /** Notes that our half answers a wish for `index`. */
  #answer(index: number, isContent: boolean): void {
    const isAsked = this.#outstanding.delete(index);
    this.#signatures.answered(index);
    if (!isAsked) assert(this.#isStreaming && !this.#sent.has(index), "only content that is wanted is sent");
    if (isContent) this.#sent.add(index);
    else if (!isAsked) this.#skipped++;
  }

  #isAllAnswered(): boolean {
    if (this.#outstanding.size > 0) return false;
    return !this.#isStreaming || this.#sent.size + this.#skipped === this.#files;
  }

  // What the target says to our half.

  receive(type: number): Wait {
    switch (type) {
      case Message.ready:
        return this.#receiveReady();
      case Message.descend:
        return this.#receiveDescend();
      case Message.want:
        return this.#receiveWant();
      case Message.signature:
        return this.#receiveSignature();
      case Message.fine:
        return this.#receiveFine();
      case Message.placed:
        return this.#receivePlaced();
      case Message.wantEnd:
        return this.#receiveWantEnd();
      default:
        return this.#receiveCheck();
    }
  }

  #receiveReady(): Wait {
    const { streaming, trees } = decodeReady(this.#core.reader);
    if (this.announced === 0) broken("READY came before ROOTS was sent");
    if (trees !== null && !this.#core.can("subtreeDigests")) {
      broken("READY wants digests of subtrees, which were not offered");
    }
    this.#isStreaming = streaming;
    this.#takesSubtrees = trees !== null;
    this.#core.state.phase = "want";
    return this.#half!.ready(streaming, trees);
  }

  #receiveDescend(): Wait {
    const count = this.#unanswered.shift();
    if (count === undefined) broken("DESCEND without SUBTREES");
    return this.#half!.descend(decodeDescend(this.#core.reader, count));
  }

  #receiveWant(): Wait {
    const { redo, delta, count } = decodeWant(this.#core.reader, this.announced, this.#wantScratch);
    if (this.#isStreaming && !redo) broken("WANT in a streaming session");
    if (delta && !this.#core.can("delta")) broken("WANT of deltas, which were not offered");
    for (let i = 0; i < count; i++) {
      const index = this.#wantScratch[i];
      if (this.#list.kind(index) !== Kind.file) broken(`WANT of entry ${index}, which is not a file`);
      const isNew = redo ? this.#sent.has(index) && this.#redone.add(index) : this.#wanted.add(index);
      if (!isNew) broken(`WANT of entry ${index}, which cannot be wanted ${redo ? "again" : "twice"}`);
      this.#outstanding.add(index);
      if (delta) this.#signatures.await(index);
    }
    return this.#half!.want(this.#wantScratch.slice(0, count), { redo, delta });
  }

  #receiveSignature(): Wait {
    const part = decodeSignature(this.#core.reader);
    this.#signatures.take(part, this.#core.job!.options.append);
    return this.#half!.signature(part.index, part.head, part.isLast, part.records);
  }

  #receiveFine(): Wait {
    const { index, isLast, records } = decodeFine(this.#core.reader);
    this.#signatures.fine(index, isLast, records.length);
    return this.#half!.fine(index, isLast, records);
  }

  /** What it says is in place is removed here: only what it can have. */
  #receivePlaced(): Wait {
    if (!this.#core.job!.options.removeSourceFiles) broken("PLACED in a job that removes nothing at the source");
    if (!this.#isListed) broken("PLACED before the list has ended");
    const indexes = decodePlaced(this.#core.reader, this.announced);
    for (const index of indexes) {
      const isFile = this.#list.kind(index) === Kind.file;
      if (this.#list.kind(index) === Kind.folder) broken(`PLACED of entry ${index}, which is a folder`);
      const isOwed = isFile && (this.#isStreaming || this.#wanted.has(index)) && !this.#sent.has(index);
      if (isOwed || this.#outstanding.has(index)) broken(`PLACED of entry ${index}, whose content was not sent`);
      if (!this.#placed.add(index)) broken(`PLACED of entry ${index} twice`);
    }
    this.#core.state.isPastWants = true;
    return this.#half!.placed(indexes);
  }

  #receiveWantEnd(): Wait {
    decodeEmpty(this.#core.reader, "WANT_END");
    return this.#endWants("WANT_END");
  }

  #endWants(message: string): Wait {
    if (!this.#isListed) broken(`${message} before the list has ended`);
    if (!this.#isAllAnswered()) broken(`${message} before every wish was answered`);
    this.#core.state.phase = "source check";
    this.#core.state.isPastWants = true;
    return this.#half!.wantEnd();
  }

  /** The target went on to the end, as it may where nothing is deleted: `message` says what WANT_END would have said. */
  wantsEnd(message: string): Wait {
    this.#isEndImplied = true;
    return this.#endWants(message);
  }

  /** Whether BYE may come now: our half has said its last word, or has nothing left to say. */
  endsByBye(): boolean {
    const { phase, deletes } = this.#core.state;
    if (phase !== "want" || deletes || !this.#isListed || !this.#isAllAnswered()) return this.#isDone;
    this.wantsEnd("BYE");
    return true;
  }

  #receiveCheck(): Wait {
    if (!this.#isDone) broken("CHECK before the source was done");
    if (this.#checking > 0) broken("CHECK before the one before was answered");
    const paths = decodeCheck(this.#core.reader);
    this.#checking = paths.length;
    return this.#half!.check(paths);
  }
}

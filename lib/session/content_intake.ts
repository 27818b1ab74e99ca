// The content of files as it comes from the source: decoded, held against PROTOCOL.md section 7 and what was wanted, and handed to our half. Owned
// by the target's side of the session. Promises: our half gets only content that it wanted, once, in order, and within the file's size.

import type { FileList } from "../base/file_list.ts";
import { IndexSet } from "../base/index_set.ts";
import { lastNames } from "../base/last_names.ts";
import {
  type CopyRun,
  decodeCopyRun,
  decodeFile,
  decodeFileBegin,
  decodeFileDataOffset,
  decodeFileEnd,
  decodeFileSkip,
  decodeRefine,
  emptyFileRecord,
} from "../wire/content_codec.ts";
import { Kind, Message } from "../wire/messages.ts";
import { broken, type SessionCore } from "./core.ts";
import { BasisBook } from "./delta_books.ts";
import type { TargetPort, Wait } from "./ports.ts";

/** How often one file may be begun before it is answered: once, and two times more when it changes while it is read. */
const FILE_ATTEMPTS = 3;
const NONE = -1;

export class ContentIntake {
  half: TargetPort | null = null;
  /** Every listed file comes, unasked. */
  isStreaming = false;
  readonly bases = new BasisBook();
  readonly #core: SessionCore;
  readonly #list: FileList;
  readonly #outstanding = new IndexSet();
  /** In a streaming session: what was answered unasked. */
  readonly #streamed = new IndexSet();
  #lastNames: Set<number> | null = null;
  readonly #record = emptyFileRecord();
  #inFile = NONE;
  #fileSize = 0;
  #fileOffset = 0;
  #isDelta = false;
  readonly #copyRun: CopyRun = { offset: 0, basisOffset: 0, bytes: 0 };
  #abandoned = NONE;
  #attempts = 0;

  constructor(core: SessionCore, list: FileList) {
    this.#core = core;
    this.#list = list;
  }

  wanted(indexes: Uint32Array): void {
    for (const index of indexes) this.#outstanding.add(index);
  }

  /** Whether all that was wanted is answered, and to an empty target all `files`. */
  isAllAnswered(files: number): boolean {
    return this.#outstanding.size === 0 && (!this.isStreaming || this.#streamed.size === files);
  }

  /** The file that is coming, or the first that was wanted and did not; -1: none. */
  get inHand(): number {
    if (this.#inFile !== NONE) return this.#inFile;
    return this.#core.state.phase === "data" ? this.#outstanding.lowest() : NONE;
  }

  /** A message about content. */
  receive(type: number): Wait {
    switch (type) {
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
      default:
        return this.#receiveFileSkip();
    }
  }

  /** Demands that content of `index`, or the word that there is none, may come now. */
  #checkWanted(index: number): void {
    if (index >= this.#list.count || this.#list.kind(index) !== Kind.file) {
      broken(`content of entry ${index}, which is not a listed file`);
    }
    const isStreamed = this.isStreaming && !this.#streamed.has(index);
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
    this.bases.answered(index);
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
      const wait = this.half!.file(record.index, record.fresh, record.content, record.digest);
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
    if (isDelta && !this.bases.isSigned(index)) broken(`a delta of entry ${index}, whose basis was not signed`);
    this.#checkSize(index, size, fresh !== null);
    if (++this.#attempts > FILE_ATTEMPTS) broken(`entry ${index} is begun too often`);
    this.#inFile = index;
    this.#fileSize = size;
    this.#fileOffset = 0;
    this.#isDelta = isDelta;
    this.#core.state.phase = this.#core.state.phase === "list" ? "list in a file" : "data in a file";
    return this.half!.fileBegin(index, size, fresh, isDelta);
  }

  #receiveRefine(): Wait {
    const { index, ranges } = decodeRefine(this.#core.reader);
    this.#checkWanted(index);
    this.bases.refine(index, ranges);
    return this.half!.refine(index, ranges);
  }

  #receiveFileCopy(): Wait {
    const { reader } = this.#core;
    if (!this.#isDelta) broken("FILE_COPY in a file that is no delta");
    if (reader.left === 0) reader.fail("FILE_COPY", "it holds no run");
    while (reader.left > 0) {
      const run = this.#copyRun;
      decodeCopyRun(reader, run);
      this.#advance(run.offset, run.bytes);
      this.bases.checkRun(this.#inFile, run.basisOffset, run.bytes);
      const wait = this.half!.fileBasis(run.offset, run.basisOffset, run.bytes);
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
    return this.half!.fileData(offset, reader.raw("FILE_DATA", length));
  }

  #receiveFileEnd(): Wait {
    const digest = decodeFileEnd(this.#core.reader);
    if (digest === null) this.#abandoned = this.#inFile;
    else this.#answered(this.#inFile);
    this.#inFile = NONE;
    this.#core.state.phase = this.#core.state.phase === "list in a file" ? "list" : "data";
    return this.half!.fileEnd(digest !== null, digest);
  }

  #receiveFileSkip(): Wait {
    const { index, cause } = decodeFileSkip(this.#core.reader);
    this.#checkWanted(index);
    this.#answered(index);
    return this.half!.fileSkip(index, cause);
  }
}

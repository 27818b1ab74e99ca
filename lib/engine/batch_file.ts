// A batch file that is read (--read-batch): its frames one by one, and where the content of each entry stands. Called by batch_player.ts.
// Promises: nothing of it is used before all of it was read once and its digest fits; every number is bounded; of content only
// places are held.

import { ByteReader } from "../base/codec.ts";
import { equalBytes } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { FRAME_BYTES } from "../base/limits.ts";
import type { SyncOptions } from "../base/options.ts";
import type { OwnFile } from "../os/own_files.ts";
import { BATCH_MAGIC, type BatchEnd, BatchFrame, decodeBatchEnd, decodeBatchHead } from "../wire/batch_codec.ts";
import { decodeCopyRun, decodeFile, decodeFileBegin, decodeFileEnd, emptyFileRecord } from "../wire/content_codec.ts";
import { HEADER_BYTES, Message } from "../wire/messages.ts";
import type { Digester } from "./environment.ts";

/** Read at a time, bytes; one frame always fits. */
const BUFFER_BYTES = 2 * (FRAME_BYTES + HEADER_BYTES);
/** Bytes read between two turns for the rest of the program. */
const TURN_BYTES = 16 << 20;

const LIST_TYPES: readonly number[] = [
  ...[Message.roots, Message.account, Message.attributes, Message.list, Message.listEnd],
];

/** Where the content of an entry stands. */
export interface BatchContent {
  /** Of its first frame. */
  at: number;
  /** Parts come from a basis of at least so many bytes; -1: it is whole. */
  basisBytes: number;
}

/** A frame; the payload is a view until the next one is read. */
export interface BatchFrameAt {
  type: number;
  payload: Uint8Array;
  /** Of the frame behind it. */
  next: number;
}

export function broken(detail: string): never {
  throw new TsyncError({ kind: "stream", detail });
}

export class BatchFile {
  /** By entry. */
  readonly contents = new Map<number, BatchContent>();
  options!: SyncOptions;
  end!: BatchEnd;
  /** The source had errors when it was made: nothing may be deleted. */
  sourceErred = true;
  readonly #file: OwnFile;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #bufferAt = 0;
  #buffered = 0;

  constructor(file: OwnFile) {
    this.#file = file;
  }

  /** Where the frames begin. */
  get first(): number {
    return BATCH_MAGIC.length;
  }

  close(): void {
    this.#file.close();
  }

  /** Reads all of it once. Throws TsyncError "stream", or "file" where it cannot be read. */
  async check(digester: Digester, pause: () => Promise<void>): Promise<void> {
    const magic = this.#bytes(0, BATCH_MAGIC.length);
    if (magic === null || !equalBytes(magic, BATCH_MAGIC)) broken("it is none that this version of tsync made");
    digester.reset();
    digester.update(magic);
    const index = new ContentIndex(this.contents);
    let turnAt = TURN_BYTES;
    for (let at = this.first;;) {
      const { type, payload, next } = this.frame(at);
      const reader = new ByteReader(payload);
      if (at === this.first) {
        if (type !== BatchFrame.head) broken("its head is missing");
        this.options = decodeBatchHead(reader);
      } else if (type === BatchFrame.end) {
        this.end = decodeBatchEnd(reader);
        if (!equalBytes(this.end.digest, digester.digest())) broken("it is damaged: its digest does not fit");
        if (this.#bytes(next, 1) !== null) broken("something stands behind its end");
        return;
      } else if (type === Message.sourceDone) this.sourceErred = reader.flag("SOURCE_DONE flags");
      else if (!LIST_TYPES.includes(type)) index.add(type, reader, at);
      digester.update(this.#bytes(at, next - at)!);
      at = next;
      if (at < turnAt) continue;
      turnAt = at + TURN_BYTES;
      await pause();
    }
  }

  /** The frame at `at`. */
  frame(at: number): BatchFrameAt {
    const header = this.#bytes(at, HEADER_BYTES);
    if (header === null) return broken("it ends early");
    const reader = new ByteReader(header);
    const length = reader.u32("batch frame length");
    const type = reader.u8("batch frame type");
    if (length > FRAME_BYTES) broken(`a frame of ${length} bytes`);
    const whole = this.#bytes(at, HEADER_BYTES + length);
    if (whole === null) return broken("it ends early");
    return { type, payload: whole.subarray(HEADER_BYTES), next: at + HEADER_BYTES + length };
  }

  /** Whether a frame of that type tells of what was listed. */
  static isOfList(type: number): boolean {
    return LIST_TYPES.includes(type);
  }

  /** A view of `length` bytes at `at`; null if the file ends before. */
  #bytes(at: number, length: number): Uint8Array | null {
    if (at < this.#bufferAt || at + length > this.#bufferAt + this.#buffered) this.#fill(at, length);
    const from = at - this.#bufferAt;
    return from + length > this.#buffered ? null : this.#buffer.subarray(from, from + length);
  }

  #fill(at: number, length: number): void {
    this.#bufferAt = at;
    this.#buffered = 0;
    while (this.#buffered < this.#buffer.length) {
      const count = this.#file.readAt(this.#buffer.subarray(this.#buffered), at + this.#buffered);
      if (count < 0) throw new TsyncError({ kind: "file", detail: `the batch file cannot be read (errno ${-count})` });
      this.#buffered += count;
      if (count === 0 || this.#buffered >= length) return;
    }
  }
}

/** Finds where the content of each entry stands: of an entry that came twice, the last one that is complete. */
class ContentIndex {
  readonly #contents: Map<number, BatchContent>;
  readonly #record = emptyFileRecord();
  readonly #run = { offset: 0, basisOffset: 0, bytes: 0 };
  #open: BatchContent | null = null;

  constructor(contents: Map<number, BatchContent>) {
    this.#contents = contents;
  }

  add(type: number, reader: ByteReader, at: number): void {
    const record = this.#record;
    const isInFile = type === Message.fileData || type === Message.fileCopy || type === Message.fileEnd;
    if (isInFile !== (this.#open !== null)) broken("its content is out of order");
    if (type === Message.files) {
      decodeFile(reader, record);
      reader.done("FILES");
      this.#contents.set(record.index, { at, basisBytes: -1 });
    } else if (type === Message.fileBegin) {
      const isDelta = decodeFileBegin(reader, record);
      this.#open = { at, basisBytes: isDelta ? 0 : -1 };
    } else if (type === Message.fileCopy) {
      decodeCopyRun(reader, this.#run);
      reader.done("FILE_COPY");
      const { basisOffset, bytes } = this.#run;
      if (this.#open!.basisBytes < 0) broken("a part of a basis in a file that has none");
      this.#open!.basisBytes = Math.max(this.#open!.basisBytes, basisOffset + bytes);
    } else if (type === Message.fileEnd) {
      if (decodeFileEnd(reader) !== null) this.#contents.set(record.index, this.#open!);
      this.#open = null;
    } else if (type !== Message.fileData && type !== Message.fileSkip) broken(`a frame of type ${type}`);
  }
}

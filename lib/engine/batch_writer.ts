// --write-batch: writes down what the target half is told, in the form it has on the wire, and passes it on. Made by lib/job between a
// source and its target. Promises: what the target gets, the batch has; with --only-write-batch content goes into the batch
// instead, and the target hears that it has.

import { ByteWriter } from "../base/codec.ts";
import type { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import { Cause } from "../base/problem.ts";
import type { Handle, Stat } from "../os/os.ts";
import {
  type BasisRange,
  FolderPiece,
  type Fresh,
  type PlanTotals,
  type Roots,
  type TargetPort,
  type Wait,
} from "../session/ports.ts";
import { BATCH_MAGIC, BatchFrame, encodeBatchEnd, encodeBatchHead } from "../wire/batch_codec.ts";
import {
  encodeCopyRun,
  encodeFile,
  encodeFileBegin,
  encodeFileData,
  encodeFileEnd,
  encodeFileSkip,
  encodeSourceDone,
} from "../wire/content_codec.ts";
import { encodeAccount, encodeList, encodeListEnd, encodeRoots, type ListColumns } from "../wire/list_codec.ts";
import { HEADER_BYTES, Message } from "../wire/messages.ts";
import type { Digester } from "./environment.ts";
import type { OutputFile } from "./batch_output.ts";

/** Written at a time, bytes. */
const BUFFER_BYTES = 256 << 10;
/** A LIST is cut here, bytes. */
const LIST_BYTES = 128 << 10;

export class BatchWriter implements TargetPort {
  readonly #target: TargetPort;
  readonly #list: FileList;
  readonly #file: OutputFile;
  /** Of all that is written, without a seed. */
  readonly #digester: Digester;
  readonly #columns: ListColumns;
  /** --only-write-batch. */
  readonly #isOnly: boolean;
  readonly #writer = new ByteWriter(BUFFER_BYTES + (64 << 10));
  #frameAt = 0;
  /** Entry whose content is under way. */
  #inFile = -1;

  constructor(target: TargetPort, list: FileList, options: SyncOptions, file: OutputFile, digester: Digester) {
    this.#target = target;
    this.#list = list;
    this.#file = file;
    this.#digester = digester;
    this.#isOnly = options.batchOnly;
    const { hardLinks, acls, xattrs, folderSizes } = options;
    this.#columns = { links: hardLinks, attributes: acls || xattrs, folderSizes };
    digester.reset();
    this.#writer.raw(BATCH_MAGIC);
    encodeBatchHead(this.#begin(BatchFrame.head), options);
    this.#end();
  }

  /** The run is over: `seed` is that of its digests. Throws TsyncError "file". */
  finish(seed: { low: number; high: number }): void {
    this.#flush();
    const digest = this.#digester.digest();
    encodeBatchEnd(this.#begin(BatchFrame.end), { seed, digest });
    this.#end();
    this.#flush();
    this.#file.finish();
  }

  #begin(type: number): ByteWriter {
    const writer = this.#writer;
    this.#frameAt = writer.used;
    writer.u32(0);
    writer.u8(type);
    return writer;
  }

  #end(): void {
    const writer = this.#writer;
    writer.putU32(this.#frameAt, writer.used - this.#frameAt - HEADER_BYTES);
    if (writer.used >= BUFFER_BYTES) this.#flush();
  }

  #flush(): void {
    const bytes = this.#writer.view();
    this.#digester.update(bytes);
    this.#file.write(bytes);
    this.#writer.clear();
  }

  // ---- TargetPort

  roots(roots: Roots): Wait {
    encodeRoots(this.#begin(Message.roots), roots, this.#list, this.#columns);
    this.#end();
    return this.#target.roots(roots);
  }

  account(kind: number, id: number, name: Uint8Array): Wait {
    encodeAccount(this.#begin(Message.account), kind, id, name);
    this.#end();
    return this.#target.account(kind, id, name);
  }

  attributes(set: Uint8Array): Wait {
    this.#begin(Message.attributes).raw(set);
    this.#end();
    return this.#target.attributes?.(set);
  }

  /** For the target alone: a batch is carried out elsewhere. */
  planned(totals: PlanTotals): Wait {
    return this.#target.planned?.(totals);
  }

  listed(folder: number, first: number, count: number, flags: number, holeBytes?: number): Wait {
    let done = 0;
    do {
      const piece = done === 0 ? flags : flags & ~FolderPiece.first;
      const writer = this.#begin(Message.list);
      done += encodeList(writer, this.#list, folder, first + done, count - done, piece, LIST_BYTES, this.#columns);
      this.#end();
    } while (done < count);
    return this.#target.listed(folder, first, count, flags, holeBytes);
  }

  subtrees(folders: Uint32Array, digests: Uint8Array): Wait {
    return this.#target.subtrees(folders, digests);
  }

  listEnd(complete: boolean, entries: number, bytes: number): Wait {
    encodeListEnd(this.#begin(Message.listEnd), complete, entries, bytes);
    this.#end();
    return this.#target.listEnd(complete, entries, bytes);
  }

  file(index: number, fresh: Fresh | null, content: Uint8Array, digest: Uint8Array | null): Wait {
    encodeFile(this.#begin(Message.files), index, fresh, content, digest!);
    this.#end();
    return this.#isOnly
      ? this.#target.fileSkip(index, Cause.batched)
      : this.#target.file(index, fresh, content, digest);
  }

  fileBegin(index: number, size: number, fresh: Fresh | null, isDelta: boolean): Wait {
    this.#inFile = index;
    encodeFileBegin(this.#begin(Message.fileBegin), index, size, fresh, isDelta);
    this.#end();
    return this.#isOnly ? undefined : this.#target.fileBegin(index, size, fresh, isDelta);
  }

  fileData(offset: number, bytes: Uint8Array): Wait {
    encodeFileData(this.#begin(Message.fileData), offset, bytes);
    this.#end();
    return this.#isOnly ? undefined : this.#target.fileData(offset, bytes);
  }

  fileBasis(offset: number, basisOffset: number, bytes: number): Wait {
    encodeCopyRun(this.#begin(Message.fileCopy), offset, basisOffset, bytes);
    this.#end();
    return this.#isOnly ? undefined : this.#target.fileBasis(offset, basisOffset, bytes);
  }

  refine(index: number, ranges: readonly BasisRange[]): Wait {
    return this.#target.refine(index, ranges);
  }

  /** Whoever writes a batch passes content, not files. */
  fileCopy(source: Handle, stat: Stat): Promise<number | void> | undefined {
    return this.#target.fileCopy(source, stat);
  }

  isItself(index: number, stat: Stat): boolean {
    return this.#target.isItself?.(index, stat) ?? false;
  }

  fileEnd(complete: boolean, digest: Uint8Array | null): Wait {
    encodeFileEnd(this.#begin(Message.fileEnd), digest);
    this.#end();
    if (!this.#isOnly) return this.#target.fileEnd(complete, digest);
    return complete ? this.#target.fileSkip(this.#inFile, Cause.batched) : undefined;
  }

  fileSkip(index: number, cause: number): Wait {
    encodeFileSkip(this.#begin(Message.fileSkip), index, cause);
    this.#end();
    return this.#target.fileSkip(index, cause);
  }

  sourceDone(errors: boolean): Wait {
    encodeSourceDone(this.#begin(Message.sourceDone), errors);
    this.#end();
    return this.#target.sourceDone(errors);
  }

  checked(absent: Uint8Array): Wait {
    return this.#target.checked(absent);
  }
}

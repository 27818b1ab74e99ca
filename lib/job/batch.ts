// --write-batch, --only-write-batch and --read-batch: loaded by a job that writes or reads a batch. Promises: a batch that is not whole is
// taken away again; one that is read is checked before anything at the target is touched.

import { display, latin1 } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import { accountRules } from "../engine/account_rules.ts";
import { BatchFile } from "../engine/batch_file.ts";
import { OutputFile } from "../engine/batch_output.ts";
import { BatchPlayer } from "../engine/batch_player.ts";
import { BatchWriter } from "../engine/batch_writer.ts";
import { type Seed, seededDigesters } from "../engine/digesters.ts";
import { TargetHalf } from "../engine/target_half.ts";
import { openOwnFile } from "../os/own_files.ts";
import { spooledInput } from "../os/spool.ts";
import type { Os } from "../os/os.ts";
import type { TargetPort } from "../session/ports.ts";
import { listOptions } from "../wire/batch_codec.ts";
import type { JobRun } from "./job_run.ts";
import type { BatchWish, JobRequest } from "./request.ts";

/** A batch that is being written. */
export class BatchRecording {
  /** Of the digests of content; set by the run that is recorded. */
  seed: Seed | null = null;
  readonly #options: SyncOptions;
  readonly #list: FileList;
  readonly #batch: OutputFile;
  readonly #script: OutputFile;
  readonly #scriptBytes: Uint8Array;
  readonly #digester: Awaited<ReturnType<typeof seededDigesters>>["content"];
  #writer: BatchWriter | null = null;

  private constructor(
    os: Os,
    wish: Extract<BatchWish, { write: Uint8Array }>,
    options: SyncOptions,
    list: FileList,
    digester: Awaited<ReturnType<typeof seededDigesters>>["content"],
  ) {
    this.#options = options;
    this.#list = list;
    this.#digester = digester;
    this.#scriptBytes = wish.script;
    this.#batch = new OutputFile(os, wish.write);
    try {
      this.#script = new OutputFile(os, new Uint8Array([...wish.write, 0x2e, 0x73, 0x68]), 0o700);
    } catch (error) {
      this.#batch.discard();
      throw error;
    }
  }

  /** Makes the files. Throws TsyncError "file". */
  static async begin(
    os: Os,
    wish: Extract<BatchWish, { write: Uint8Array }>,
    options: SyncOptions,
    list: FileList,
  ): Promise<BatchRecording> {
    const { content } = await seededDigesters({ low: 0, high: 0 });
    return new BatchRecording(os, wish, options, list, content);
  }

  /** What stands between the source and `target`. */
  wrap(target: TargetPort): TargetPort {
    this.#writer = new BatchWriter(target, this.#list, this.#options, this.#batch, this.#digester);
    return this.#writer;
  }

  /** The run came to its end. Throws TsyncError "file". */
  finish(): void {
    this.#writer!.finish(this.seed!);
    this.#script.write(this.#scriptBytes);
    this.#script.finish();
  }

  /** Takes away what is not finished. */
  discard(): void {
    this.#batch.discard();
    this.#script.discard();
  }
}

/** Runs a target half on what the batch file says; rejects with what ended it early. */
export async function readBatch(request: JobRequest, file: Uint8Array, run: JobRun): Promise<void> {
  const batch = openBatch(file);
  try {
    await playBatch(request, batch, run);
  } catch (error) {
    throw ofFile(error, file);
  } finally {
    batch.close();
  }
}

/** The same with an open file. */
export async function playBatch(request: JobRequest, batch: BatchFile, run: JobRun): Promise<void> {
  const { env, list, filters, reporter, monitor } = run;
  const { content } = await seededDigesters({ low: 0, high: 0 });
  await batch.check(content, env.breathe);
  run.stop.throwIfAborted();
  // What was listed is as it is; everything else is this command's.
  const { filters: _, ...listed } = listOptions(batch.options);
  const { recursive, links, perms, times, group, owner, devices, specials, numericIds, hardLinks } = listed;
  const { acls, xattrs, xattrNotes, executability, checksum, folderSizes, dirs, relative, noImpliedDirs } = listed;
  Object.assign(request.options, {
    ...{ recursive, links, perms, times, group, owner, devices, specials, numericIds, hardLinks, acls, xattrs },
    ...{ xattrNotes, executability, checksum, folderSizes, dirs, relative, noImpliedDirs },
    ...{ filesFrom: listed.filesFrom, wholeFile: false, removeSourceFiles: false },
  });
  const { options } = request;
  const player = new BatchPlayer({
    ...{ batch, list, options },
    report: (problem) => reporter.problem(problem),
    pause: () => env.pause(),
  });
  const half = new TargetHalf({
    ...{ env, list, options, filters, events: reporter, source: player, path: request.target, expected: null },
    accountRules: await accountRules(options, env),
    digesters: await seededDigesters(batch.end.seed),
    isBatch: true,
    trees: "not",
    usesDelta: true,
    onListed: (entries, bytes, complete) => monitor.listed(entries, bytes, complete),
  });
  player.attach(half);
  await together(half, player, run.stop);
}

/** What breaks a rule of the protocol is the file's fault here. */
function ofFile(error: unknown, file: Uint8Array): unknown {
  if (!(error instanceof TsyncError) || error.data.kind !== "stream") return error;
  return new TsyncError({ kind: "file", detail: `the batch file "${display(file)}": ${error.data.detail}` });
}

async function together(half: TargetHalf, player: BatchPlayer, stop: AbortSignal): Promise<void> {
  const fail = (error: unknown) => {
    half.fail(error);
    player.fail(error);
  };
  stop.addEventListener("abort", () => fail(stop.reason), { once: true });
  const guarded = (work: Promise<unknown>) =>
    work.catch((error) => {
      fail(error);
      throw error;
    });
  const ends = await Promise.allSettled([guarded(half.run()), guarded(player.run())]);
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Throws TsyncError "file". */
function openBatch(word: Uint8Array): BatchFile {
  const isInput = latin1(word) === "-";
  const file = isInput ? spooledInput() : openOwnFile(word);
  if (typeof file !== "number" && file.regular) return new BatchFile(file);
  if (typeof file !== "number") file.close();
  const why = typeof file === "number" ? errnoText(-file) : "it is no file; give - to read standard input";
  throw new TsyncError({ kind: "file", detail: `cannot read the batch file "${display(word)}": ${why}` });
}

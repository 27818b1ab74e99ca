// The receiver (rsync's word): takes the content of files as it comes. Small ones are written here; large ones, one at a time, in
// large_files.ts; both by file_writer.ts. Called by the target half. Promises: a small file is written only when its digest fits, and no
// content of another file is taken while a large one is under way.

import { equalBytes } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { Cause, Verb } from "../base/problem.ts";
import type { Handle } from "../os/os.ts";
import type { Fresh, Wait } from "../session/ports.ts";
import type { BasisCopies } from "./basis_copy.ts";
import type { FileOutcomes } from "./file_outcomes.ts";
import { FileWriter } from "./file_writer.ts";
import type { InPlace } from "./in_place.ts";
import { LargeFiles } from "./large_files.ts";
import type { TargetState } from "./target_state.ts";

export class Receiver {
  readonly #state: TargetState;
  readonly #outcomes: FileOutcomes;
  readonly #writer: FileWriter;
  readonly large: LargeFiles;

  constructor(state: TargetState, copies: BasisCopies, outcomes: FileOutcomes) {
    this.#state = state;
    this.#outcomes = outcomes;
    this.#writer = new FileWriter(state, outcomes);
    this.large = new LargeFiles(state, copies, outcomes, this.#writer);
  }

  file(index: number, fresh: Fresh | null, content: Uint8Array, digest: Uint8Array | null): Wait {
    const state = this.#state;
    if (!this.#take(index)) return void this.#outcomes.onAnswered(index);
    if (fresh !== null) state.list.setContent(index, fresh.size, fresh.mtimeSec, fresh.mtimeNs);
    if (digest !== null && !equalBytes(state.digesters!.content.hash(content), digest)) {
      return this.#outcomes.unverified(index);
    }
    return this.#small(index, content);
  }

  /** Writes a small file that is verified. What is staged may hold the space or the handles that it lacks: then it is tried again. */
  #small(index: number, content: Uint8Array, isLast = false): Wait {
    const state = this.#state;
    const parent = state.list.parent(index);
    const folder = state.openForChange(parent);
    if (state.options.inplace && folder >= 0 && !state.newFolders.has(parent)) {
      const opened = this.#writer.openInPlace(index, folder);
      if (typeof opened === "number") return this.#outcomes.failed(index, Verb.open, -opened);
      if (opened !== null) return this.#smallInPlace(index, folder, opened, content);
    }
    const handle = folder < 0 ? folder : this.#writer.createSmall(folder, index, state.newFolders.has(parent));
    if (handle < 0 && !isLast && this.large.mayFree(handle)) return this.#smallAgain(index, content);
    if (handle < 0) return this.#outcomes.failed(index, Verb.create, -handle);
    const temporary = this.#writer.created;
    state.transfers?.set(index, {
      literalBytes: content.length,
      digest: state.plainDigester?.hash(content) ?? null,
    });
    const written = this.#writer.write(handle, content, 0) || this.#writer.setSize(handle, content.length);
    if (written < 0 || !this.#writer.finish(index, handle, folder, temporary, content.length)) {
      state.os.close(handle);
      state.stage.discard(folder, temporary);
      if (!isLast && this.large.mayFree(written)) return this.#smallAgain(index, content);
      return written < 0 ? this.#outcomes.failed(index, Verb.write, -written) : this.#outcomes.answered(index);
    }
    state.totals.literalBytes += content.length;
    return this.#outcomes.answered(index);
  }

  async #smallAgain(index: number, content: Uint8Array): Promise<void> {
    await this.large.makeRoom();
    await this.#small(index, content, true);
  }

  #smallInPlace(index: number, folder: Handle, inPlace: InPlace, content: Uint8Array): Wait {
    const from = this.#writer.keptBytes(inPlace, content.length);
    const written = inPlace.write(from, content.subarray(from)) || inPlace.end(content.length);
    if (written < 0) {
      this.#state.os.close(inPlace.handle);
      return this.#outcomes.failed(index, Verb.write, -written);
    }
    const { transfers, plainDigester, totals } = this.#state;
    transfers?.set(index, { literalBytes: content.length, digest: plainDigester?.hash(content) ?? null });
    this.#writer.finishInPlace(index, folder, inPlace);
    totals.literalBytes += content.length;
    return this.#outcomes.answered(index);
  }

  fileSkip(index: number, cause: number): Wait {
    if (!this.#take(index)) return void this.#outcomes.onAnswered(index);
    if (cause === Cause.batched && this.#state.options.batchOnly) return this.#outcomes.answered(index);
    this.#outcomes.untransferred(index);
    this.#state.events.skipped?.(index, cause);
    return this.#outcomes.answered(index);
  }

  fileBegin(index: number, size: number, fresh: Fresh | null, isDelta: boolean): Wait {
    return this.large.begin(index, size, fresh, isDelta, this.#take(index));
  }

  #take(index: number): boolean {
    if (!this.large.isOpen) return this.#outcomes.take(index);
    throw new TsyncError({ kind: "stream", detail: "content of a second file inside a first" });
  }
}

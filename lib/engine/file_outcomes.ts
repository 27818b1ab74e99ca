// What becomes of each file that was wanted: answered, failed, or asked for once more. Told by receiver and by NewFiles. Promises: content that
// nobody asked for ends the session (R4); a digest that does not fit is asked for once more, then reported; each file has one outcome
// (law 5).

import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import { IndexSet } from "../base/index_set.ts";
import { Cause, Verb } from "../base/problem.ts";
import { Errno, Kind } from "../os/os.ts";
import { REDO, type Wait } from "../session/ports.ts";
import type { TargetState } from "./target_state.ts";

export class FileOutcomes {
  readonly #state: TargetState;
  /** Files of a streaming session that came though nobody here wants them. */
  readonly #passedOver = new IndexSet();
  /** Called with each file when it was answered, or came unasked and was passed over. */
  onAnswered: (index: number) => void = () => {};

  constructor(state: TargetState) {
    this.#state = state;
  }

  /** Takes the index off the wanted ones. In a streaming session files nobody wants are passed over, else that is an offence. */
  take(index: number): boolean {
    const state = this.#state;
    if (state.wanted.delete(index)) return true;
    if (state.streaming && state.list.kind(index) === Kind.file && this.#passedOver.add(index)) return false;
    throw new TsyncError({ kind: "stream", detail: "the peer sent a file that was not asked for" });
  }

  /** Nothing more is to come for the file. */
  answered(index: number): Wait {
    this.#state.newFolders.answered(this.#state.list.parent(index), 1);
    this.onAnswered(index);
    return this.#state.stage.pause();
  }

  /** `count` small files of a folder that is not in place yet are complete there. */
  filled(folder: number, indexes: Uint32Array, count: number): void {
    const state = this.#state;
    for (let k = 0; k < count; k++) {
      state.wanted.delete(indexes[k]);
      state.totals.literalBytes += state.list.size(indexes[k]);
      state.inPlace(indexes[k]);
    }
    for (let k = 0; k < count; k++) this.onAnswered(indexes[k]);
    state.newFolders.answered(folder, count);
  }

  /** What came has another digest than it should. */
  unverified(index: number): Wait {
    const state = this.#state;
    if (state.redone.add(index)) {
      state.wanted.add(index);
      return state.source.want(Uint32Array.of(index), REDO);
    }
    this.untransferred(index);
    state.tell(Verb.transfer, Cause.verify, 0, state.path(index));
    return this.answered(index);
  }

  /** The file is not to be had, which is told; its answer may still be to come. Throws where nothing that follows can succeed. */
  lost(index: number, verb: number, errno: number): void {
    // No space, no quota, read-only.
    if (errno === Errno.ENOSPC || errno === Errno.EDQUOT || errno === Errno.EROFS) this.#fatal(verb, index, errno);
    this.told(index, verb, errno);
  }

  /** The same, and that is its answer. */
  failed(index: number, verb: number, errno: number): Wait {
    this.lost(index, verb, errno);
    return this.answered(index);
  }

  #fatal(verb: number, index: number, errno: number): never {
    this.#state.problem(verb, errno, index);
    throw new TsyncError({
      kind: "file",
      detail: `the target cannot take more: ${
        errnoText(errno)
      }; what is in place is complete, the rest was not written`,
    });
  }

  /** Tells what failed; false. */
  told(index: number, verb: number, errno: number): false {
    this.untransferred(index);
    this.#state.problem(verb, errno, index);
    return false;
  }

  /** It does not count as a transfer after all. */
  untransferred(index: number): void {
    const { totals, list } = this.#state;
    totals.transferredFiles--;
    totals.transferredBytes -= list.size(index);
  }
}

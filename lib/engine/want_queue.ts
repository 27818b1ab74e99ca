// The files that the target wants, until they are sent. Filled by the source half as wants come, emptied by its loop. Promises: only what is on
// offer is taken, each file once, and once more where it is wanted anew (law 5); the order of the wants is kept.

import { TsyncError } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import { Gate } from "../base/gate.ts";
import { IndexSet } from "../base/index_set.ts";
import { Kind } from "../os/os.ts";
import type { WantKind } from "../session/ports.ts";

export class WantQueue {
  readonly #list: FileList;
  readonly #asked = new IndexSet();
  readonly #askedAgain = new IndexSet();
  /** Wants not yet served, oldest first, and the position in the first. */
  readonly #queue: Uint32Array[] = [];
  #at = 0;
  /** Opened when something is wanted or no more will be. */
  #wake = new Gate();
  #failure: { error: unknown } | null = null;
  hasEnded = false;
  /** Every file is sent without being wanted: only what came of it may be wanted anew. */
  isStreaming = false;

  constructor(list: FileList) {
    this.#list = list;
  }

  /** Throws TsyncError "stream" for a file that is not on offer. One that is wanted as a delta waits for its signature. */
  want(indexes: Uint32Array, { redo, delta }: WantKind): void {
    for (const i of indexes) {
      const isLegal = i < this.#list.count && this.#list.kind(i) === Kind.file &&
        (redo ? this.#asked.has(i) && this.#askedAgain.add(i) : !this.isStreaming && this.#asked.add(i));
      if (!isLegal) throw new TsyncError({ kind: "stream", detail: "the peer wants a file that is not on offer" });
    }
    if (!delta) this.add(new Uint32Array(indexes));
  }

  /** The file is sent without being wanted. */
  unasked(i: number): void {
    this.#asked.add(i);
  }

  /** These can be sent now. */
  add(indexes: Uint32Array): void {
    this.#queue.push(indexes);
    this.#wakeUp();
  }

  /** Nothing more will be wanted. */
  end(): void {
    this.hasEnded = true;
    this.#wakeUp();
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake.fail(error);
  }

  /** The next file to send, or -1. */
  next(): number {
    while (this.#queue.length > 0) {
      const wants = this.#queue[0];
      if (this.#at < wants.length) return wants[this.#at++];
      this.#queue.shift();
      this.#at = 0;
    }
    return -1;
  }

  /** Settles when something is wanted, or nothing more will be. */
  news(): Promise<void> {
    return this.#wake.promise;
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = new Gate();
    if (this.#failure !== null) this.#wake.fail(this.#failure.error);
    wake.open();
  }
}

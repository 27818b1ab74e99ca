// What is heard of a lane, so that one that stands but carries nothing any more is known (PROTOCOL.md section 13). Kept by lanes.ts, one for each
// lane, and asked at each beat. Promises: silence is counted only in beats in which another lane was heard: a dead link, a busy peer or
// a process that slept condemns none.

import { LANE_DOUBTED_BEATS, LANE_SILENT_BEATS } from "../base/limits.ts";
import type { ByteSource } from "../os/streams.ts";

export class LaneEar {
  #isHeard = false;
  /** Beats in a row in which others were heard and this one was not. */
  #silentBeats = 0;

  /** It gets nothing new while others may take it. */
  get isDoubted(): boolean {
    return this.#silentBeats >= LANE_DOUBTED_BEATS;
  }

  /** It counts as ended. */
  get isSilent(): boolean {
    return this.#silentBeats >= LANE_SILENT_BEATS;
  }

  /** Fills all of `into` with what comes; false if the stream ends before. Every byte is a sign of life. */
  async fill(source: ByteSource, into: Uint8Array): Promise<boolean> {
    for (let filled = 0; filled < into.length;) {
      const count = await source.read(into.subarray(filled));
      if (count === null) return false;
      this.#isHeard = true;
      filled += count;
    }
    return true;
  }

  /** A beat has passed: judges all lanes that are read. */
  static beat(ears: readonly LaneEar[]): void {
    const isAnyHeard = ears.some((ear) => ear.#isHeard);
    for (const ear of ears) {
      if (ear.#isHeard) ear.#silentBeats = 0;
      else if (isAnyHeard) ear.#silentBeats++;
      ear.#isHeard = false;
    }
  }
}

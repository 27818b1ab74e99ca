// Progress as rsync writes it where there is no terminal: with --progress two numbers and a line for each transferred file, with
// --info=progress2 one line that is written over and over for the whole run. Loaded only by a run that asks for it.

import type { EntryFacts } from "../base/monitor.ts";
import { shownNumber } from "./numbers.ts";
import type { Progress } from "./progress.ts";

/** Lines that come so soon after another tell of files that were put in place together, ms. */
const TOGETHER_MS = 20;

export class FileProgress {
  readonly #whole: boolean;
  readonly #human: number;
  readonly #nowMs: () => number;
  readonly #startMs: number;
  #lastMs: number;
  /** Since when, and of how many bytes, the files are told that are told together. */
  #sinceMs: number;
  #together = 0;
  #files = 0;
  #bytes = 0;

  /** `whole`: --info=progress2. */
  constructor(whole: boolean, human: number, nowMs: () => number) {
    this.#whole = whole;
    this.#human = human;
    this.#nowMs = nowMs;
    this.#startMs = this.#lastMs = this.#sinceMs = nowMs();
  }

  /** What is written when a file is in place. */
  line({ size, index }: EntryFacts, progress: Progress): string {
    const now = this.#nowMs();
    this.#files++;
    this.#bytes += size;
    const left = Math.max(0, progress.entries - index - 1);
    const counts = `(xfr#${this.#files}, ${progress.listComplete ? "to" : "ir"}-chk=${left}/${progress.entries})`;
    if (this.#whole) {
      const percent = progress.listedBytes === 0 ? 100 : Math.floor(100 * this.#bytes / progress.listedBytes);
      return `\r${this.#numbers(this.#bytes, Math.min(percent, 100), now - this.#startMs)} ${counts}`;
    }
    if (now - this.#lastMs > TOGETHER_MS) {
      this.#sinceMs = this.#lastMs;
      this.#together = 0;
    }
    this.#lastMs = now;
    this.#together += size;
    const numbers = this.#numbers(size, 100, now - this.#sinceMs, this.#together);
    return `\r${numbers}\r${numbers} ${counts}\n`;
  }

  /** What ends the last line. */
  end(): string {
    const isOpen = this.#whole && this.#files > 0;
    this.#files = 0;
    return isOpen ? "\n" : "";
  }

  /** `moved`: bytes that came in `ms`. */
  #numbers(bytes: number, percent: number, ms: number, moved = bytes): string {
    const rate = ms <= 0 ? 0 : moved * 1000 / ms / 1024;
    const [scaled, unit] = rate > 1024 * 1024
      ? [rate / 1024 / 1024, "GB/s"]
      : rate > 1024
      ? [rate / 1024, "MB/s"]
      : [rate, "kB/s"];
    const seconds = Math.floor(ms / 1000);
    const two = (value: number) => String(value).padStart(2, "0");
    const time = `${String(Math.floor(seconds / 3600)).padStart(4)}:${two(Math.floor(seconds / 60) % 60)}:${
      two(seconds % 60)
    }`;
    return `${shownNumber(bytes, this.#human).padStart(15)} ${String(percent).padStart(3)}% ${
      scaled.toFixed(2).padStart(7)
    }${unit} ${time}`;
  }
}

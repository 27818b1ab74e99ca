// The progress line: what is known of a run that is under way, in one line of ASCII. Progress keeps the numbers (the
// reporter tells it), ProgressLine draws them. Promises: the percent never falls and is 100 only in the last phase; the
// line never exceeds the terminal's width; it is gone when anything else is printed and at the end.

import type { Phase } from "../base/monitor.ts";
import { clockTime, shortBytes, withCommas } from "./numbers.ts";
import type { Output } from "./output.ts";

/** Over how long the rate is taken, ms. */
const RATE_MS = 3000;

export class Progress {
  phase: Phase = "connecting";
  entries = 0;
  listedBytes = 0;
  listComplete = false;
  files = 0;
  bytes = 0;
  deleted = 0;
  readonly #host: string | null;
  readonly #startMs: number;
  #percent = 0;
  readonly #samples: Array<{ ms: number; bytes: number }> = [];

  constructor(host: string | null, nowMs: number) {
    this.#host = host;
    this.#startMs = nowMs;
  }

  /** The line as of `nowMs`, at most `width` characters. */
  line(nowMs: number, width: number): string {
    return this.#text(nowMs).slice(0, Math.max(0, width));
  }

  #text(nowMs: number): string {
    const elapsed = clockTime((nowMs - this.#startMs) / 1000);
    switch (this.phase) {
      case "connecting":
        return `connecting to ${this.#host ?? "the other half"}  ${elapsed}`;
      case "deploying":
        return `installing tsync-remote on ${this.#host ?? "the other side"}  ${elapsed}`;
      case "listing":
        return `listing  ${withCommas(this.entries)} entries  ${elapsed}`;
      case "transferring":
        return `transferring  ${this.#amount()}  ${shortBytes(this.#rate(nowMs))}/s  ${elapsed}`;
      case "deleting":
        return `deleting  ${withCommas(this.deleted)} entries  ${elapsed}`;
      case "finishing":
        return `finishing  100%  ${withCommas(this.files)} files  ${shortBytes(this.bytes)}  ${elapsed}`;
    }
  }

  #amount(): string {
    const done = `${withCommas(this.files)} files  ${shortBytes(this.bytes)}`;
    if (!this.listComplete) return `${done}  (listing, ${withCommas(this.entries)} entries)`;
    const part = this.listedBytes === 0 ? 0 : Math.floor(100 * this.bytes / this.listedBytes);
    this.#percent = Math.max(this.#percent, Math.min(part, 99));
    return `${this.#percent}%  ${done} of ${shortBytes(this.listedBytes)}`;
  }

  /** Bytes per second over the last RATE_MS. */
  #rate(nowMs: number): number {
    const samples = this.#samples;
    samples.push({ ms: nowMs, bytes: this.bytes });
    while (samples.length > 2 && samples[1].ms <= nowMs - RATE_MS) samples.shift();
    const first = samples[0];
    return nowMs > first.ms ? (this.bytes - first.bytes) * 1000 / (nowMs - first.ms) : 0;
  }
}

export interface ProgressParts {
  nowMs(): number;
  columns(): number;
  /** Calls `fn` every `ms` milliseconds until the returned function is called. */
  every(ms: number, fn: () => void): () => void;
}

/** Draws Progress again and again, in one line of a terminal. Elsewhere --progress is file_progress.ts. */
export class ProgressLine {
  readonly #progress: Progress;
  readonly #output: Output;
  readonly #parts: ProgressParts;
  readonly #stopTimer: () => void;
  #shown = "";

  constructor(progress: Progress, output: Output, parts: ProgressParts) {
    this.#progress = progress;
    this.#output = output;
    this.#parts = parts;
    this.#stopTimer = parts.every(200, () => this.#draw());
  }

  /** Takes the line away, so that other text can be printed; the next tick brings it back. */
  clear(): void {
    if (this.#shown === "") return;
    this.#output.out(`\r${" ".repeat(this.#shown.length)}\r`);
    this.#shown = "";
  }

  stop(): void {
    this.#stopTimer();
    this.clear();
  }

  #draw(): void {
    // A reader that does not keep up sees fewer lines, not later ones.
    if (!this.#output.idle) return;
    const line = this.#progress.line(this.#parts.nowMs(), this.#parts.columns() - 1);
    if (line === this.#shown) return;
    this.#output.out(`\r${line}${" ".repeat(Math.max(0, this.#shown.length - line.length))}`);
    this.#shown = line;
  }
}

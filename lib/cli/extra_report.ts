// Reports beside the one for people: --log-file and --json. Loaded only by a run that has one of them. Each hears what the
// Report hears, writes to a place of its own, and is closed when everything is said.

import { display } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import type { EntryFacts, Monitor, Phase } from "../base/monitor.ts";
import type { Problem } from "../base/problem.ts";
import type { JobOutcome } from "../job/outcome.ts";
import type { JobRequest } from "../job/request.ts";
import { AppendError, type AppendFile, appendTo, openAppend } from "../os/append_file.ts";
import { denoErrno } from "../os/deno_errno.ts";
import { after, monotonicMs, wallSeconds } from "../os/clock.ts";
import { processId, standardSink } from "../os/process.ts";
import type { Ending } from "./exit.ts";
import { Output } from "./output.ts";
import type { OutputSettings } from "./settings.ts";

export interface ExtraReport extends Monitor {
  /** The last word; the outcome of a run that came to its end. */
  ended(ending: Ending, outcome: JobOutcome | null): void;
}

/** All of them as one Monitor, and the places they write to. */
export class ExtraReports implements Monitor {
  readonly #reports: ExtraReport[] = [];
  #isOver = false;
  readonly #places: { output: Output; file: AppendFile | null }[] = [];

  /** What is wrong with a place ends the run by `onFailure`, as a standard output that cannot be written does. */
  constructor(readonly onFailure: (error: TsyncError) => void) {}

  /** Makes those that are asked for. Throws TsyncError "file" or "usage"; a log that cannot be opened is told, as in rsync. */
  async begin(request: JobRequest, settings: OutputSettings, tell: (line: string) => void): Promise<void> {
    if (settings.logFile !== null) await this.#beginLog(request, settings, settings.logFile, tell);
    if (settings.json !== null) {
      const { JsonReport } = await import("./json_report.ts");
      const output = this.#place(this.#jsonPlace(settings.json), "--json");
      this.#reports.push(new JsonReport(request, output, { nowMs: monotonicMs, nowSeconds: wallSeconds }));
    }
  }

  async #beginLog(
    request: JobRequest,
    settings: OutputSettings,
    path: Uint8Array,
    tell: (line: string) => void,
  ): Promise<void> {
    const file = openAppend(path);
    if (typeof file === "number") {
      tell(`tsync: failed to open log file "${display(path)}": ${errnoText(-file)}; there will be none`);
      return;
    }
    const { LogReport } = await import("./log_report.ts");
    const output = this.#place(file, "--log-file");
    this.#reports.push(new LogReport(request, settings, output, { nowSeconds: wallSeconds, processId: processId() }));
  }

  #jsonPlace(word: Uint8Array): AppendFile | null {
    if (word.length === 0) return null;
    const text = display(word);
    const file = /^[0-9]{1,6}$/.test(text) ? appendTo(Number(text)) : openAppend(word);
    if (typeof file !== "number") return file;
    throw new TsyncError({ kind: "file", detail: `--json: "${text}" cannot be written: ${errnoText(-file)}` });
  }

  /** Null: standard output. */
  #place(file: AppendFile | null, option: string): Output {
    const sink = file ?? standardSink(1);
    let isBroken = false;
    const write = async (_fd: number, bytes: Uint8Array) => {
      try {
        if (!isBroken) await sink.write(bytes);
      } catch (error) {
        isBroken = true;
        const errno = error instanceof AppendError ? error.errno : -denoErrno(error);
        this.onFailure(new TsyncError({ kind: "output", detail: `${option}: write failed: ${errnoText(errno)}` }));
      }
    };
    const output = new Output({ write, after });
    this.#places.push({ output, file });
    return output;
  }

  phase(phase: Phase): void {
    for (const report of this.#reports) report.phase(phase);
  }
  entry(facts: EntryFacts, change: number): void {
    for (const report of this.#reports) report.entry(facts, change);
  }
  deleted(path: Uint8Array, kind: number): void {
    for (const report of this.#reports) report.deleted(path, kind);
  }
  problem(problem: Problem): void {
    for (const report of this.#reports) report.problem(problem);
  }
  listed(entries: number, bytes: number, complete: boolean): void {
    for (const report of this.#reports) report.listed(entries, bytes, complete);
  }
  transferred(files: number, bytes: number): void {
    for (const report of this.#reports) report.transferred(files, bytes);
  }

  /** Undefined, or settles when a slow reader has caught up. */
  pace(): Promise<void> | undefined {
    for (const { output } of this.#places) {
      const wait = output.pace();
      if (wait !== undefined) return wait;
    }
    return undefined;
  }

  /** Says the last word and closes all; a second call does nothing. */
  async end(ending: Ending, outcome: JobOutcome | null): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const report of this.#reports) report.ended(ending, outcome);
    for (const { output, file } of this.#places) {
      await output.flush();
      file?.close();
    }
  }
}

/** One Monitor that tells two. */
export function both(one: Monitor, two: Monitor): Monitor {
  return {
    phase: (phase) => (one.phase(phase), two.phase(phase)),
    entry: (facts, change) => (one.entry(facts, change), two.entry(facts, change)),
    deleted: (path, kind) => (one.deleted(path, kind), two.deleted(path, kind)),
    problem: (problem) => (one.problem(problem), two.problem(problem)),
    listed: (entries, bytes, complete) => (one.listed(entries, bytes, complete), two.listed(entries, bytes, complete)),
    transferred: (files, bytes) => (one.transferred(files, bytes), two.transferred(files, bytes)),
  };
}

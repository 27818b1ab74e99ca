// Report: the Monitor that speaks to a person. It turns what the halves tell into rsync's lines (-i, -v, --stats), problems
// into sentences, and keeps the progress line. Made by run.ts for each run; all it prints goes through Output.

import { display, latin1 } from "../base/bytes.ts";
import { Change, type EntryFacts, type Monitor, type Phase } from "../base/monitor.ts";
import { Cause, isNotice, type Problem } from "../base/problem.ts";
import type { JobOutcome } from "../job/outcome.ts";
import type { JobRequest } from "../job/request.ts";
import { DELETING, itemize } from "../plan/itemize.ts";
import type { Output } from "./output.ts";
import { madeFoldersLine, noticeLine, problemLine, warningLine } from "./problem_text.ts";
import { Progress, ProgressLine, type ProgressParts } from "./progress.ts";
import type { OutputSettings } from "./settings.ts";
import { statsBlock, summaryLines } from "./summary.ts";

const FOLDER = 4;
const LINK = 10;
const SLASH = 0x2f;

export interface ReportParts extends ProgressParts {
  /** Standard output is a terminal that can show a progress line. */
  terminal: boolean;
}

export class Report implements Monitor {
  readonly #request: JobRequest;
  readonly #settings: OutputSettings;
  readonly #output: Output;
  readonly #parts: ReportParts;
  readonly #progress: Progress;
  readonly #line: ProgressLine | null;
  readonly #names: boolean;
  #began = false;
  #listStartMs = 0;
  #listMs = 0;

  constructor(request: JobRequest, settings: OutputSettings, output: Output, parts: ReportParts) {
    this.#request = request;
    this.#settings = settings;
    this.#output = output;
    this.#parts = parts;
    this.#progress = new Progress(request.remote?.host ?? null, parts.nowMs());
    this.#names = !settings.quiet && (settings.verbose > 0 || settings.itemize > 0);
    const shown = settings.quiet ? false : settings.progress ?? (parts.terminal && !this.#names);
    this.#line = shown ? new ProgressLine(this.#progress, output, parts, parts.terminal) : null;
  }

  phase(phase: Phase): void {
    this.#progress.phase = phase;
    if (this.#began || phase === "connecting" || phase === "deploying") return;
    this.#began = true;
    this.#listStartMs = this.#parts.nowMs();
    if (this.#names && this.#settings.verbose > 0 && this.#request.options.recursive) {
      this.#say(`${this.#request.direction === "pull" ? "receiving" : "sending"} incremental file list\n`);
    }
  }

  entry(facts: EntryFacts, change: number): void {
    if (!this.#names) return;
    const isRoot = facts.path.length === 0;
    if (isRoot && change & Change.create) {
      this.#say(`created directory ${display(withoutLastSlash(this.#request.target))}\n`);
      if (!this.#showsRoot()) return;
    }
    const name = isRoot ? "./" : display(facts.path) + (facts.kind === FOLDER ? "/" : "");
    const arrow = facts.kind === LINK ? ` -> ${display(facts.linkTarget)}` : "";
    if (this.#settings.itemize > 0) {
      if (change === 0 && !this.#request.options.reportUnchanged) return;
      this.#say(`${itemize(facts.kind, change, this.#request.direction === "push")} ${name}${arrow}\n`);
    } else this.#sayName(facts.kind, change, name, arrow);
  }

  deleted(path: Uint8Array, kind: number): void {
    this.#progress.phase = "deleting";
    this.#progress.deleted++;
    if (!this.#names) return;
    const word = this.#settings.itemize > 0 ? DELETING : "deleting";
    this.#say(`${word} ${display(path)}${kind === FOLDER ? "/" : ""}\n`);
  }

  problem(problem: Problem): void {
    if (!isNotice(problem)) {
      this.#line?.clear();
      this.#output.err(problemLine(problem, this.#request));
      return;
    }
    const warning = warningLine(problem, this.#request);
    if (warning !== null) {
      this.#line?.clear();
      this.#output.err(warning);
    }
    if (problem.cause === Cause.madeFolders && this.#names) this.#say(madeFoldersLine(problem));
    const line = this.#settings.quiet ? null : noticeLine(problem);
    if (line !== null) this.#say(line);
  }

  listed(entries: number, bytes: number, complete: boolean): void {
    this.#progress.entries = entries;
    this.#progress.listedBytes = bytes;
    if (!complete || this.#progress.listComplete) return;
    this.#progress.listComplete = true;
    this.#listMs = this.#parts.nowMs() - this.#listStartMs;
  }

  transferred(files: number, bytes: number): void {
    // Listing and transferring overlap; what moves is the better news.
    if (this.#progress.phase === "listing") this.#progress.phase = "transferring";
    this.#progress.files = files;
    this.#progress.bytes = bytes;
  }

  /** A line for standard error that belongs to no entry (JobHooks.tell). */
  tell(line: string): void {
    this.#line?.clear();
    this.#output.err(`${line}\n`);
  }

  /** Takes the progress line away. Called once, at the end, whatever the end is. */
  stop(): void {
    this.#line?.stop();
  }

  /** What is printed after a run that came to its end. */
  finish(outcome: JobOutcome): void {
    const { quiet, verbose, stats } = this.#settings;
    if (quiet || (verbose === 0 && !stats)) return;
    if (stats) this.#output.out(statsBlock(outcome, { listMs: this.#listMs }));
    this.#output.out(summaryLines(outcome, this.#request.options.dryRun));
  }

  /** -v without -i: what is made or transferred, folders also for their metadata; -vv names everything. */
  #sayName(kind: number, change: number, name: string, arrow: string): void {
    // A copy or a link of what an alternative destination has is no news.
    const isQuiet = change === 0 || change === Change.local || change === Change.hardLink;
    const made = (change & (Change.create | Change.content | Change.local)) !== 0;
    if (isQuiet) {
      if (this.#settings.verbose > 1 && (change !== 0 || kind !== FOLDER)) this.#say(`${name} is uptodate\n`);
    } else if (made) this.#say(`${name}${arrow}\n`);
    else if (kind === FOLDER || this.#settings.verbose > 1) this.#say(`${name}\n`);
  }

  /** Whether the target folder itself is one of the entries: a source gave its content, not itself. */
  #showsRoot(): boolean {
    return this.#request.options.recursive && this.#request.sources.some((source) => {
      const last = latin1(source.subarray(source.lastIndexOf(SLASH) + 1));
      return last === "" || last === "." || last === "..";
    });
  }

  #say(text: string): void {
    this.#line?.clear();
    this.#output.out(text);
  }
}

/** "dir/" -> "dir", "dir//" -> "dir/", as rsync shows it. */
function withoutLastSlash(path: Uint8Array): Uint8Array {
  return path.length > 1 && path[path.length - 1] === SLASH ? path.subarray(0, -1) : path;
}

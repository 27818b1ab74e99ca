// Report: the Monitor that speaks to a person. It turns what the halves tell into rsync's lines (-i, -v, --stats), problems
// into sentences, and keeps the progress line. Made by run.ts for each run; all it prints goes through Output.

import { display, displayEightBit, EMPTY } from "../base/bytes.ts";
import { Change, type EntryFacts, type Monitor, type Phase } from "../base/monitor.ts";
import { Cause, isLeftOut, isNotice, type Problem } from "../base/problem.ts";
import type { JobOutcome } from "../job/outcome.ts";
import type { JobRequest } from "../job/request.ts";
import { DELETING, itemize } from "../plan/itemize.ts";
import type { FileProgress } from "./file_progress.ts";
import { infoLevel } from "./info.ts";
import type { LineFormat } from "./line_format.ts";
import type { Output } from "./output.ts";
import {
  doneLine,
  leftOutLine,
  madeFoldersLine,
  mountLine,
  noticeLine,
  problemLine,
  warningLine,
} from "./problem_text.ts";
import { Progress, ProgressLine, type ProgressParts } from "./progress.ts";
import type { OutputSettings } from "./settings.ts";
import { statsBlock, summaryLines } from "./summary.ts";

const FOLDER = 4;
const LINK = 10;
const SLASH = 0x2f;

export interface ReportParts extends ProgressParts {
  /** Standard output is a terminal that can show a progress line. */
  terminal: boolean;
  /** --out-format. */
  format?: LineFormat | null;
  /** --progress where there is no terminal: a line for each file, as rsync writes it. */
  fileProgress?: FileProgress | null;
  /** --list-only: makes the line of an entry. */
  listLine?: ((facts: EntryFacts) => string) | null;
}

export class Report implements Monitor {
  readonly #request: JobRequest;
  readonly #settings: OutputSettings;
  readonly #output: Output;
  readonly #parts: ReportParts;
  readonly #progress: Progress;
  readonly #line: ProgressLine | null;
  readonly #show: (bytes: Uint8Array) => string;
  readonly #format: LineFormat | null;
  /** Whether entries are named, with -i's letters, and how much of --info=name counts. */
  readonly #names: boolean;
  readonly #hasLetters: boolean;
  readonly #nameLevel: number;
  readonly #deletions: boolean;
  #began = false;
  #listStartMs = 0;
  #listMs = 0;

  constructor(request: JobRequest, settings: OutputSettings, output: Output, parts: ReportParts) {
    this.#request = request;
    this.#settings = settings;
    this.#output = output;
    this.#parts = parts;
    this.#progress = new Progress(request.remote?.host ?? null, parts.nowMs());
    this.#show = settings.eightBit ? displayEightBit : display;
    this.#format = parts.format ?? null;
    const { quiet, itemize } = settings;
    // On a terminal --progress is the progress line and no list of names.
    this.#nameLevel = parts.terminal && settings.verbose === 0 && !settings.info?.has("name")
      ? 0
      : infoLevel(settings, "name");
    this.#hasLetters = this.#format?.uses("i") ?? itemize > 0;
    this.#names = !quiet && (this.#format !== null || itemize > 0 || this.#nameLevel > 0);
    this.#deletions = this.#names || (!quiet && infoLevel(settings, "del") > 0);
    const asked = settings.progress ?? (infoLevel(settings, "progress") > 0 ? true : null);
    const shown = parts.terminal && !quiet && (asked ?? !(this.#names || request.options.listOnly));
    this.#line = shown ? new ProgressLine(this.#progress, output, parts) : null;
  }

  phase(phase: Phase): void {
    this.#progress.phase = phase;
    if (this.#began || phase === "connecting" || phase === "deploying") return;
    this.#began = true;
    this.#listStartMs = this.#parts.nowMs();
    const { quiet, verbose } = this.#settings;
    if (quiet || infoLevel(this.#settings, "flist") === 0) return;
    const { direction, options } = this.#request;
    const { recursive, dirs, listOnly, pruneEmptyFolders } = options;
    const isPull = direction === "pull";
    // All at once where -m or -d says so.
    if (dirs || (recursive && pruneEmptyFolders) || (!recursive && listOnly && verbose > 0)) {
      this.#say(`${isPull ? "receiving" : "building"} file list ... done\n`);
    } else if (recursive) this.#say(`${isPull ? "receiving" : "sending"} incremental file list\n`);
  }

  entry(facts: EntryFacts, change: number): void {
    const { listLine, fileProgress } = this.#parts;
    if (listLine) return this.#settings.quiet ? undefined : this.#say(`${listLine(facts)}\n`);
    if (this.#names) this.#name(facts, change);
    if (fileProgress && (change & Change.content) !== 0 && !this.#request.options.dryRun) {
      this.#say(fileProgress.line(facts, this.#progress));
    }
  }

  #name(facts: EntryFacts, change: number): void {
    if ((change & Change.unsafe) !== 0) {
      if (this.#settings.verbose === 0) return;
      return this.#say(`ignoring unsafe symlink "${this.#show(facts.path)}" -> "${this.#show(facts.linkTarget)}"\n`);
    }
    const isRoot = facts.path.length === 0;
    if (isRoot && change & Change.create) {
      if (this.#hasLetters || this.#nameLevel > 0) {
        this.#say(`created directory ${this.#show(withoutLastSlash(this.#request.target))}\n`);
      }
      // It is no entry of the list: a source gave itself, not its content.
      if (!(change & Change.local)) return;
    }
    if (!this.#hasLetters) return this.#sayName(facts, change);
    if (isUnchanged(change) && this.#settings.itemize < 2 && this.#nameLevel < 2) return;
    if (this.#format !== null) return this.#say(`${this.#format.line({ facts, change, isDeletion: false })}\n`);
    this.#say(`${itemize(facts.kind, change, this.#request.direction === "push")} ${this.#shown(facts)}\n`);
  }

  /** "name", "folder/", "link -> target" or "name => other name". */
  #shown(facts: EntryFacts): string {
    if (facts.linkedWith != null) return `${this.#nameOf(facts)} => ${this.#show(facts.linkedWith)}`;
    return this.#nameOf(facts) + (facts.kind === LINK ? ` -> ${this.#show(facts.linkTarget)}` : "");
  }

  #nameOf({ path, kind }: EntryFacts): string {
    return path.length === 0 ? "./" : this.#show(path) + (kind === FOLDER ? "/" : "");
  }

  deleted(path: Uint8Array, kind: number): void {
    this.#progress.phase = "deleting";
    this.#progress.deleted++;
    if (!this.#deletions) return;
    if (this.#format !== null && (this.#hasLetters || this.#format.uses("o"))) {
      this.#say(`${this.#format.line({ facts: deletedFacts(path, kind), change: 0, isDeletion: true })}\n`);
      return;
    }
    const word = this.#hasLetters ? DELETING : "deleting";
    this.#say(`${word} ${this.#show(path)}${kind === FOLDER ? "/" : ""}\n`);
  }

  problem(problem: Problem): void {
    if (!isNotice(problem)) {
      this.#line?.clear();
      this.#output.err(problemLine(problem, this.#request, this.#show));
      return;
    }
    const warning = warningLine(problem, this.#request, this.#show);
    if (warning !== null) {
      this.#line?.clear();
      this.#output.err(warning);
    }
    if (problem.cause === Cause.madeFolders && this.#names) this.#say(madeFoldersLine(problem, this.#show));
    const line = this.#settings.quiet
      ? null
      : isLeftOut(problem.cause)
      ? this.#leftOut(problem)
      : this.#notice(problem);
    if (line !== null) this.#say(line);
  }

  #notice(problem: Problem): string | null {
    if (problem.cause === Cause.done) {
      return doneLine(problem, this.#request, this.#show, (name) => infoLevel(this.#settings, name));
    }
    const mount = infoLevel(this.#settings, "mount") > 0 ? mountLine(problem, this.#show) : null;
    return mount ?? noticeLine(problem, this.#show, infoLevel(this.#settings, "nonreg"));
  }

  #leftOut(problem: Problem): string | null {
    return infoLevel(this.#settings, "skip") > 0 ? leftOutLine(problem, this.#show) : null;
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
    const rest = this.#parts.fileProgress?.end() ?? "";
    if (rest !== "") this.#output.out(rest);
  }

  /** What is printed after a run that came to its end. */
  finish(outcome: JobOutcome): void {
    const { quiet, human } = this.#settings;
    const level = infoLevel(this.#settings, "stats");
    if (quiet || level === 0) return;
    if (level > 1) this.#output.out(statsBlock(outcome, { listMs: this.#listMs }, human));
    this.#output.out(summaryLines(outcome, this.#request.options, human));
  }

  /** Without -i's letters: what is made or transferred, folders also for their metadata; -vv names everything. */
  #sayName(facts: EntryFacts, change: number): void {
    const made = (change & (Change.create | Change.content | Change.local)) !== 0;
    const isFolder = facts.kind === FOLDER;
    // A copy or a link of what an alternative destination has is no news.
    const isQuiet = isSilent(facts.kind, change) || change === Change.local || change === Change.hardLink;
    if (isQuiet) {
      if (this.#nameLevel > 1 && (change !== 0 || !isFolder)) this.#say(`${this.#nameOf(facts)} is uptodate\n`);
    } else if (made || isFolder) {
      if (this.#format !== null) this.#say(`${this.#format.line({ facts, change, isDeletion: false })}\n`);
      else this.#say(`${made ? this.#shown(facts) : this.#nameOf(facts)}\n`);
    } else if (this.#nameLevel > 1) this.#say(`${this.#nameOf(facts)}\n`);
  }

  #say(text: string): void {
    this.#line?.clear();
    this.#output.out(text);
  }
}

/** What a deletion tells of an entry that is gone. */
export function deletedFacts(path: Uint8Array, kind: number): EntryFacts {
  const nothing = { index: -1, mode: 0, uid: 0, gid: 0, mtimeSec: 0, size: 0, origin: 0 };
  return { ...nothing, path, kind, linkTarget: EMPTY };
}

/** Whether an entry is as it was; that it is one of several names of a file is no change. */
function isUnchanged(change: number): boolean {
  return (change & ~Change.linked) === 0;
}

/** The same for -v, which in rsync does not tell of extended attributes alone. */
function isSilent(kind: number, change: number): boolean {
  return isUnchanged(kind === FOLDER ? change : change & ~Change.xattr);
}

/** "dir/" -> "dir", "dir//" -> "dir/", as rsync shows it. */
function withoutLastSlash(path: Uint8Array): Uint8Array {
  return path.length > 1 && path[path.length - 1] === SLASH ? path.subarray(0, -1) : path;
}

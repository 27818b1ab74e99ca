// --log-file: what happens, line by line with date and process, in rsync's form. Loaded only by a run that has one.

import { display } from "../base/bytes.ts";
import { Change, type EntryFacts, type Phase } from "../base/monitor.ts";
import { isNotice, type Problem } from "../base/problem.ts";
import type { JobOutcome } from "../job/outcome.ts";
import type { JobRequest } from "../job/request.ts";
import type { Ending } from "./exit.ts";
import type { ExtraReport } from "./extra_report.ts";
import { infoLevel } from "./info.ts";
import { LineFormat } from "./line_format.ts";
import { isoDay, listLine } from "./list_line.ts";
import type { Output } from "./output.ts";
import { noticeLine, problemLine } from "./problem_text.ts";
import { deletedFacts } from "./report.ts";
import type { OutputSettings } from "./settings.ts";
import { statsBlock, summaryLines } from "./summary.ts";

const FOLDER = 4;
const DEFAULT_FORMAT = new TextEncoder().encode("%i %n%L");

export interface LogParts {
  nowSeconds(): number;
  processId: number;
}

export class LogReport implements ExtraReport {
  readonly #request: JobRequest;
  readonly #settings: OutputSettings;
  readonly #output: Output;
  readonly #parts: LogParts;
  readonly #format: LineFormat;
  readonly #isSilent: boolean;
  /** Whether -i (or a format with %i) asks for every change, and how much of --info=name counts. */
  readonly #hasLetters: boolean;
  readonly #nameLevel: number;
  #began = false;

  constructor(request: JobRequest, settings: OutputSettings, output: Output, parts: LogParts) {
    this.#request = request;
    this.#settings = settings;
    this.#output = output;
    this.#parts = parts;
    const context = { request, show: display, ...parts, nowSeconds: () => parts.nowSeconds() };
    this.#format = new LineFormat(settings.logFormat ?? DEFAULT_FORMAT, context);
    this.#isSilent = settings.logFormat?.length === 0;
    const shown = settings.format === null ? null : new LineFormat(settings.format, context);
    this.#hasLetters = !settings.quiet && (shown?.uses("i") ?? settings.itemize > 0);
    this.#nameLevel = settings.quiet ? 0 : infoLevel(settings, "name");
  }

  phase(phase: Phase): void {
    if (this.#began || phase === "connecting" || phase === "deploying") return;
    this.#began = true;
    this.#say(this.#request.direction === "pull" ? "receiving file list" : "building file list");
  }

  entry(facts: EntryFacts, change: number): void {
    const { options } = this.#request;
    if (options.listOnly) {
      return this.#say(listLine(facts, this.#settings.human, options.links, display, options.atimes));
    }
    const isFolder = facts.kind === FOLDER;
    const name = facts.path.length === 0 ? "./" : display(facts.path) + (isFolder ? "/" : "");
    const made = (change & (Change.create | Change.content | Change.local)) !== 0;
    // As in rsync: a file's line is written when it has come, and in a dry run none comes.
    if (options.dryRun && (change & Change.content) !== 0) return;
    const isAsked = this.#hasLetters && (change !== 0 || this.#settings.itemize > 1 || this.#nameLevel > 1);
    if (made || (change !== 0 && isFolder) || isAsked) {
      if (!this.#isSilent) this.#say(this.#format.line({ facts, change, isDeletion: false }));
    } else if (change !== 0 && this.#nameLevel > 1) this.#say(name);
    else if (this.#nameLevel > 1 && !isFolder) this.#say(`${name} is uptodate`);
  }

  deleted(path: Uint8Array, kind: number): void {
    if (this.#isSilent || this.#request.options.dryRun) return;
    if (this.#format.uses("i") || this.#format.uses("o")) {
      this.#say(this.#format.line({ facts: deletedFacts(path, kind), change: 0, isDeletion: true }));
    } else this.#say(`deleting ${display(path)}${kind === FOLDER ? "/" : ""}`);
  }

  problem(problem: Problem): void {
    const line = isNotice(problem)
      ? noticeLine(problem, display, infoLevel(this.#settings, "nonreg"))
      : problemLine(problem, this.#request);
    if (line !== null) this.#say(line);
  }

  listed(): void {}

  transferred(): void {}

  ended({ words }: Ending, outcome: JobOutcome | null): void {
    if (outcome !== null) this.#say(this.#numbers(outcome));
    this.#say(words);
  }

  #numbers(outcome: JobOutcome): string {
    const level = infoLevel(this.#settings, "stats");
    const { human } = this.#settings;
    if (level === 0) {
      const { wireSentBytes, wireReceivedBytes, totals } = outcome;
      return `sent ${wireSentBytes} bytes  received ${wireReceivedBytes} bytes  total size ${totals.totalBytes}`;
    }
    const stats = level > 1 ? statsBlock(outcome, { listMs: 0 }, human) : "";
    return stats + summaryLines(outcome, this.#request.options, human);
  }

  /** Each line of `text` that holds something, with what stands in front of all. */
  #say(text: string): void {
    const head = `${isoDay(this.#parts.nowSeconds(), " ")} [${this.#parts.processId}] `;
    for (const line of text.split("\n")) if (line !== "") this.#output.out(`${head}${line}\n`);
  }
}

// --json: the run as one JSON object a line, for programs; json_schema.ts says what is in them. Loaded only by such a run.
// Promises: what the line parses to is exact, and on its way through a terminal or a log it is harmless (R14).

import { latin1 } from "../base/bytes.ts";
import { Change, type EntryFacts, type Phase } from "../base/monitor.ts";
import { isNotice, isVanished, type Problem, Side } from "../base/problem.ts";
import { classOf, type ProblemClass } from "../base/problem_class.ts";
import { VERSION } from "../base/version.ts";
import type { JobOutcome } from "../job/outcome.ts";
import type { JobRequest } from "../job/request.ts";
import { DELETING, itemize } from "../plan/itemize.ts";
import type { Ending } from "./exit.ts";
import type { ExtraReport } from "./extra_report.ts";
import type { JsonEvent } from "./json_schema.ts";
import type { Output } from "./output.ts";
import { noticeLine, problemLine, remedyOf, verbText } from "./problem_text.ts";

type WithoutVersion<T> = T extends unknown ? Omit<T, "v"> : never;
type Event = WithoutVersion<JsonEvent>;

/** PROGRESS is not written more often, ms. */
const PROGRESS_MS = 200;
const LINK = 10;
const KINDS = new Map([[8, "file"], [4, "folder"], [10, "link"], [2, "device"], [6, "device"]] as const);

export interface JsonParts {
  nowMs(): number;
  nowSeconds(): number;
}

export class JsonReport implements ExtraReport {
  readonly #request: JobRequest;
  readonly #output: Output;
  readonly #parts: JsonParts;
  readonly #startMs: number;
  #entries = 0;
  #listedBytes = 0;
  #listComplete = false;
  #files = 0;
  #bytes = 0;
  #progressMs = -Infinity;

  constructor(request: JobRequest, output: Output, parts: JsonParts) {
    this.#request = request;
    this.#output = output;
    this.#parts = parts;
    this.#startMs = parts.nowMs();
    const { direction, remote, sources, target, options } = request;
    this.#say({
      type: "start",
      program: "tsync",
      version: VERSION,
      time: parts.nowSeconds(),
      direction,
      host: remote?.host ?? null,
      sources: sources.map((source) => textOf(source)),
      target: options.listOnly ? null : textOf(target),
      dryRun: options.dryRun,
    });
  }

  phase(phase: Phase): void {
    if (phase === "deploying") this.#say({ type: "deploy", host: this.#request.remote?.host ?? "" });
    this.#say({ type: "phase", phase });
  }

  entry(facts: EntryFacts, change: number): void {
    const { options, direction } = this.#request;
    const { path, kind, size, mode, mtimeSec: mtime, linkTarget } = facts;
    const letters = itemize(kind, change, direction === "push");
    const action = options.listOnly
      ? "list"
      : change & Change.create
      ? "create"
      : change & (Change.content | Change.local)
      ? "transfer"
      : change === 0
      ? "unchanged"
      : "change";
    this.#say({
      type: "entry",
      action,
      ...named("path", path),
      kind: kindOf(kind),
      ...(options.listOnly ? {} : { itemize: letters }),
      ...{ size, mode, mtime },
      ...(kind === LINK ? named("linkTarget", linkTarget) : {}),
    });
  }

  deleted(path: Uint8Array, kind: number): void {
    const letters = DELETING.slice(0, 11).padEnd(11);
    this.#say({ type: "entry", action: "delete", ...named("path", path), kind: kindOf(kind), itemize: letters });
  }

  problem(problem: Problem): void {
    const { side, errno, verb, path } = problem;
    const message = isNotice(problem) ? noticeLine(problem) ?? "left out\n" : problemLine(problem, this.#request);
    this.#say({
      type: "problem",
      severity: isNotice(problem) ? "notice" : isVanished(problem) ? "vanished" : "failed",
      side: side === Side.source ? "source" : "target",
      ...named("path", path),
      verb: verbText(verb),
      ...(errno > 0 ? { errno } : {}),
      ...(isNotice(problem) ? {} : classAndRemedy(problem)),
      message: message.trimEnd(),
    });
  }

  listed(entries: number, bytes: number, complete: boolean): void {
    const isNews = complete && !this.#listComplete;
    this.#entries = entries;
    this.#listedBytes = bytes;
    this.#listComplete ||= complete;
    this.#progress(isNews);
  }

  transferred(files: number, bytes: number): void {
    this.#files = files;
    this.#bytes = bytes;
    this.#progress(false);
  }

  ended({ code, words, failedRun }: Ending, outcome: JobOutcome | null): void {
    const seconds = (this.#parts.nowMs() - this.#startMs) / 1000;
    if (outcome === null) {
      this.#say({ type: "summary", exitCode: code, error: words.split("\n")[0], seconds });
      return;
    }
    this.#progress(true);
    const {
      failed,
      vanished,
      failures,
      connections,
      wireSentBytes: sentBytes,
      wireReceivedBytes: receivedBytes,
      totals,
    } = outcome;
    const numbers = { ...totals };
    this.#say({
      type: "summary",
      exitCode: code,
      seconds,
      failed,
      vanished,
      ...(failures === undefined ? {} : { classes: { ...failures.counts } }),
      ...(failedRun ? { failedRun } : {}),
      sentBytes,
      receivedBytes,
      ...(connections === undefined ? {} : { connections }),
      totals: numbers,
    });
  }

  #progress(now: boolean): void {
    const ms = this.#parts.nowMs();
    if (!now && ms - this.#progressMs < PROGRESS_MS) return;
    this.#progressMs = ms;
    this.#say({
      type: "progress",
      entries: this.#entries,
      listedBytes: this.#listedBytes,
      listComplete: this.#listComplete,
      files: this.#files,
      bytes: this.#bytes,
    });
  }

  #say(event: Event): void {
    this.#output.out(`${harmless(JSON.stringify({ v: 1, ...event }))}\n`);
  }
}

function classAndRemedy(problem: Problem): { class: ProblemClass; remedy?: string } {
  const remedy = remedyOf(problem);
  return { class: classOf(problem), ...(remedy === null ? {} : { remedy }) };
}

function kindOf(kind: number): "file" | "folder" | "link" | "device" | "special" {
  return KINDS.get(kind as 8) ?? "special";
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}

/** The bytes as text under `name`, and in base64 where the text does not say them. */
function named<Name extends "path" | "linkTarget">(name: Name, bytes: Uint8Array): Record<Name, string> {
  try {
    return { [name]: strict.decode(bytes) } as Record<Name, string>;
  } catch {
    return { [name]: textOf(bytes), [`${name}Base64`]: btoa(latin1(bytes)) } as Record<Name, string>;
  }
}

/** JSON.stringify leaves DEL, C1 and what turns text around as they are: written as \uXXXX they mean the same to a parser. */
function harmless(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

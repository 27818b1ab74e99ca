// `tsync undo [RUN] [HOST:]PATH` and `tsync history [[HOST:]PATH]`: what is done with the trash of a target. Loaded only where the first operand
// is one of the two words. Makes a job of it that the target carries out, here or over a connection, and shows what that tells.

import { display, fromLatin1, latin1, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import type { Monitor } from "../base/monitor.ts";
import { Cause, isNotice, type Problem } from "../base/problem.ts";
import { startCarrier } from "../job/carrier.ts";
import type { JobRequest } from "../job/request.ts";
import { openOs } from "../os/choose.ts";
import { Kind, Stat } from "../os/os.ts";
import { type Ending, endingOf } from "./exit.ts";
import { withCommas } from "./numbers.ts";
import { usageError } from "./option_values.ts";
import type { Output } from "./output.ts";
import { problemLine } from "./problem_text.ts";
import type { Command } from "./request.ts";
import type { CliParts } from "./run.ts";
import { readPlace } from "./subcommand_place.ts";
import { demandMeant, type Meant } from "./subcommand_words.ts";

type TrashWords = Extract<Command, { kind: "trash" }>;

const MEANT: Meant = {
  settings: [],
  options: ["trash", "trashKeepSeconds", "trashKeepBytes", "fakeSuper"],
  output: ["verbose"],
};
const RUN = /^[0-9]{8}-[0-9]{6}-[0-9a-f]{8}$/;

export async function runTrashCommand(
  command: TrashWords,
  parts: CliParts,
  output: Output,
  stop: AbortController,
): Promise<Ending> {
  const isFile = openOs().statPath(utf8(command.verb), false, new Stat()) >= 0;
  const request = readTrashWords(command, isFile);
  const { onEndingSignal } = await import("./signals.ts");
  onEndingSignal((name) => stop.abort(new TsyncError({ kind: "interrupted", detail: `stopped by ${name}` })), 20);
  const tell = (line: string) => output.err(`${line}\n`);
  const carrier = request.remote === null ? null : await startCarrier(request.remote, tell);
  const monitor = new TrashReport(request, command.settings.output.verbose > 0, output);
  const { runJob } = await parts.job();
  const outcome = await runJob(request, monitor, { stop: stop.signal, pace: () => output.pace(), carrier, tell });
  const { options } = request;
  const { totals } = outcome;
  if (options.trashTask.startsWith("undo")) {
    const removed = totals.deletedFiles + totals.deletedFolders + totals.deletedLinks + totals.deletedDevices +
      totals.deletedSpecials;
    const word = options.dryRun ? "would be undone" : outcome.failed > 0 ? "was not undone whole" : "is undone";
    const counts = `${withCommas(totals.createdFiles + totals.createdFolders)} restored, ${
      withCommas(removed)
    } removed`;
    output.out(`run ${monitor.lastRun} ${word}: ${counts}${options.dryRun ? " (DRY RUN)" : ""}\n`);
  } else if (monitor.runs === 0) output.out(`no runs in the trash${options.dryRun ? " (DRY RUN)" : ""}\n`);
  return endingOf(outcome);
}

/** Throws TsyncError "usage" wherever the words could name files. */
export function readTrashWords({ verb, words, rsh, settings }: TrashWords, isFile: boolean): JobRequest {
  const use = verb === "undo" ? "tsync undo [RUN] [HOST:]PATH" : "tsync history [[HOST:]PATH]";
  const advice = `write ./${verb} for a file of that name, or: ${use}`;
  if (isFile) throw usageError(`"${verb}" is a subcommand and a file here; ${advice}`);
  const [least, most] = verb === "undo" ? [1, 2] : [0, 1];
  if (words.length < least || words.length > most) {
    throw usageError(`these words make no sense behind "${verb}"; ${advice}`);
  }
  const run = words.length === 2 ? latin1(words[0]) : null;
  if (run !== null && !RUN.test(run)) {
    throw usageError(`"${display(words[0])}" is no run; tsync history shows their names; ${advice}`);
  }
  demandMeant(settings, verb, MEANT, advice);
  const word = words.at(-1) ?? fromLatin1(".");
  if (word.length === 0) throw usageError("the path is an empty word; write . for the current folder");
  const { options } = settings;
  const { trashKeepSeconds, trashKeepBytes } = options;
  if (settings.cleansTrash && (verb === "undo" || (trashKeepSeconds === null && trashKeepBytes === null))) {
    throw usageError("--clean needs history and --trash-keep, which says what is to stay");
  }
  options.trashTask = verb === "history"
    ? settings.cleansTrash ? "clean" : "history"
    : run === null
    ? verb
    : `undo ${run}`;
  const { remote, path: target } = readPlace(word, rsh, settings);
  return {
    ...{ options, peerOptions: null, sources: [], names: null, remote },
    direction: remote === null ? "local" : "push",
    target,
  };
}

/** What the target tells, as lines. */
class TrashReport implements Monitor {
  readonly #request: JobRequest;
  readonly #isVerbose: boolean;
  readonly #output: Output;
  runs = 0;
  /** Name of the run that was told last. */
  lastRun = "";

  constructor(request: JobRequest, isVerbose: boolean, output: Output) {
    this.#request = request;
    this.#isVerbose = isVerbose || request.options.dryRun;
    this.#output = output;
  }

  problem(problem: Problem): void {
    if (!isNotice(problem)) return this.#output.err(problemLine(problem, this.#request));
    if (problem.cause === Cause.trashRun) this.#run(latin1(problem.path));
    else if (problem.cause === Cause.trashRunGone) {
      this.#output.out(`${this.#request.options.dryRun ? "would remove" : "removed"} ${display(problem.path)}\n`);
    } else if (problem.cause === Cause.restored && this.#isVerbose) {
      this.#output.out(`restoring ${display(problem.path) || "."}\n`);
    }
  }

  #run(line: string): void {
    const facts = /^([0-9a-f-]{24}) (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15}) ([a-z ]{1,20})$/.exec(line);
    if (facts === null) return;
    const [, name, seconds, kept, made, bytes, state] = facts;
    this.runs++;
    this.lastRun = name;
    if (this.#request.options.trashTask.startsWith("undo")) return;
    const time = new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace("T", " ");
    const counts = `${withCommas(Number(kept))} kept, ${withCommas(Number(made))} new`;
    this.#output.out(
      `${name}  ${time} UTC  ${counts}, ${withCommas(Number(bytes))} bytes${state === "whole" ? "" : `  ${state}`}\n`,
    );
  }

  deleted(path: Uint8Array, kind: number): void {
    if (this.#isVerbose) this.#output.out(`removing ${display(path)}${kind === Kind.folder ? "/" : ""}\n`);
  }

  phase(): void {}
  entry(): void {}
  listed(): void {}
  transferred(): void {}
}

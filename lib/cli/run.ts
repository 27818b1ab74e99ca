// The command line from its words to the exit code. main.ts calls runCli and ends the process with what it returns. The
// words are read first and with little code; what a run does not need is never loaded, and the job is loaded when the remote shell
// is on its way.

import { display, displayEightBit, latin1 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { programName, setProgramName } from "../base/program.ts";
import { startCarrier } from "../job/carrier.ts";
import type { JobOutcome, RunJob } from "../job/outcome.ts";
import type { JobRequest } from "../job/request.ts";
import { after, every, monotonicMs, wallSeconds } from "../os/clock.ts";
import { env, processId, standardSink } from "../os/process.ts";
import { columns, isTerminal } from "../os/terminal.ts";
import { type Ending, endingOf, endingOfBug, endingOfError } from "./exit.ts";
import { infoLevel } from "./info.ts";
import { Output } from "./output.ts";
import type { Report, ReportParts } from "./report.ts";
import { type Command, readCommand, readModes, readNames, readRules } from "./request.ts";
import { type OutputSettings, RECONNECT_SECONDS } from "./settings.ts";

export interface CliParts {
  /** Loads the job runner. */
  job(): Promise<{ runJob: RunJob }>;
}

/** How long a job that was told to stop may clean up, and how long its last words may wait for a reader, ms. */
const STOP_MS = 1500;
const LAST_WORDS_MS = 200;
/** How long a signal may come after the broken link that it caused at a child, ms. */
const SIGNAL_LAG_MS = 30;

/** The first word that puts the program in rsync's place, as being called rsync does. */
const AS_RSYNC = "--as-rsync";

/**
 * Does what `words` (without the program's name) say, prints what there is to say, and returns the exit code. `called` is the name
 * the program was called by.
 */
export async function runCli(given: readonly Uint8Array[], called: string, parts: CliParts): Promise<number> {
  const isTold = given.length > 0 && latin1(given[0]) === AS_RSYNC;
  const asRsync = isTold || called === "rsync";
  const words = isTold ? given.slice(1) : given;
  if (asRsync) setProgramName("rsync");
  const sinks = { 1: standardSink(1), 2: standardSink(2) };
  const output = new Output({ write: (fd, bytes) => sinks[fd].write(bytes), after });
  const stop = new AbortController();
  output.onFailure = (error) => stop.abort(error);
  let ending: Ending;
  try {
    ending = await carryOut(readCommand(words, env, asRsync), parts, output, stop);
  } catch (error) {
    ending = error instanceof TsyncError ? endingOfError(error, true) : endingOfBug(error);
  }
  output.err(ending.words);
  await settled(output.flush(), stop.signal, LAST_WORDS_MS);
  if (output.failure === null || ending.code !== 0) return ending.code;
  ending = endingOfError(output.failure);
  output.err(ending.words);
  await settled(output.flush(), stop.signal, LAST_WORDS_MS);
  return ending.code;
}

async function carryOut(command: Command, parts: CliParts, output: Output, stop: AbortController): Promise<Ending> {
  if (command.kind === "sync") return await synchronise(command, parts, output, stop);
  if (command.kind === "agent") {
    const { runAgentCommand } = await import("./agent_command.ts");
    return await runAgentCommand(command, output);
  }
  if (command.kind === "transfers") {
    const { runTransfersCommand } = await import("./transfers_command.ts");
    return await runTransfersCommand(command, parts, output, stop);
  }
  if (command.kind === "trash") {
    const { runTrashCommand } = await import("./trash_command.ts");
    return await runTrashCommand(command, parts, output, stop);
  }
  const { helpText, versionJson, versionText } = await import("./help.ts");
  if (command.kind === "version") output.out(command.asJson ? versionJson() : versionText());
  else if (command.manual !== null) output.out((await import("./manual.ts")).manualText(command.manual));
  else output.out(command.flags === null ? helpText() : (await import("./info.ts")).flagsHelp(command.flags));
  return { code: 0, words: "" };
}

async function synchronise(
  { request, output: settings, rules, chmod, stop: stopTime, namesFile, retryFailed }: Extract<
    Command,
    { kind: "sync" }
  >,
  parts: CliParts,
  output: Output,
  stop: AbortController,
): Promise<Ending> {
  await readRules(rules, request.options);
  if (retryFailed === null) await readNames(namesFile, request);
  await readModes(chmod, request);
  settleReconnect(request, settings);
  const { Report } = await import("./report.ts");
  const terminal = isTerminal(1) && env("TERM") !== "dumb";
  output.buffering = settings.buffering;
  // What programs read has standard output for itself.
  output.allToStderr = settings.allToStderr || settings.json?.length === 0;
  const basics = { nowMs: monotonicMs, columns, every, terminal };
  const report = new Report(request, settings, output, { ...basics, ...await lineMakers(request, settings, terminal) });
  const asked: JobRequest = { ...request, options: { ...request.options } };
  const retry = retryFailed === null ? null : await limitToFailed(request, retryFailed, report);
  const extras = settings.logFile === null && settings.json === null
    ? null
    : await beginExtras(request, settings, report, stop);
  // Before anything runs that would be left behind: whoever sees the remote shell may stop us.
  const { onEndingSignal } = await import("./signals.ts");
  const interrupted = (name: string) => new TsyncError({ kind: "interrupted", detail: `stopped by ${name}` });
  onEndingSignal((name) => stop.abort(interrupted(name)), 20);
  // Everything else that is loaded before the remote shell runs delays its handshake, which the rest of the run waits for.
  const mayReturn = (request.reconnectSeconds ?? 0) > 0;
  const starting = request.remote === null
    ? null
    : startCarrier(request.remote, (line) => report.tell(line), mayReturn);
  starting?.catch(() => {});
  if (stopTime !== null) (await import("./stop_timer.ts")).stopAt(stopTime, stop);
  try {
    const carrier = await starting;
    const { runJob } = await parts.job();
    const job = runJob(request, extras?.monitor ?? report, {
      stop: stop.signal,
      pace: () => output.pace() ?? extras?.reports.pace(),
      carrier,
      tell: (line) => report.tell(line),
    });
    const outcome = await stoppable(job, stop.signal);
    report.stop();
    report.finish(outcome);
    const failedRun = await noteFailures(asked, outcome, report);
    retry?.();
    const ending = endingOf(outcome, failedRun);
    await extras?.reports.end(ending, outcome);
    stop.signal.throwIfAborted();
    return ending;
  } catch (error) {
    await extras?.reports.end(error instanceof TsyncError ? endingOfError(error) : endingOfBug(error), null);
    throw error;
  } finally {
    report.stop();
  }
}

/** How long a lost connection may be away; what it brought can be summed up only if each entry is told. */
function settleReconnect(request: JobRequest, settings: OutputSettings): void {
  if (request.remote === null) return;
  request.reconnectSeconds ??= isTerminal(2) ? RECONNECT_SECONDS : 0;
  if (request.reconnectSeconds === 0 || infoLevel(settings, "stats") < 2) return;
  for (const options of [request.options, request.peerOptions]) if (options !== null) options.reportEntries = true;
}

/** --retry-failed: makes `request` one for what failed; what it returns takes the note of it away. */
async function limitToFailed(request: JobRequest, run: Uint8Array, report: Report): Promise<() => void> {
  const { limitToFailed } = await import("../job/failed_paths.ts");
  return limitToFailed(request, run.length === 0 ? null : latin1(run), (sentence) => report.tell(sentence));
}

/** Notes what failed, for --retry-failed; the run's name, or null where nothing is noted. */
async function noteFailures(request: JobRequest, outcome: JobOutcome, report: Report): Promise<string | null> {
  const { failures, isSingle, failed, vanished } = outcome;
  const { dryRun, listOnly } = request.options;
  if (failed + vanished === 0 || failures === undefined || isSingle || dryRun || listOnly) return null;
  if (programName() === "rsync") return null;
  const { noteFailures } = await import("../job/failed_paths.ts");
  return noteFailures(request, failures, (sentence) => report.tell(sentence));
}

/** --log-file and --json: what hears of the run beside the report for people. */
async function beginExtras(request: JobRequest, settings: OutputSettings, report: Report, stop: AbortController) {
  const { both, ExtraReports } = await import("./extra_report.ts");
  const reports = new ExtraReports((error) => stop.abort(error));
  await reports.begin(request, settings, (line) => report.tell(line));
  return { reports, monitor: both(report, reports) };
}

/** Loads what makes the lines that few runs ask for. */
async function lineMakers(
  request: JobRequest,
  settings: OutputSettings,
  terminal: boolean,
): Promise<Pick<ReportParts, "format" | "fileProgress" | "listLine">> {
  const { format, quiet, human, progress, eightBit } = settings;
  const show = eightBit ? displayEightBit : display;
  const makers: Pick<ReportParts, "format" | "fileProgress" | "listLine"> = {};
  if (format !== null) {
    const { LineFormat } = await import("./line_format.ts");
    makers.format = new LineFormat(format, { request, show, nowSeconds: wallSeconds, processId: processId() });
  }
  const progressLevel = infoLevel(settings, "progress");
  if (progressLevel > 0 && progress !== false && !quiet && !terminal) {
    const { FileProgress } = await import("./file_progress.ts");
    makers.fileProgress = new FileProgress(progressLevel > 1, human, monotonicMs);
  }
  if (request.options.listOnly) {
    const { listLine } = await import("./list_line.ts");
    makers.listLine = (facts) => listLine(facts, human, request.options.links, show, request.options.atimes);
  }
  return makers;
}

/** The job's outcome; rejects with the reason for stopping once there is one and the job has ended or had its time. */
async function stoppable(job: Promise<JobOutcome>, stop: AbortSignal): Promise<JobOutcome> {
  try {
    await settled(job, stop, STOP_MS);
    stop.throwIfAborted();
    return await job;
  } catch (error) {
    // Ctrl-C goes to ssh too: its end may be seen before our own signal is.
    if (!stop.aborted) await new Promise<void>((resolve) => after(SIGNAL_LAG_MS, resolve));
    stop.throwIfAborted();
    throw error;
  }
}

/** Settles as `promise` does; once `stop` is aborted, after `ms` at the latest. */
async function settled(promise: Promise<unknown>, stop: AbortSignal, ms: number): Promise<void> {
  let cancel = () => {};
  let giveUp = () => {};
  const limit = new Promise<void>((resolve) => {
    giveUp = () => cancel = after(ms, resolve);
    if (stop.aborted) giveUp();
    else stop.addEventListener("abort", giveUp);
  });
  try {
    await Promise.race([promise, limit]);
  } finally {
    stop.removeEventListener("abort", giveUp);
    cancel();
  }
}

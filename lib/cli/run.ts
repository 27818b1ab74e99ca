// The command line from its words to the exit code. main.ts calls runCli and ends the process with what it returns. The
// words are read first and with little code; what a run does not need is never loaded, and the job is loaded when the remote shell
// is on its way.

import { TsyncError } from "../base/errors.ts";
import { startCarrier } from "../job/carrier.ts";
import type { JobOutcome, RunJob } from "../job/outcome.ts";
import { after, every, monotonicMs } from "../os/clock.ts";
import { env, standardSink } from "../os/process.ts";
import { columns, isTerminal } from "../os/terminal.ts";
import { type Ending, endingOf, endingOfBug, endingOfError } from "./exit.ts";
import { Output } from "./output.ts";
import { type Command, readCommand, readModes, readRules } from "./request.ts";

export interface CliParts {
  /** Loads the job runner. */
  job(): Promise<{ runJob: RunJob }>;
}

/** How long a job that was told to stop may clean up, and how long its last words may wait for a reader, ms. */
const STOP_MS = 1500;
const LAST_WORDS_MS = 200;
/** How long a signal may come after the broken link that it caused at a child, ms. */
const SIGNAL_LAG_MS = 30;

/** Does what `words` (without the program's name) say, prints what there is to say, and returns the exit code. */
export async function runCli(words: readonly Uint8Array[], parts: CliParts): Promise<number> {
  const sinks = { 1: standardSink(1), 2: standardSink(2) };
  const output = new Output({ write: (fd, bytes) => sinks[fd].write(bytes), after });
  const stop = new AbortController();
  output.onFailure = (error) => stop.abort(error);
  let ending: Ending;
  try {
    ending = await carryOut(readCommand(words, env), parts, output, stop);
  } catch (error) {
    ending = error instanceof TsyncError ? endingOfError(error) : endingOfBug(error);
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
  const { helpText, versionText } = await import("./help.ts");
  output.out(command.kind === "help" ? helpText() : versionText());
  return { code: 0, words: "" };
}

async function synchronise(
  { request, output: settings, rules, chmod }: Extract<Command, { kind: "sync" }>,
  parts: CliParts,
  output: Output,
  stop: AbortController,
): Promise<Ending> {
  await readRules(rules, request.options);
  await readModes(chmod, request);
  const { Report } = await import("./report.ts");
  const terminal = isTerminal(1) && env("TERM") !== "dumb";
  const report = new Report(request, settings, output, { nowMs: monotonicMs, columns, every, terminal });
  // Everything that is loaded before the remote shell runs delays its handshake, which the rest of the run waits for.
  const starting = request.remote === null ? null : startCarrier(request.remote, (line) => report.tell(line));
  starting?.catch(() => {});
  const { onEndingSignal } = await import("./signals.ts");
  const interrupted = (name: string) => new TsyncError({ kind: "interrupted", detail: `stopped by ${name}` });
  onEndingSignal((name) => stop.abort(interrupted(name)), 20);
  try {
    const carrier = await starting;
    const { runJob } = await parts.job();
    const job = runJob(request, report, {
      stop: stop.signal,
      pace: () => output.pace(),
      carrier,
      tell: (line) => report.tell(line),
    });
    const outcome = await stoppable(job, stop.signal);
    report.stop();
    report.finish(outcome);
    return endingOf(outcome);
  } finally {
    report.stop();
  }
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

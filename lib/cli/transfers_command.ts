// `tsync transfers [--clean] [--partial-dir=DIR] [HOST:]PATH`: what interrupted runs left below a folder. Loaded only where the first operand is that word. Makes
// a job of it that lists partials and nothing else, here or at an agent; with --clean the other end removes what is still what it listed, with -n
// nothing.

import { display, EMPTY, fromLatin1, latin1, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import type { EntryFacts, Monitor } from "../base/monitor.ts";
import { isNotice, type Problem } from "../base/problem.ts";
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
import { DELAYED_FOLDER } from "./staging.ts";
import { demandMeant, type Meant } from "./subcommand_words.ts";

type TransfersWords = Extract<Command, { kind: "transfers" }>;

const MEANT: Meant = { settings: [], options: ["partialDir", "delayUpdates"], output: ["verbose"] };

export async function runTransfersCommand(
  command: TransfersWords,
  parts: CliParts,
  output: Output,
  stop: AbortController,
): Promise<Ending> {
  const request = readTransfersWords(command, openOs().statPath(utf8("transfers"), false, new Stat()) >= 0);
  const { onEndingSignal } = await import("./signals.ts");
  onEndingSignal((name) => stop.abort(new TsyncError({ kind: "interrupted", detail: `stopped by ${name}` })), 20);
  const tell = (line: string) => output.err(`${line}\n`);
  const carrier = request.remote === null ? null : await startCarrier(request.remote, tell);
  const { cleansTrash, options: { dryRun } } = command.settings;
  const monitor = new TransfersReport(request, cleansTrash ? dryRun ? "would remove " : "removing " : "", output);
  const { runJob } = await parts.job();
  const outcome = await runJob(request, monitor, { stop: stop.signal, pace: () => output.pace(), carrier, tell });
  if (monitor.count === 0 && outcome.failed === 0) {
    output.out(`nothing is left of interrupted transfers ${places(request)}\n`);
  }
  return endingOf(outcome);
}

/** Where they were looked for. */
function places({ options: { partialDir } }: JobRequest): string {
  if (partialDir !== "") return `in folders named .tsync-partial or ${display(fromLatin1(partialDir))}`;
  return "in folders named .tsync-partial; --partial-dir=DIR and --delay-updates look in theirs, too";
}

/** The folder beside the files that --partial-dir names, or where --delay-updates has files wait; empty: none. Throws TsyncError "usage". */
function namedFolder({ options: { partialDir, delayUpdates } }: TransfersWords["settings"]): string {
  const name = partialDir.replace(/\/+$/, "");
  if (name.includes("/")) {
    throw usageError(
      `--partial-dir: "${
        display(fromLatin1(name))
      }" is a path; transfers looks for the name of a folder: list that one by ls`,
    );
  }
  return name !== "" && name !== "." ? name : delayUpdates ? DELAYED_FOLDER : "";
}

/** Throws TsyncError "usage" wherever the words could name files. */
export function readTransfersWords({ words, rsh, settings }: TransfersWords, isFile: boolean): JobRequest {
  const advice =
    "write ./transfers for a file of that name, or: tsync transfers [--clean] [--partial-dir=DIR] [HOST:]PATH";
  if (isFile) throw usageError(`"transfers" is a subcommand and a file here; ${advice}`);
  if (words.length !== 1 || words[0].length === 0) {
    throw usageError(`these words make no sense behind the subcommand "transfers"; ${advice}`);
  }
  demandMeant(settings, "transfers", MEANT, advice);
  const { remote, path: bytes } = readPlace(words[0], rsh, settings);
  const path = latin1(bytes);
  const options = {
    ...settings.options,
    ...{ listOnly: true, partialsOnly: true, recursive: true, reportEntries: true, noGuard: true },
    ...{ partialDir: namedFolder(settings), delayUpdates: false },
    removeSourceFiles: settings.cleansTrash && !settings.options.dryRun,
  };
  return {
    ...{ options, peerOptions: null, names: null, remote, target: EMPTY },
    direction: remote === null ? "local" : "pull",
    // The folder's content, whatever it is called.
    sources: [fromLatin1(path.endsWith("/") ? path : `${path}/`)],
  };
}

class TransfersReport implements Monitor {
  readonly #request: JobRequest;
  readonly #verb: string;
  readonly #output: Output;
  count = 0;

  /** `verb` stands before each line. */
  constructor(request: JobRequest, verb: string, output: Output) {
    this.#request = request;
    this.#verb = verb;
    this.#output = output;
  }

  entry({ path, kind, size, mtimeSec }: EntryFacts): void {
    if (kind !== Kind.file) return;
    this.count++;
    const file = fromLatin1(latin1(path).replace(/\.tsync-partial\/(?=[^/]*$)/, ""));
    const date = new Date(mtimeSec * 1000).toISOString().slice(0, 16).replace("T", " ");
    this.#output.out(`${this.#verb}${withCommas(size)} bytes  ${date}Z  ${display(file)}\n`);
  }

  problem(problem: Problem): void {
    if (!isNotice(problem)) this.#output.err(problemLine(problem, this.#request));
  }

  phase(): void {}
  deleted(): void {}
  listed(): void {}
  transferred(): void {}
}

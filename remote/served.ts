// A session confined to one folder: what it is given in place of the agent's own environment, and what of a job it refuses before
// anything is begun. Loaded by agent.ts only for `serve --root`. Promises: the limits are those of the agent's own command line;
// what slips past the judgement of the job is refused entry by entry by ServedOs.

import { errnoText, ServedErrno } from "../lib/base/errno.ts";
import { TsyncError } from "../lib/base/errors.ts";
import { display, utf8 } from "../lib/base/bytes.ts";
import { NAMES_BYTES } from "../lib/base/limits.ts";
import type { SyncOptions } from "../lib/base/options.ts";
import { Cause, type Problem } from "../lib/base/problem.ts";
import type { Environment } from "../lib/engine/environment.ts";
import { openOs } from "../lib/os/choose.ts";
import { Errno, InsideMode, type Os, Stat } from "../lib/os/os.ts";
import type { Events } from "../lib/session/events.ts";
import { namesOf } from "../lib/tree/name_file.ts";
import { ServedOs } from "../lib/tree/served_os.ts";
import type { Powers } from "../lib/tree/served_powers.ts";
import type { Job } from "../lib/wire/job_codec.ts";
import { Capability } from "../lib/wire/messages.ts";
import type { Served } from "./serve_words.ts";

/** Where paths that are not absolute begin, and what "~" means. */
const TOP = "/";

export class ServedRoot {
  readonly #os: ServedOs;
  readonly #powers: Powers;

  /** Opens the folder. Throws TsyncError "start" if it cannot be served. `os`: by default this process's, whatever its environment says. */
  constructor({ root, powers }: Served, os: Os = openOs(false)) {
    if (!os.abilities.insideLinks) cannot("the system of this machine cannot confine a session to a folder");
    const handle = os.openRoot(utf8(root));
    if (handle < 0) cannot(`the served root cannot be opened: ${errnoText(-handle)}`);
    const tried = os.openInside(handle, new Uint8Array(0), InsideMode.folder);
    if (tried === -Errno.ENOSYS || tried === -Errno.EPERM) {
      cannot("its kernel cannot confine a session (Linux 5.6 can)");
    }
    if (tried < 0) cannot(`the served root cannot be opened: ${errnoText(-tried)}`);
    os.close(tried);
    this.#os = new ServedOs(os, handle, powers);
    this.#powers = powers;
  }

  /** What HELLO does not offer: further connections; a signature and a digest of a tree tell of content. */
  get withheld(): number {
    return Capability.severalChannels | (this.#powers.reads ? 0 : Capability.delta | Capability.subtreeDigests);
  }

  /** The environment of a half. */
  environment(env: Environment): Environment {
    return Object.create(env, {
      os: { value: this.#os },
      keepsNoState: { value: true },
      takesOnlyNew: { value: this.#powers.keeps === "all" },
      workingFolder: { value: () => TOP },
      homeFolder: { value: () => utf8(TOP) },
    });
  }

  /** The events of a half, with what the root refused told as such. */
  events(events: Events): Events {
    return {
      entry: (index, change, linkedWith) => events.entry(index, change, linkedWith),
      deleted: (path, kind) => events.deleted(path, kind),
      problem: (problem) => events.problem(servedProblem(problem)),
      transferred: (files, bytes) => events.transferred(files, bytes),
      finished: (index, transfer) => events.finished?.(index, transfer),
      skipped: (index, cause) => events.skipped?.(index, cause),
      totals: (totals) => events.totals(totals),
      room: () => events.room?.(),
    };
  }

  /** A --files-from file, which lies below the root, too. */
  readNames(path: Uint8Array, isByNul: boolean): Uint8Array {
    return namesOf(this.#os.readWhole(path, NAMES_BYTES, new Stat()), display(path), isByNul);
  }

  /** The job as far as the root allows it. Throws TsyncError "unsupported" for what it does not. */
  confine({ agentIsSource, options, paths }: Job): Job {
    const { reads, writes, keeps } = this.#powers;
    if (agentIsSource && !reads) refuse("is write-only: nothing can be read from it");
    if (!agentIsSource && !writes) {
      const task = options.trashTask === "" ? null : trashWords(options);
      refuse(
        `is read-only: ${task === null ? "nothing can be written to it" : `${task} is not allowed; ${ELSEWHERE}`}`,
      );
    }
    if (agentIsSource && options.removeSourceFiles && (!writes || keeps !== "nothing")) {
      refuse("keeps what is there: --remove-source-files is not allowed");
    }
    if (agentIsSource ? options.copyDevices : options.writeDevices) {
      refuse(`takes no device for a file: --${agentIsSource ? "copy" : "write"}-devices is not allowed`);
    }
    if (agentIsSource) return { agentIsSource, options, paths };
    if (options.checksum && !reads) refuse("is write-only: --checksum would tell what is there");
    const trash = trashWords(options);
    if (trash !== null && !reads) refuse(`is write-only: ${trash} would read what is there; ${ELSEWHERE}`);
    if (trash !== null && keeps !== "nothing") {
      refuse(`keeps what is there: ${trash} is not allowed; ${ELSEWHERE}`);
    }
    if (keeps === "nothing") return { agentIsSource, options, paths };
    // --append is in place, too, and told by its own name. Complete files could not leave the folder in which they wait.
    const destroying = (["delete", "force", "append", "inplace"] as const).find((name) => options[name]) ??
      (options.delayUpdates ? "delay-updates" : undefined);
    if (destroying !== undefined) refuse(`keeps what is there: --${destroying} is not allowed`);
    // What came of a file before a run was stopped would take the place of the whole old one, or the name of the whole new one; aside it
    // could not be removed again.
    return {
      agentIsSource,
      options: { ...options, partial: false, keepsPartials: false, partialDir: "" },
      paths,
    };
  }
}

const ELSEWHERE = "use a key that is not bound to this root in that way, or do it on that machine";

/** What a job wants of the trash, in the words that ask for it; null: nothing. */
function trashWords({ trash, trashTask }: SyncOptions): string | null {
  if (trashTask === "clean") return "tsync history --clean";
  if (trashTask !== "") return `tsync ${trashTask.split(" ")[0]}`;
  return trash === "" ? null : "--trash";
}

/** An errno of the served root as its cause. */
export function servedProblem(problem: Problem): Problem {
  if (problem.cause !== Cause.system) return problem;
  if (problem.errno === ServedErrno.refused) return { ...problem, cause: Cause.notAllowed, errno: 0 };
  if (problem.errno === ServedErrno.outside) return { ...problem, cause: Cause.outsideRoot, errno: 0 };
  return problem;
}

function refuse(what: string): never {
  throw new TsyncError({ kind: "unsupported", detail: `the served root ${what}` });
}

function cannot(detail: string): never {
  throw new TsyncError({ kind: "start", detail });
}

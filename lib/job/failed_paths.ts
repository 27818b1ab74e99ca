// --retry-failed: what failed in a run is noted in ~/.tsync/state, one file for a run, the newest ones kept; a later run of the same
// source and target takes only that, as if --files-from named it. Loaded by a run in which something failed, and by one that asks for
// it. Promises: nothing is noted where nothing failed; a note is bounded, and nothing in it is taken that this module would not write.

import { display, fromLatin1, hex, latin1, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { NAMES_BYTES, PATH_BYTES } from "../base/limits.ts";
import type { SyncOptions } from "../base/options.ts";
import { Sha256 } from "../hash/sha256.ts";
import { openOs } from "../os/choose.ts";
import { wallSeconds } from "../os/clock.ts";
import { effectiveUid, env, workingFolder } from "../os/process.ts";
import { randomBytes } from "../os/random.ts";
import { openStateFolder, type StateFolder } from "../os/state_folder.ts";
import { splitSource } from "../tree/origins.ts";
import { FAILURES, type Failures } from "./failures.ts";
import type { JobRequest } from "./request.ts";

const PREFIX = "failed-";
/** Runs that are remembered. */
const RUNS = 20;
const NOTE_BYTES = 32 << 20;

interface Note {
  v: 1;
  /** Paths of the list, as latin1. */
  paths: string[];
}

/** Where the notes are; null where they cannot be. */
function openState(creates: boolean, warn: (sentence: string) => void): StateFolder | null {
  return openStateFolder({ os: openOs(), home: utf8(env("HOME") ?? "/"), uid: effectiveUid(), creates, warn });
}

/** Notes what failed, for a later run of `request`. The run's name; null where there is nothing to try again or no place to note it. */
export function noteFailures(request: JobRequest, failures: Failures, warn: (sentence: string) => void): string | null {
  const base = baseOf(request);
  if (typeof base === "string" || failures.isCut) return null;
  const paths = failures.paths.map((path) => listedAs(path, request.sources));
  const bytes = utf8(JSON.stringify({ v: 1, paths }));
  if (paths.length === 0 || bytes.length > NOTE_BYTES) return null;
  const state = openState(true, warn);
  if (state === null) return null;
  const stamp = new Date(wallSeconds() * 1000).toISOString().replace(/[-:]|\.\d+Z/g, "").replace("T", "-");
  const run = `${stamp}-${hex(randomBytes(2))}`;
  const written = state.write(`${PREFIX}${keyOf(request)}-${run}`, bytes);
  state.keepNewest(PREFIX, RUNS);
  state.close();
  return written < 0 ? null : run;
}

/** An argument that could not be used is told as it was typed. */
function listedAs(path: string, sources: readonly Uint8Array[]): string {
  const argument = sources.length > 1 ? sources.find((source) => latin1(source) === path) : undefined;
  return argument === undefined ? path : latin1(splitSource(argument).only ?? fromLatin1(""));
}

/**
 * Makes `request` one for what failed in `run` (null: the last one of this source and target). Returns what takes the note away, to be
 * called when the run has ended. Throws TsyncError "selection" where there is no such note, "unsupported" for sources that lie apart.
 */
export function limitToFailed(request: JobRequest, run: string | null, warn: (sentence: string) => void): () => void {
  const base = baseOf(request);
  if (typeof base === "string") throw new TsyncError({ kind: "unsupported", detail: `--retry-failed: ${base}` });
  const key = `${PREFIX}${keyOf(request)}-`;
  const state = openState(false, warn);
  const file = state?.names(key).findLast((name) => run === null || name === key + run);
  const note = file === undefined ? null : readNote(state!.read(file, NOTE_BYTES));
  if (note === null) {
    state?.close();
    const which = run === null ? "no run" : `no run "${display(utf8(run))}"`;
    const detail =
      `--retry-failed: ${which} of this source and target with failed paths is noted; leave the option out`;
    throw new TsyncError({ kind: "selection", detail });
  }
  const names = note.paths.map((path) => (path === "" ? "." : path) + "\0").join("");
  if (names.length > NAMES_BYTES) {
    throw new TsyncError({ kind: "unsupported", detail: "--retry-failed: more paths failed than can be named" });
  }
  request.sources = [base];
  request.names = fromLatin1(names);
  for (const options of [request.options, request.peerOptions]) if (options !== null) nameFailed(options);
  return () => {
    state!.remove(file!);
    state!.close();
  };
}

/** As --files-from says it; what is gone meanwhile is passed over, and nothing is deleted. */
function nameFailed(options: SyncOptions): void {
  const named = { filesFrom: true, filesFromThere: null, relative: true, ignoreMissingArgs: true, delete: false };
  Object.assign(options, { ...named, dirs: !options.recursive, noImpliedDirs: false });
}

function readNote(bytes: Uint8Array | null): Note | null {
  if (bytes === null) return null;
  try {
    const note: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isNote(note) ? note : null;
  } catch {
    return null;
  }
}

function isNote(note: unknown): note is Note {
  if (typeof note !== "object" || note === null) return false;
  const { v, paths } = note as Record<string, unknown>;
  const isPath = (path: unknown) =>
    typeof path === "string" && path.length <= PATH_BYTES && !path.includes("\0") && !/[\u0100-\uffff]/.test(path);
  return v === 1 && Array.isArray(paths) && paths.length <= FAILURES && paths.every(isPath);
}

/** The folder that the paths of the list lie in, as typed; or why there is none. */
function baseOf({ sources, options }: JobRequest): Uint8Array | string {
  if (options.filesFrom) return sources[0];
  if (options.relative) return "it does not go with -R; name the paths with --files-from";
  const folders = sources.map((source) => splitSource(source).folder);
  if (latin1(sources[0]) === "~") return 'write "~/" for the home folder';
  const first = latin1(folders[0]);
  return folders.every((folder) => latin1(folder) === first)
    ? folders[0]
    : "the sources lie in different folders; run it for one of them";
}

/** What a run is known by again: its source and target, wherever it is started. */
function keyOf({ direction, remote, sources, target }: JobRequest): string {
  const here = `${workingFolder()}/`;
  const absolute = (path: Uint8Array, isHere: boolean) => {
    const text = latin1(path);
    return isHere && !text.startsWith("/") ? here + text : text;
  };
  const login = remote === null ? "" : `${remote.user ?? ""}@${remote.host}`;
  const words = [
    direction,
    login,
    ...sources.map((source) => absolute(source, direction !== "pull")),
    absolute(target, direction !== "push"),
  ];
  const sha256 = new Sha256();
  sha256.update(fromLatin1(words.join("\0").replace(/[\u0100-\uffff]/g, "?")));
  return hex(sha256.digest()).slice(0, 16);
}

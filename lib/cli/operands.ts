// Operands: which of them are remote, by rsync's rules (a colon before any slash), and what that makes of the run. Called
// by request.ts. Paths stay bytes; only host and user become text.

import { display, equalBytes } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { PATH_BYTES, SOURCES } from "../base/limits.ts";
import type { Direction } from "../job/request.ts";
import { usageError } from "./option_values.ts";

export interface Ends {
  direction: Direction;
  sources: Uint8Array[];
  target: Uint8Array;
  /** Null exactly when the direction is local. */
  login: { host: string; user: string | null } | null;
  /** There is no target: the sources are listed. */
  listOnly: boolean;
}

const SLASH = 0x2f;
const COLON = 0x3a;
const AT = 0x40;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const HERE = new Uint8Array([0x2e]);

interface RemoteWord {
  /** USER@HOST as typed, with brackets; empty for ":PATH". */
  login: Uint8Array;
  path: Uint8Array;
}

/** `listOnly`: the target, if there is one, is left alone. Throws TsyncError "usage", or "unsupported" for a daemon. */
export function readOperands(words: readonly Uint8Array[], listOnly = false): Ends {
  if (words.length === 0) {
    throw usageError("nothing to do: give a source and a target, tsync [OPTION]... SOURCE... TARGET");
  }
  for (const word of words) {
    if (word.includes(0)) throw usageError(`"${display(word)}" has a NUL byte, which no path can hold`);
  }
  if (words.length === 1) return { ...readTwoEnds([words[0], HERE]), listOnly: true };
  const isPush = listOnly && splitRemote(words[0]) === null && splitRemote(words[words.length - 1]) !== null;
  return { ...readTwoEnds(isPush ? [...words.slice(0, -1), HERE] : words), listOnly };
}

function readTwoEnds(words: readonly Uint8Array[]): Omit<Ends, "listOnly"> {
  const remotes = words.map(splitRemote);
  if (words.length - 1 > SOURCES) throw usageError(`${words.length - 1} sources; at most ${SOURCES} are possible`);
  checkEmpty(words);

  const target = words[words.length - 1];
  const targetRemote = remotes[remotes.length - 1];
  const direction = targetRemote !== null ? "push" : remotes[0] !== null ? "pull" : "local";
  if (direction === "pull") {
    return { direction, sources: sourcesOfOneHost(words, remotes), target, login: readLogin(remotes[0]!.login) };
  }
  const sources = words.slice(0, -1);
  const stray = sources.findIndex((_, i) => remotes[i] !== null);
  if (stray >= 0) {
    const word = display(sources[stray]);
    if (targetRemote !== null) {
      throw usageError(`"${word}": source and target cannot both be remote; run tsync on one of the two machines`);
    }
    throw usageError(`"${word}" is remote, the first source is local; write ./${word} for a local file of that name`);
  }
  checkPaths(sources);
  checkPaths([targetRemote?.path ?? target]);
  if (targetRemote === null) return { direction, sources, target, login: null };
  return { direction, sources, target: targetRemote.path, login: readLogin(targetRemote.login) };
}

/** The paths of a pull: all sources remote and on the machine of the first one. */
function sourcesOfOneHost(words: readonly Uint8Array[], remotes: Array<RemoteWord | null>): Uint8Array[] {
  const first = remotes[0]!;
  const sources = remotes.slice(0, -1).map((remote, i) => {
    const word = display(words[i]);
    if (remote === null) {
      throw usageError(`"${word}" is local, the first source is remote; for a remote path write :${word}`);
    }
    if (i > 0 && remote.login.length > 0 && !equalBytes(remote.login, first.login)) {
      throw usageError(`"${word}": all sources must be on the same machine; run tsync once for each`);
    }
    return remote.path;
  });
  checkPaths(sources);
  checkPaths(words.slice(-1));
  return sources;
}

/** Login and path of HOST:PATH; null for a local word. Throws TsyncError "unsupported" for HOST::MODULE and rsync://. */
function splitRemote(word: Uint8Array): RemoteWord | null {
  if (startsWithRsyncUrl(word)) throw noDaemon(word);
  const colon = hostEnd(word);
  if (colon < 0) return null;
  if (word[colon + 1] === COLON) throw noDaemon(word);
  const path = word.subarray(colon + 1);
  return { login: word.subarray(0, colon), path: path.length === 0 ? HERE : path };
}

/** Where the colon behind the host stands; -1 for a local word. An IPv6 address stands in brackets. */
function hostEnd(word: Uint8Array): number {
  let start = 0;
  for (let i = 0; i < word.length && word[i] !== SLASH; i++) {
    if (word[i] === OPEN && i === start) {
      const close = word.indexOf(CLOSE, i);
      return close >= 0 && word[close + 1] === COLON ? close + 1 : -1;
    }
    if (word[i] === COLON) return i;
    if (word[i] === AT) start = i + 1;
  }
  return -1;
}

/** [USER@]HOST as text. Throws TsyncError "usage". */
export function readLogin(login: Uint8Array): { host: string; user: string | null } {
  for (const byte of login) {
    if (byte <= 0x20 || byte >= 0x7f) {
      throw usageError(`"${display(login)}": a host is written in letters, digits and punctuation of ASCII`);
    }
  }
  const text = String.fromCharCode(...login.subarray(0, 2048));
  const cut = text.lastIndexOf("@");
  const bracketed = text.slice(cut + 1);
  const host = bracketed.startsWith("[") ? bracketed.slice(1, -1) : bracketed;
  const user = cut < 0 ? null : text.slice(0, cut);
  if (host === "") {
    throw usageError(`"${text}:": the host is missing; write HOST:PATH, or ./ in front of a local name with a colon`);
  }
  if (user === "") throw usageError(`"${text}:": the user in front of @ is missing`);
  if (host.length > 255) throw usageError(`"${host}": a host name has at most 255 characters`);
  return { host, user };
}

function startsWithRsyncUrl(word: Uint8Array): boolean {
  return /^rsync:\/\//i.test(String.fromCharCode(...word.subarray(0, 8)));
}

function noDaemon(word: Uint8Array): TsyncError {
  const detail = `"${display(word)}": rsync daemons (HOST::MODULE, rsync://) are not supported; use HOST:PATH over ssh`;
  return new TsyncError({ kind: "unsupported", detail });
}

/** As rsync: an empty word is mostly a variable that is not set, and must not mean the current folder. */
function checkEmpty(words: readonly Uint8Array[]): void {
  const at = words.findIndex((word) => word.length === 0);
  if (at >= 0) {
    throw usageError(
      `the ${at === words.length - 1 ? "target" : "source"} is an empty word; write . for the current folder`,
    );
  }
}

function checkPaths(paths: readonly Uint8Array[]): void {
  for (const path of paths) {
    if (path.length > PATH_BYTES) {
      const beginning = display(path.subarray(0, 60));
      throw usageError(`"${beginning}...": a path of ${path.length} bytes; at most ${PATH_BYTES} are possible`);
    }
  }
}

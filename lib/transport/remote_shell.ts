// Words for starting a remote shell: splits -e, checks host and user (R15), makes the argument list. Pure. Called by
// openssh.ts; the command line calls `checkRemote` to refuse before any connection.

import { display, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";

/** A far machine as the user typed it, and the remote shell for it. */
export interface RemoteShell {
  host: string;
  user: string | null;
  /** -e, TSYNC_RSH or RSYNC_RSH as typed; null = "ssh". */
  rsh: string | null;
  /** -4 or -6, which ssh is told and no other program. */
  ipVersion?: "4" | "6" | null;
}

/**
 * Splits as rsync does: spaces (not tabs) separate, '...' and "..." keep spaces, a doubled quote inside stands for one,
 * a backslash has no meaning. Throws TsyncError "usage".
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === " ") {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === "'" || character === '"') {
      const [quoted, end] = readQuoted(text, at);
      word = (word ?? "") + quoted;
      at = end;
    } else word = (word ?? "") + character;
  }
  if (word !== null) words.push(word);
  return words;
}

/** What stands between the quote at `start` and the one that ends it, and where that one is. */
function readQuoted(text: string, start: number): [string, number] {
  const quote = text[start];
  let quoted = "";
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === quote) {
      if (text[at + 1] !== quote) return [quoted, at];
      at++;
    }
    quoted += text[at];
  }
  throw new TsyncError({ kind: "usage", detail: `the remote shell "${show(text)}" lacks a closing ${quote}` });
}

/** The remote shell with `words` more, where its program is ssh; else as it was. Throws TsyncError "usage". */
export function withSshWords(rsh: string | null, words: string): string | null {
  const [program = ""] = splitWords(rsh ?? "ssh");
  return program.replace(/^.*\//, "") === "ssh" ? `${rsh ?? "ssh"} ${words}` : rsh;
}

/** Refuses a host or user that ssh, a shell or a configuration's %-words could take for something else. Throws TsyncError "usage". */
export function checkRemote(remote: RemoteShell): void {
  checkWord("host", remote.host);
  if (remote.host.includes("%") && !/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*%[A-Za-z0-9_.-]+$/.test(remote.host)) {
    refuse("host", remote.host, 'contains "%"');
  }
  if (remote.user !== null) {
    checkWord("user", remote.user);
    if (remote.user.includes("%")) refuse("user", remote.user, 'contains "%"');
  }
}

function checkWord(what: string, word: string): void {
  if (word === "") refuse(what, word, "is empty");
  if (word.startsWith("-")) refuse(what, word, 'begins with "-"');
  const bad = /[\s$\\;'"`&<>(){}|]/.exec(word);
  if (bad !== null) refuse(what, word, `contains "${show(bad[0])}"`);
  if (display(utf8(word)) !== word) refuse(what, word, "contains a control character");
}

function refuse(what: string, word: string, why: string): never {
  throw new TsyncError({ kind: "usage", detail: `the ${what} "${show(word)}" ${why}, which no ${what} name may` });
}

function show(text: string): string {
  return display(utf8(text));
}

/** The argument list that runs `command` on the far machine, as rsync makes it, with `more` options. Throws TsyncError "usage". */
export function remoteShellArguments(remote: RemoteShell, command: string, more: readonly string[] = []): string[] {
  checkRemote(remote);
  const words = splitWords(remote.rsh ?? "ssh");
  if (words.length === 0 || words[0] === "") {
    throw new TsyncError({ kind: "usage", detail: "the remote shell (-e) is empty" });
  }
  const login = remote.user === null ? [] : ["-l", remote.user];
  const isSsh = words[0].slice(words[0].lastIndexOf("/") + 1) === "ssh";
  const version = remote.ipVersion && isSsh ? [`-${remote.ipVersion}`] : [];
  return [...words, ...more, ...login, ...version, remote.host, command];
}

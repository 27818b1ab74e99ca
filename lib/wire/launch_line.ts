// The launch line and its answer (PROTOCOL.md section 3), the only text of the protocol. Called by lib/deploy (client) and
// remote/ (agent). Promises: what is parsed has exactly the given form; what is formatted fits the limit.

import { EMPTY, fromLatin1, latin1, utf8 } from "../base/bytes.ts";
import { assert, TsyncError } from "../base/errors.ts";
import { env, unsetEnv } from "../os/process.ts";
import type { ByteSource } from "../os/streams.ts";

/** Longest launch line with its newline, bytes: what `read` of every shell and an environment variable take with ease. */
export const LAUNCH_LINE_BYTES = 4096;
/** Most bytes of the client's stream in a launch line: with them and everything else it stays below its limit. */
export const EARLY_BYTES = 2560;
/** The variable by which the launcher hands the line to the agent. */
const LAUNCH_VARIABLE = "TSYNC_LAUNCH";

/** The agent the client wants. */
export interface WantedAgent {
  /** 64 hex digits. */
  sha256: string;
  bytes: number;
  /** In `uname -m`'s words. */
  machine: string;
}

export interface LaunchLine {
  /** 32 hex digits, repeated in the answer. */
  marker: string;
  /** Null: the client does not deploy. */
  agent: WantedAgent | null;
  /** The client's HELLO payload. */
  hello: Uint8Array;
  /** The first bytes of the client's stream, at most EARLY_BYTES. */
  early: Uint8Array;
}

/** The line with its newline; for a client that does not deploy, `machine` is that of the client. */
export function formatLaunchLine(line: LaunchLine, machine: string): Uint8Array<ArrayBuffer> {
  const agent = line.agent === null
    ? `- 0 ${machine}`
    : `${line.agent.sha256} ${line.agent.bytes} ${line.agent.machine}`;
  const early = line.early.length === 0 ? "-" : btoa(latin1(line.early));
  const bytes = utf8(`tsync1 ${line.marker} ${agent} ${btoa(latin1(line.hello))} ${early}\n`);
  assert(bytes.length <= LAUNCH_LINE_BYTES, "hello and first frames are too long for a launch line");
  return bytes;
}

const BASE64 = "([A-Za-z0-9+/]+={0,2})";
const FORM = new RegExp(
  `^tsync1 ([0-9a-f]{32}) (?:([0-9a-f]{64}) ([1-9][0-9]{0,15})|- 0) ([A-Za-z0-9_]{1,32}) ${BASE64} (?:-|${BASE64})$`,
);

/** Reads a line without its newline; null if it is not one. */
export function parseLaunchLine(bytes: Uint8Array): LaunchLine | null {
  if (bytes.length >= LAUNCH_LINE_BYTES) return null;
  const parts = FORM.exec(latin1(bytes));
  if (parts === null) return null;
  const [, marker, sha256, size, machine, helloText, earlyText] = parts;
  const hello = decodeBase64(helloText);
  const early = earlyText === undefined ? EMPTY : decodeBase64(earlyText);
  if (hello === null || early === null) return null;
  const agent = sha256 === undefined ? null : { sha256, bytes: Number(size), machine };
  if (agent !== null && !Number.isSafeInteger(agent.bytes)) return null;
  return { marker, agent, hello, early };
}

/** Null unless `text` is base64 in its one proper form. */
function decodeBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  const plain = atob(text);
  return btoa(plain) === text ? fromLatin1(plain) : null;
}

const AGENTS_FORM = /^tsync1-agents ([0-9a-f]{32}) (?:list|remove|verify) /;

/** Not a launch line but what `tsync agent` asks a login shell: a command of its own runs the agent instead of that. */
export class AgentsAsked extends TsyncError {
  constructor(readonly marker: string) {
    super({
      kind: "start",
      detail:
        "this login has a command of its own, tsync-remote serve, so tsync installs nothing here; its agent is the program " +
        "that this command names (in authorized_keys or sshd_config): replace that file to update it, or use a login with a shell",
    });
  }
}

/**
 * The agent's first act: takes the launch line from the environment, where the launcher put it (`heedsEnvironment`), else from `source`,
 * of which not one byte more is read. Throws TsyncError "start" if there is no launch line, AgentsAsked for that.
 */
export async function readLaunchLine(source: ByteSource, heedsEnvironment = true): Promise<LaunchLine> {
  const given = heedsEnvironment ? env(LAUNCH_VARIABLE) : undefined;
  if (given !== undefined) unsetEnv(LAUNCH_VARIABLE);
  const bytes = given !== undefined ? fromLatin1(given) : await readLine(source);
  const line = bytes === null ? null : parseLaunchLine(bytes);
  if (line === null) {
    const asked = AGENTS_FORM.exec(latin1(bytes ?? EMPTY));
    if (asked !== null) throw new AgentsAsked(asked[1]);
    throw new TsyncError({
      kind: "start",
      detail: "no launch line came: this is for tsync, which sends one first",
    });
  }
  return line;
}

/** One line without its newline, byte by byte; null if it ends early or is too long. */
async function readLine(source: ByteSource): Promise<Uint8Array | null> {
  const line = new Uint8Array(LAUNCH_LINE_BYTES);
  for (let used = 0; used < line.length; used++) {
    if (await source.read(line.subarray(used, used + 1)) === null) return null;
    if (line[used] === 0x0a) return line.subarray(0, used);
  }
  return null;
}

/** The agent's answer where it cannot serve: the client shows the reason, at most 2,000 bytes of one line. */
export function answerFail(marker: string, reason: string): Uint8Array<ArrayBuffer> {
  return utf8(`${marker} FAIL ${reason.replace(/\n/g, " ").slice(0, 500)}\n`);
}

/** The agent's answer: binary frames follow. */
export function answerOk(marker: string): Uint8Array<ArrayBuffer> {
  return utf8(`${marker} OK\n`);
}

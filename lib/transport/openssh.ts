// The system's ssh (or what -e names) as a child process. Called by the job runner and `tsync agent`. Promises: one child,
// one connection; no local shell; what the child says on its standard error reaches `report` line by line, escaped, and
// its last lines are kept for messages.

import { display, EMPTY, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { after } from "../os/clock.ts";
import { widenChildPipes } from "../os/pipes.ts";
import { type Child, spawn, SpawnError } from "../os/process.ts";
import type { ByteSource } from "../os/streams.ts";
import { type RemoteShell, remoteShellArguments } from "./remote_shell.ts";
import type { CloseReason, Transport } from "./transport.ts";

/** Bytes of the last lines kept for messages; more would not be read. */
const LAST_WORDS_BYTES = 8 << 10;
/** A line without end is shown in pieces of this many bytes. */
const LINE_BYTES = 4096;
/** How long what was said before the end may still arrive. A master connection of the user's keeps the pipe open for ever. */
const LAST_WORDS_MS = 200;
/** How long a carrier that was asked to end may take. */
const KILL_MS = 1000;

/** Starts the remote shell. Throws TsyncError "usage" for words that must not be passed on, "start" if it cannot be started. */
export function openSsh(
  remote: RemoteShell,
  command: string,
  report: (line: string) => void,
  more: readonly string[] = [],
): Transport {
  const argv = remoteShellArguments(remote, command, more);
  const child = start(argv, remote);
  widenChildPipes(child.pid);
  const ear = new Ear(child.stderr!, report);
  return {
    source: child.stdout,
    sink: child.stdin,
    closed: watch(child, ear),
    kill() {
      child.stdin.close();
      child.kill();
      // One that was stopped ends only when it goes on, and we may be gone before the limit.
      child.kill("SIGCONT");
      const cancel = after(KILL_MS, () => child.kill("SIGKILL"));
      child.ended.then(cancel);
    },
  };
}

function start(argv: string[], remote: RemoteShell): Child {
  try {
    return spawn(argv, { stderr: "piped" });
  } catch (error) {
    if (!(error instanceof SpawnError)) throw error;
    const advice = remote.rsh !== null
      ? "check -e, TSYNC_RSH or RSYNC_RSH"
      : "install the OpenSSH client (package openssh-client or openssh-clients), or name another remote shell by -e";
    throw new TsyncError({
      kind: "start",
      detail: `cannot start the remote shell: ${display(utf8(error.message))}; ${advice}`,
    });
  }
}

async function watch(child: Child, ear: Ear): Promise<CloseReason> {
  const end = await child.ended;
  child.stdin.close();
  let cancel = () => {};
  await Promise.race([ear.deaf, new Promise<void>((resolve) => cancel = after(LAST_WORDS_MS, resolve))]);
  cancel();
  return { code: end.code, signal: end.signal, lastWords: ear.lastWords() };
}

/** Listens to a standard error to its end. */
class Ear {
  /** Settles at the end of the stream. */
  readonly deaf: Promise<void>;
  #lines: string[] = [];
  #keptBytes = 0;
  #unfinished: Uint8Array = EMPTY;

  constructor(source: ByteSource, readonly report: (line: string) => void) {
    this.deaf = this.#listen(source);
  }

  lastWords(): string[] {
    this.#take(EMPTY, true);
    return [...this.#lines];
  }

  async #listen(source: ByteSource): Promise<void> {
    const into = new Uint8Array(LINE_BYTES);
    try {
      for (let count = await source.read(into); count !== null; count = await source.read(into)) {
        this.#take(into.subarray(0, count), false);
      }
    } catch {
      // A stream that breaks has nothing more to say; the exit code tells the rest.
    }
    this.#take(EMPTY, true);
  }

  #take(bytes: Uint8Array, ending: boolean): void {
    let text = new Uint8Array(this.#unfinished.length + bytes.length);
    text.set(this.#unfinished);
    text.set(bytes, this.#unfinished.length);
    for (;;) {
      const end = text.indexOf(0x0a);
      if (end < 0 && text.length < LINE_BYTES && !(ending && text.length > 0)) break;
      const length = end >= 0 ? end : Math.min(text.length, LINE_BYTES);
      this.#line(text.subarray(0, length));
      text = text.subarray(end >= 0 ? end + 1 : length);
    }
    this.#unfinished = text.slice();
  }

  #line(bytes: Uint8Array): void {
    const line = display(bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes);
    this.#lines.push(line);
    this.#keptBytes += line.length + 1;
    while (this.#keptBytes > LAST_WORDS_BYTES && this.#lines.length > 1) {
      this.#keptBytes -= this.#lines.shift()!.length + 1;
    }
    this.report(line);
  }
}

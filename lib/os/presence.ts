// A name that one process at a time bears, and only while it lives: it listens at an abstract Unix socket, which the kernel takes away when
// the last of its threads has ended. Called by the agent, so that two of one run never write at a time. Promises: while one bears the
// name no other gets it, on this machine and in this network namespace; a signal reaches no process but the one that bears it.

import { hex } from "../base/bytes.ts";
import { Errno } from "./os.ts";
import {
  AF_UNIX,
  O_CLOEXEC,
  O_NONBLOCK,
  PIDFD_OPEN,
  PIDFD_SEND_SIGNAL,
  SO_PEERCRED,
  SOCK_STREAM,
  SOL_SOCKET,
} from "./linux_machine.ts";
import { type LibC, openLibC } from "./symbols.ts";

/** Whoever looks for the bearer leaves an unaccepted connection, twice for each signal. */
const BACKLOG = 64;
const SIGNALS = { SIGTERM: 15, SIGKILL: 9 } as const;

/** Takes the name until the process ends; "borne": another one has it; "unable": the system has no such names. */
export function takeName(name: Uint8Array): "taken" | "borne" | "unable" {
  if (Deno.build.os !== "linux") return "unable";
  const libc = openLibC();
  const socket = newSocket(libc);
  if (socket < 0) return "unable";
  const address = addressOf(name);
  const bound = libc.rare.bind(socket, address, address.length);
  const errno = bound < 0 ? libc.errno[0] : 0;
  if (errno === 0 && libc.rare.listen(socket, BACKLOG) === 0) return "taken";
  libc.look.close(socket);
  return errno === Errno.EADDRINUSE ? "borne" : "unable";
}

/** Sends the signal to whoever bears the name, if that is a process of our user; true if it was sent. */
export function signalBearer(name: Uint8Array, signal: keyof typeof SIGNALS): boolean {
  const libc = openLibC();
  const found = bearer(libc, name);
  if (found === 0) return false;
  const process = libc.rare.pidfd_open(PIDFD_OPEN, found, 0);
  if (process < 0) return false;
  // The number may have gone to another process before it was opened: only if it bears the name still, it is the one.
  const isIt = bearer(libc, name) === found;
  const sent = isIt && libc.rare.pidfd_send_signal(PIDFD_SEND_SIGNAL, process, SIGNALS[signal], 0n, 0) === 0;
  libc.look.close(process);
  return sent;
}

/** Its process id; 0 where there is none, it is another user's, or it cannot be told. */
function bearer(libc: LibC, name: Uint8Array): number {
  const socket = newSocket(libc);
  if (socket < 0) return 0;
  const address = addressOf(name);
  const found = libc.rare.connect(socket, address, address.length) === 0 ? peerOf(libc, socket) : 0;
  libc.look.close(socket);
  return found;
}

/** struct ucred of who listens: process, user, group. */
function peerOf(libc: LibC, socket: number): number {
  const credentials = new Uint32Array(3);
  const length = new Uint32Array([credentials.byteLength]);
  const bytes = (words: Uint32Array<ArrayBuffer>) => new Uint8Array(words.buffer);
  const got = libc.rare.getsockopt(socket, SOL_SOCKET, SO_PEERCRED, bytes(credentials), bytes(length));
  return got === 0 && credentials[1] === libc.rare.geteuid() ? credentials[0] : 0;
}

function newSocket(libc: LibC): number {
  return libc.rare.socket(AF_UNIX, SOCK_STREAM | O_CLOEXEC | O_NONBLOCK, 0);
}

/** struct sockaddr_un: a name that begins with NUL lies in no file system. */
function addressOf(name: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(`\0tsync-${hex(name)}`);
  const address = new Uint8Array(2 + text.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(text, 2);
  return address;
}

// Sockets of a run in ~/.tsync/run (0700), by which processes of one user on one machine find each other. Called by the agent whose run takes further
// connections, and by those that carry them. Promises: the folder is checked as ~/.tsync/state is, and held; a socket is bound and found in the
// held folder, whatever its path is made to mean meanwhile; what a dead run left is removed.

import { latin1, utf8 } from "../base/bytes.ts";
import { openOs } from "./choose.ts";
import { wallSeconds } from "./clock.ts";
import { type Handle, Kind, Listing, type Os, Stat } from "./os.ts";
import { effectiveUid, env } from "./process.ts";
import { openTsyncFolder } from "./state_folder.ts";
import type { ByteSink, ByteSource } from "./streams.ts";

/** Names of sockets: 32 hex digits. One this old has no listener any more. */
const NAME = /^[0-9a-f]{32}$/;
const DEAD_SECONDS = 3600;
/** sockaddr_un takes 108 bytes; this is far below. */
const FOLDER = "/proc/self/fd/";

/** A connection between two processes. */
export interface LocalConnection {
  source: ByteSource;
  sink: ByteSink;
  /** Ends it, both ways, also for who waits. */
  end(): void;
}

export interface RunSocket {
  /** The next connection; null once it is closed. */
  accept(): Promise<LocalConnection | null>;
  /** Nobody finds it any more. Safe to call twice. */
  close(): void;
}

/** Listens at a new name; null where that cannot be. */
export function listenInRun(name: string): RunSocket | null {
  const os = openOs();
  const folder = openRun(os, name, true);
  if (folder === null) return null;
  try {
    sweep(os, folder);
    return runSocket(os, folder, name, Deno.listen({ transport: "unix", path: `${FOLDER}${folder}/${name}` }));
  } catch {
    os.close(folder);
    return null;
  }
}

/** Null where nobody listens at that name, or the folder cannot be trusted. */
export async function connectInRun(name: string): Promise<LocalConnection | null> {
  const os = openOs();
  const folder = openRun(os, name, false);
  if (folder === null) return null;
  try {
    return connection(await Deno.connect({ transport: "unix", path: `${FOLDER}${folder}/${name}` }));
  } catch {
    return null;
  } finally {
    os.close(folder);
  }
}

function openRun(os: Os, name: string, creates: boolean): Handle | null {
  // Only where handles are descriptors.
  if (!NAME.test(name) || Deno.build.os !== "linux" || !os.abilities.insideLinks) return null;
  const home = utf8(env("HOME") ?? "/");
  return openTsyncFolder({ os, home, uid: effectiveUid(), creates, warn: () => {} }, "run");
}

function runSocket(os: Os, folder: Handle, name: string, listener: Deno.UnixListener): RunSocket {
  let isOpen = true;
  return {
    async accept() {
      try {
        return connection(await listener.accept());
      } catch {
        return null;
      }
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      listener.close();
      os.unlink(folder, utf8(name));
      os.close(folder);
    },
  };
}

function connection(socket: Deno.UnixConn): LocalConnection {
  let isOpen = true;
  const end = () => {
    if (isOpen) socket.close();
    isOpen = false;
  };
  return {
    source: { read: (into) => socket.read(into as Uint8Array<ArrayBuffer>) },
    sink: {
      async write(bytes) {
        for (let done = 0; done < bytes.length;) {
          done += await socket.write(bytes.subarray(done) as Uint8Array<ArrayBuffer>);
        }
      },
      close: () => void (isOpen && socket.closeWrite().catch(() => {})),
    },
    end,
  };
}

function sweep(os: Os, folder: Handle): void {
  const listing = new Listing();
  if (os.readFolder(folder, listing) < 0) return;
  const stat = new Stat();
  const dead = wallSeconds() - DEAD_SECONDS;
  for (let i = 0; i < listing.count; i++) {
    const name = listing.name(i).slice();
    if (!NAME.test(latin1(name)) || os.statAt(folder, name, 0, name.length, stat) < 0) continue;
    if (stat.kind === Kind.socket && stat.mtimeSec < dead) os.unlink(folder, name);
  }
}

// JobRequest: one synchronisation as it was asked for, checked and complete. The command line makes it (the API later),
// the job runner carries it out. Names are bytes as typed; nothing here was opened or looked up yet.

import type { SyncOptions } from "../base/options.ts";

export type Direction = "local" | "push" | "pull";

/** The machine at the other end of a push or a pull. */
export interface Remote {
  /** As typed, without the brackets of an IPv6 address. Not checked against what a shell could misread: the transport does that (R15). */
  host: string;
  /** Null where no user was named. */
  user: string | null;
  /** The remote shell as typed (-e, TSYNC_RSH, RSYNC_RSH in this order), not yet split into words; null = the default. */
  rsh: string | null;
  /** --rsync-path as typed; null = the deployed agent. */
  rsyncPath: string | null;
  /** -4, -6. */
  ipVersion: "4" | "6" | null;
  /** We may choose the order of ssh's ciphers. */
  ownCiphers: boolean;
}

/** A batch to write, with the script that reads it, or one to read in place of sources. */
export type BatchWish = { write: Uint8Array; script: Uint8Array } | { read: Uint8Array };

export interface JobRequest {
  options: SyncOptions;
  /** What the other side is given in their place (-M); null: the same. */
  peerOptions: SyncOptions | null;
  direction: Direction;
  /** Paths as typed, without HOST:, 1 to SOURCES of them; "." where nothing follows the colon. A trailing slash means the folder's content. */
  sources: Uint8Array[];
  /** Path as typed, without HOST:; "." where nothing follows the colon. */
  target: Uint8Array;
  /** --files-from: the names, each ended by NUL; null: there are none, or the other end has them. */
  names: Uint8Array | null;
  /** --chmod as written, one for each; known to be legal. The client's half does it, whichever that is. */
  chmod?: string[];
  /** How long a connection that is lost may be away before the run ends, seconds; 0 or none: it ends at once; Infinity: it never does. */
  reconnectSeconds?: number;
  /** Left out: one connection. Of the run's own choice it opens more at once or as need be, up to `most`; `tells`: of what becomes of them. */
  connections?: { atOnce: number; most: number; tells: boolean };
  /** Left out or null: there is none. */
  batch?: BatchWish | null;
  /** Null exactly when the direction is local. */
  remote: Remote | null;
}

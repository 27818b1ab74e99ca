// What must be on the disk before names change: what is kept of the entries that have them (a trash, backups on another file system).
// Implemented by the engine; asked by the stage and its barrier for a whole batch before any of it gets its name, and by whoever deletes.

import type { Handle } from "../os/os.ts";
import type { StagedFile } from "./stage.ts";

export interface Ahead {
  /** Keeps what stands at the name that the file is about to take. 0, or a negated errno: then that stays as it is. */
  keepAhead(file: StagedFile): number;
  /** Brings all that was kept to the disk: 0, or a negated errno, and then nothing may take its place. */
  flush(): Promise<number>;
  /** The same, and waits. */
  flushNow(): number;
}

export interface AheadOfDeletion extends Ahead {
  /** The same for an entry, no folder, that is about to go; `path`: of the open folder, below the root. */
  keepGoing(folder: Handle, path: Uint8Array, name: Uint8Array): number;
  /** The open folder is about to go, with all it holds. */
  goes(folder: Handle): void;
}

// What a half needs of its process, as a value: the door to the system, time, randomness, accounts, who we are. Made by the
// two mains (lib/job, remote/), by tests with fakes.

import type { Identity } from "../plan/owner_map.ts";
import type { Accounts } from "../os/accounts.ts";
import type { Os } from "../os/os.ts";

export interface Environment {
  readonly os: Os;
  readonly identity: Identity;
  /** The user's umask, already taken off the process (which runs with umask 0). */
  readonly umask: number;
  /** Lets timers and signals run; awaited by long loops. */
  breathe(): Promise<void>;
  /** The same between two entries or batches, but only when it is due: undefined most of the time. Also waits for a slow reader of our output. */
  pause(): Promise<void> | undefined;
  /** Milliseconds since some moment, with fractions. */
  now(): number;
  /** Seconds since 1970; without it nothing counts as old. */
  wallSeconds?(): number;
  randomBytes(count: number): Uint8Array;
  readonly accounts: Accounts;
  /** Nothing is noted for later runs (a served root). */
  readonly keepsNoState?: boolean;
  /** What stands at the target stays as it is: only new names are made (a served root). */
  readonly takesOnlyNew?: boolean;
  /** The absolute path of the working folder. */
  workingFolder(): string;
  /** The user's home folder, raw. */
  homeFolder(): Uint8Array;
}

/** Content digests with the session's seed: lib/hash's ContentHash. */
export interface Digester {
  reset(): void;
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
  hash(bytes: Uint8Array): Uint8Array;
}

/** Two digesters with the session's seed, because listing (-c) and content are digested in turns. */
export interface Digesters {
  seed: { low: number; high: number };
  list: Digester;
  content: Digester;
  /** One more, for who digests beside the content that comes in. */
  another(): Promise<Digester>;
}

/** Bytes copied or hashed between two breaths. */
export const BREATH_BYTES = 64 << 20;

// Backups and alternative destinations of one run: what a target half has beside its root. Loaded by it only where an option asks for it.

import { Cause, Side, Verb } from "../base/problem.ts";
import { Errno, type Handle, isSameOpen } from "../os/os.ts";
import { AlternativeEntries } from "./alternative_entries.ts";
import { Alternatives } from "./alternatives.ts";
import { Backup } from "./backup.ts";
import type { Generator } from "./generator.ts";
import { SideFolders } from "./side_folders.ts";
import type { TargetState } from "./target_state.ts";

export class Destinations {
  readonly sides: SideFolders;
  readonly #state: TargetState;
  readonly backup: Backup | null;
  readonly alternatives: Alternatives | null;
  #partials: Handle;

  /** The target root is open; in a dry run it may be missing. */
  constructor(state: TargetState) {
    this.#state = state;
    const { os, options, root, env } = state;
    this.sides = new SideFolders(os, root.path, env.umask);
    this.backup = options.backup ? new Backup(state, this.sides) : null;
    this.#partials = options.partialDir.startsWith("/") ? this.sides.open(options.partialDir) : -Errno.ENOENT;
    const roots = options.altDests.map((word) => this.#openAlternative(state, word)).filter((handle) => handle >= 0);
    this.alternatives = roots.length > 0 ? new Alternatives(state, roots) : null;
  }

  /** --partial-dir, an absolute one; a negated errno while there is none. */
  partials(makes: boolean): Handle {
    if (this.#partials < 0 && makes) this.#partials = this.sides.make(this.#state.options.partialDir);
    return this.#partials;
  }

  /** What the generator asks of the alternatives; null where there are none. */
  entriesFor(generator: Generator): AlternativeEntries | null {
    return this.alternatives === null ? null : new AlternativeEntries(this.#state, generator, this.alternatives);
  }

  close(): void {
    this.backup?.close();
    this.alternatives?.close();
    this.sides.close();
  }

  /** A folder that is not there is told and left out, as in rsync. */
  #openAlternative({ os, root, events, options }: TargetState, word: string): Handle {
    const handle = this.sides.open(word);
    if (handle >= 0) return root.handle >= 0 && isSameOpen(os, handle, root.handle) ? -Errno.EINVAL : handle;
    // A dry run does not make the root that the word may lead through.
    if (options.dryRun && root.handle < 0) return handle;
    const path = this.sides.path(word);
    events.problem({ verb: Verb.open, cause: Cause.noSuchFolder, errno: -handle, side: Side.target, path });
    return handle;
  }
}

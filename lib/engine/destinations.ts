// Backups and alternative destinations of one run: what a target half has beside its root. Loaded by it only where an option asks for it.

import { display } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import { Cause, Side, Verb } from "../base/problem.ts";
import { Errno, type Handle, isSameOpen } from "../os/os.ts";
import { TempFolder } from "../tree/temp_folder.ts";
import { AlternativeEntries } from "./alternative_entries.ts";
import { Alternatives } from "./alternatives.ts";
import { Backup } from "./backup.ts";
import { SideFolders } from "./side_folders.ts";
import type { TargetState } from "./target_state.ts";

export class Destinations {
  readonly sides: SideFolders;
  readonly #state: TargetState;
  readonly backup: Backup | null;
  readonly alternatives: Alternatives | null;
  /** What the generator does with what they have. */
  readonly entries: AlternativeEntries | null;
  #partials: Handle;
  #temp: TempFolder | null = null;

  /** The target root is open; in a dry run it may be missing. */
  constructor(state: TargetState) {
    this.#state = state;
    const { os, options, root, env } = state;
    this.sides = new SideFolders(os, root, env.umask);
    this.#demandInside();
    this.backup = options.backup ? new Backup(state, this.sides) : null;
    this.#partials = options.partialDir.startsWith("/") ? this.sides.open(options.partialDir) : -Errno.ENOENT;
    if (options.tempDir !== "" && !options.dryRun) state.stage.aside = this.#temp = this.#openTemp(options.tempDir);
    const roots = options.altDests.map((word) => this.#openAlternative(state, word)).filter((handle) => handle >= 0);
    this.alternatives = roots.length > 0 ? new Alternatives(state, roots) : null;
    this.entries = this.alternatives === null ? null : new AlternativeEntries(state, this.alternatives);
  }

  /** Throws TsyncError "usage" where a link in the target leads one of the folders out of it: who made that link is not known. */
  #demandInside(): void {
    const { backupDir, tempDir, altDests } = this.#state.options;
    for (const word of [backupDir, tempDir, ...altDests]) {
      if (word === "" || this.sides.look(word) !== -Errno.EXDEV) continue;
      const path = display(this.sides.path(word));
      const detail = `cannot use "${path}": a link on the way leads out of the target; name the folder itself`;
      throw new TsyncError({ kind: "usage", detail });
    }
  }

  /** --partial-dir, an absolute one; a negated errno while there is none. */
  partials(makes: boolean): Handle {
    if (this.#partials < 0 && makes) this.#partials = this.sides.make(this.#state.options.partialDir);
    return this.#partials;
  }

  /** What dead runs left in --temp-dir goes, unless another run is at work there. */
  sweepTemp(): void {
    if (this.#temp === null) return;
    this.#state.stage.release(this.#temp.handle);
    this.#temp.sweep(this.#state.env.identity.uid);
  }

  /** Held from here on, so that no other run sweeps it. Throws TsyncError "usage", as rsync does, where it is missing. */
  #openTemp(word: string): TempFolder {
    const handle = this.sides.open(word);
    if (handle < 0) {
      const remedy = handle === -Errno.ENOENT ? "; make it first" : "";
      const detail = `--temp-dir: cannot use "${display(this.sides.path(word))}": ${errnoText(-handle)}${remedy}`;
      throw new TsyncError({ kind: "usage", detail });
    }
    this.#state.stage.hold(handle);
    return new TempFolder(this.#state.os, handle);
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

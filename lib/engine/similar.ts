// -y: the basis for a file that the target lacks: a file in the same folder (-yy: and in the alternative destinations' folders of that path)
// with the same size and time, else the one whose name is most alike. Asked by the generator, by signer and receiver for the basis. Loaded
// only where it is asked for. Promises: what is found is only ever a basis; a folder's files are looked at once.

import { latin1 } from "../base/bytes.ts";
import { type Handle, Kind, Listing, OpenMode, Stat } from "../os/os.ts";
import { nameDistance } from "../plan/name_distance.ts";
import { isOwnName } from "../tree/own_names.ts";
import type { TargetState } from "./target_state.ts";

/** A smaller file is no basis: what it saves it costs, bytes. */
const LEAST_BYTES = 16 << 10;
/** The target's own folder, among those of alternatives. */
const OWN = -1;

interface Candidate {
  at: number;
  name: Uint8Array;
  text: string;
  size: number;
  mtimeSec: number;
  mtimeNs: number;
}

export class Similar {
  readonly #state: TargetState;
  readonly #bases = new Map<number, Candidate>();
  /** Files of the folder that was asked about last. */
  #candidates: Candidate[] = [];
  #folder = -1;

  constructor(state: TargetState) {
    this.#state = state;
  }

  /** Looks for a basis for file i; `folder`: its folder at the target, or below zero. Whether there is one. */
  find(i: number, folder: Handle): boolean {
    const { list } = this.#state;
    if (list.size(i) < LEAST_BYTES) return false;
    const parent = list.parent(i);
    if (this.#folder !== parent) {
      this.#folder = parent;
      this.#candidates = this.#collect(parent, folder);
    }
    const found = this.#exact(i) ?? this.#alike(i);
    if (found === null) return false;
    this.#bases.set(i, found);
    return true;
  }

  /** Opens the basis found for file i; null where none was found, or it is gone. */
  openBasis(i: number, folder: Handle): Handle | null {
    const found = this.#bases.get(i);
    if (found === undefined) return null;
    const { os, list, alternatives } = this.#state;
    const at = found.at === OWN ? folder : alternatives?.folder(list.parent(i), found.at) ?? -1;
    const handle = at < 0 ? at : os.openFile(at, found.name, OpenMode.read, 0);
    return handle < 0 ? null : handle;
  }

  #exact(i: number): Candidate | null {
    const { list } = this.#state;
    const [size, sec, ns] = [list.size(i), list.mtimeSec(i), list.mtimeNs(i)];
    const isIt = (one: Candidate) => one.size === size && one.mtimeSec === sec && one.mtimeNs === ns;
    return this.#candidates.find(isIt) ?? null;
  }

  #alike(i: number): Candidate | null {
    const name = latin1(this.#state.name(i));
    let best: Candidate | null = null;
    let least = Infinity;
    for (const one of this.#candidates) {
      const distance = nameDistance(name, one.text, least);
      if (distance >= least) continue;
      least = distance;
      best = one;
    }
    return best;
  }

  #collect(parent: number, own: Handle): Candidate[] {
    const { options, alternatives, created } = this.#state;
    const found: Candidate[] = [];
    if (own >= 0 && !created.has(parent)) this.#read(OWN, own, found);
    for (let at = 0; options.fuzzy > 1 && alternatives !== null && at < alternatives.count; at++) {
      const folder = alternatives.folder(parent, at);
      if (folder >= 0) this.#read(at, folder, found);
    }
    return found;
  }

  #read(at: number, folder: Handle, into: Candidate[]): void {
    const { os } = this.#state;
    const listing = new Listing();
    const stat = new Stat();
    if (os.readFolder(folder, listing) < 0) return;
    for (let k = 0; k < listing.count; k++) {
      const name = new Uint8Array(listing.name(k));
      if (isOwnName(name, 0, name.length) || os.statAt(folder, name, 0, name.length, stat) < 0) continue;
      if (stat.kind !== Kind.file || stat.size < LEAST_BYTES) continue;
      const { size, mtimeSec, mtimeNs } = stat;
      into.push({ at, name, text: latin1(name), size, mtimeSec, mtimeNs });
    }
  }
}

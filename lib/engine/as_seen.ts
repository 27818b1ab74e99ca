// Runs of files that stand at the target as the scan of the own tree saw their folder: of most of a large tree nothing differs, and a run is
// decided by a loop over columns. Used by the generator for a folder that was seen. Promises: what passes here is what compareMetadata
// and quickCheck of lib/plan would pass, one by one; where options ask for more than that, nothing does.

import { type EntryColumns, entryColumns } from "../base/file_list.ts";
import { LIST_ENTRIES } from "../base/limits.ts";
import { Kind } from "../os/os.ts";
import type { ToldFolder } from "./seen_folder.ts";
import type { TargetState } from "./target_state.ts";

/** ".t": a longer name that begins so may be one of ours. */
const DOT = 0x2e;
const LETTER = 0x74;
const FILE = Kind.file << 12;

export class AsSeen {
  readonly #state: TargetState;
  /** What the list says of the piece in hand, from entry #first on, and where in #names the name of entry #at begins. */
  #columns: EntryColumns | null = null;
  #names = new Uint8Array(0);
  #first = 0;
  #end = 0;
  #at = 0;
  #nameAt = 0;
  /** Sum of the sizes of the files that passed last, bytes. */
  bytes = 0;

  constructor(state: TargetState) {
    this.#state = state;
  }

  /** Whether nothing but name, size, time, mode and owners is compared, and nothing is to be told of what is equal. */
  get decides(): boolean {
    const { options, attributes, alternatives, folds, links, placed } = this.#state;
    const { modifyWindowNs, ignoreTimes, sizeOnly, atimes, perms, executability, reportUnchanged } = options;
    return attributes === null && alternatives === null && folds === null && links === null && placed === null &&
      modifyWindowNs === null && !ignoreTimes && !sizeOnly && !atimes && (perms || !executability) && !reportUnchanged;
  }

  /** Entries [first, first + count) of the list are to be decided. */
  begin(first: number, count: number): void {
    const { list } = this.#state;
    const columns = this.#columns ??= entryColumns(LIST_ENTRIES);
    list.copyColumns(first, count, columns);
    const bytes = list.nameBytes(first, count);
    if (this.#names.length < bytes) this.#names = new Uint8Array(2 * bytes);
    list.copyNames(first, count, this.#names, 0);
    this.#first = this.#at = first;
    this.#end = first + count;
    this.#nameAt = 0;
  }

  /** How many files from entry i on are as those that were seen from `position` on. Asked with growing i. */
  run(i: number, seen: ToldFolder, position: number): number {
    const { options: { perms }, owners } = this.#state;
    const { rows: { columns: own, names: ownNames }, range: { row: ownFirst, count } } = seen;
    const ours = this.#columns!;
    const names = this.#names;
    for (; this.#at < i; this.#at++) this.#nameAt += ours.nameLength[this.#at - this.#first];
    let nameAt = this.#nameAt;
    let ownNameAt = seen.nameStart(position);
    let bytes = 0;
    let uid = -1, wantedUid = -1, gid = -1, wantedGid = -1;
    const most = Math.min(this.#end - i, count - position);
    let passed = 0;
    for (; passed < most; passed++) {
      const row = i - this.#first + passed;
      const ownRow = ownFirst + position + passed;
      const length = ours.nameLength[row];
      if (length !== own.nameLength[ownRow]) break;
      let k = 0;
      while (k < length && names[nameAt + k] === ownNames[ownNameAt + k]) k++;
      if (k < length || (names[nameAt] === DOT && names[nameAt + 1] === LETTER)) break;
      const mode = ours.mode[row];
      if ((mode & 0xf000) !== FILE || (perms ? mode !== own.mode[ownRow] : (own.mode[ownRow] & 0xf000) !== FILE)) break;
      if (ours.size[row] !== own.size[ownRow] || ours.mtimeSec[row] !== own.mtimeSec[ownRow]) break;
      const ns = ours.mtimeNs[row];
      const ownNs = own.mtimeNs[ownRow];
      if (ns !== ownNs && ns !== 0 && ownNs !== 0) break;
      if (ours.uid[row] !== uid) {
        uid = ours.uid[row];
        wantedUid = owners.uid(i + passed);
      }
      if (ours.gid[row] !== gid) {
        gid = ours.gid[row];
        wantedGid = owners.gid(i + passed);
      }
      if ((wantedUid >= 0 && wantedUid !== own.uid[ownRow]) || (wantedGid >= 0 && wantedGid !== own.gid[ownRow])) break;
      nameAt += length;
      ownNameAt += length;
      bytes += ours.size[row];
    }
    this.#at = i + passed;
    this.#nameAt = nameAt;
    this.bytes = bytes;
    return passed;
  }
}

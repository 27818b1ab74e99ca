// The door to the system of a target half that keeps a trash (--trash): like the one it stands in front of, but whatever changes an entry
// below the root is noted in the trash's journal first, and what would be lost is kept. So nothing above needs to know of it: whoever
// changes something comes through here. Made by open_trash.ts.
// Promises: a name that gets a new entry has its old one until then (law 1: a second link or a copy is made before the rename); a call
// that could not be noted is not made; names of tsync's own (what is written aside) are nobody's entries and are not noted. What replaces or
// removes an older entry finds that one's record and what is kept of it on the disk: whoever changes many asks for that ahead (tree/ahead.ts), once
// for all of them; else each waits for its own.

import { EMPTY, equalBytes, joinPath, latin1 } from "../base/bytes.ts";
import type { SyncOptions } from "../base/options.ts";
import { Errno, type Handle, isSameInode, Kind, Listing, OpenMode, type Os, type Result, Stat } from "../os/os.ts";
import { OsThrough } from "../os/through.ts";
import type { AheadOfDeletion } from "../tree/ahead.ts";
import { readAttributes } from "../tree/entry_attributes.ts";
import { isOwnName } from "../tree/own_names.ts";
import type { StagedFile } from "../tree/stage.ts";
import { type Change, type EntryState, stateOf } from "../tree/trash_record.ts";
import type { Environment } from "./environment.ts";
import type { TargetRoot } from "./target_root.ts";
import { TrashWriter } from "./trash_writer.ts";

/** What an open handle below the root is of. */
interface Place {
  path: Uint8Array;
  /** On the way to it lies a name of our own: it is not in place yet. */
  isAside: boolean;
  /** Its state before the run's change is noted. */
  isNoted: boolean;
}

/** An entry that is noted and kept before the change that takes it away. */
interface Kept {
  devMajor: number;
  devMinor: number;
  inoHigh: number;
  inoLow: number;
  number: number;
}

export class TrashOs implements AheadOfDeletion {
  /** To be used in its place. */
  readonly os: Os;
  readonly #inner: Os;
  readonly #writer: TrashWriter;
  readonly #places = new Map<Handle, Place>();
  readonly #old = new Stat();
  readonly #fresh = new Stat();
  /** By path. */
  readonly #kept = new Map<string, Kept>();
  /** Paths of folders that are noted as gone. */
  readonly #going = new Set<string>();

  constructor(inner: Os, env: Environment, options: SyncOptions) {
    this.#inner = inner;
    this.#writer = new TrashWriter(inner, env, options);
    // Other threads fill only what is not in place yet, which is looked at when it gets its place.
    this.os = Object.assign(new OsThrough(inner), { abilities: inner.abilities }, this.#verbs());
  }

  /** The root is open, and from here on what happens below it is noted. */
  begin(root: TargetRoot): void {
    if (root.handle < 0) return;
    this.#places.set(root.handle, { path: EMPTY, isAside: false, isNoted: false });
    this.#writer.begin(root);
  }

  // ---- ahead of many changes

  keepAhead({ folder, temporary, name }: StagedFile): number {
    const [old, fresh] = [this.#old, this.#fresh];
    const inner = this.#inner;
    if (!this.#isReal(folder, name) || inner.statAt(folder, temporary, 0, temporary.length, fresh) < 0) return 0;
    if (inner.statAt(folder, name, 0, name.length, old) < 0 || old.kind === Kind.folder) return 0;
    // What the rename will refuse, or do without.
    if (isSameInode(old, fresh) || fresh.kind === Kind.folder) return 0;
    const touched = this.#note(folder);
    if (touched < 0) return touched;
    const path = this.#pathOf(folder, name);
    const change = this.#replaced(folder, name, path, old, stateOf(fresh));
    return typeof change === "number" ? change : this.#noteKept(path, change);
  }

  keepGoing(folder: Handle, _path: Uint8Array, name: Uint8Array): number {
    const old = this.#old;
    if (!this.#isReal(folder, name) || this.#inner.statAt(folder, name, 0, name.length, old) < 0) return 0;
    if (old.kind === Kind.folder) return 0;
    const touched = this.#note(folder);
    if (touched < 0) return touched;
    const path = this.#pathOf(folder, name);
    const change = this.#removed(folder, name, path, old);
    return typeof change === "number" ? change : this.#noteKept(path, change);
  }

  #noteKept(path: Uint8Array, change: Change): number {
    const noted = this.#writer.note(change);
    if (noted < 0) return noted;
    const { devMajor, devMinor, inoHigh, inoLow } = this.#old;
    this.#kept.set(latin1(path), { devMajor, devMinor, inoHigh, inoLow, number: change.kept });
    return 0;
  }

  /** The number under which the entry is kept already; 0: it is not, or another one has its name by now. */
  #takeKept(path: Uint8Array, old: Stat): number {
    const key = latin1(path);
    const kept = this.#kept.get(key);
    if (kept === undefined) return 0;
    this.#kept.delete(key);
    return isSameInode(Object.assign(new Stat(), kept), old) ? kept.number : 0;
  }

  goes(folder: Handle): void {
    const place = this.#places.get(folder);
    const stat = new Stat();
    if (place === undefined || place.isAside || this.#inner.statHandle(folder, stat) < 0) return;
    const before = stateOf(stat, readAttributes(this.#inner, folder, this.#writer.isRoot));
    const change: Change = { type: "change", path: place.path, before, kept: 0, after: null, isOpen: false };
    if (this.#writer.note(change) === 0) this.#going.add(latin1(place.path));
  }

  flush(): Promise<number> {
    return this.#writer.flush();
  }

  flushNow(): number {
    return this.#writer.flushNow();
  }

  /** All handles are closed. */
  end(): void {
    this.#writer.end();
  }

  #verbs(): Partial<Os> {
    const inner = this.#inner;
    const onHandle = (handle: Handle, change: () => Result) => {
      const noted = this.#note(handle);
      return noted < 0 ? noted : change();
    };
    const made = (folder: Handle, name: Uint8Array, kind: Kind, make: () => Result) =>
      this.#isReal(folder, name) ? this.#make(folder, name, kind, make) : this.#beside(folder, make);
    return {
      openFolder: (folder, name) => this.#track(folder, name, inner.openFolder(folder, name)),
      openBeneath: (root, path) => this.#track(root, path, inner.openBeneath(root, path)),
      pin: (folder, name) => this.#track(folder, name, inner.pin(folder, name)),
      openFile: (folder, name, how, mode) => this.#openFile(folder, name, how, mode),
      close: (handle) => this.#close(handle),
      rename: (from, a, to, b) => this.#rename(from, a, to, b, () => inner.rename(from, a, to, b)),
      renameNew: (from, a, to, b) => this.#rename(from, a, to, b, () => inner.renameNew(from, a, to, b)),
      exchange: (from, a, to, b) => this.#exchange(from, a, to, b),
      unlink: (folder, name) => this.#unlink(folder, name),
      removeFolder: (folder, name) => this.#removeFolder(folder, name),
      hardLink: (from, a, to, b) => made(to, b, this.#kindOf(from, a), () => inner.hardLink(from, a, to, b)),
      makeFolder: (folder, name, mode) => made(folder, name, Kind.folder, () => inner.makeFolder(folder, name, mode)),
      makeLink: (folder, name, target) => made(folder, name, Kind.link, () => inner.makeLink(folder, name, target)),
      makeSpecial: (folder, name, kind, mode, major, minor) =>
        made(folder, name, kind, () => inner.makeSpecial(folder, name, kind, mode, major, minor)),
      setMode: (handle, mode) => onHandle(handle, () => inner.setMode(handle, mode)),
      setOwner: (handle, uid, gid) => onHandle(handle, () => inner.setOwner(handle, uid, gid)),
      setTimes: (handle, sec, ns) => onHandle(handle, () => inner.setTimes(handle, sec, ns)),
      setAttribute: (handle, name, value) => onHandle(handle, () => inner.setAttribute(handle, name, value)),
      removeAttribute: (handle, name) => onHandle(handle, () => inner.removeAttribute(handle, name)),
    };
  }

  // ---- which handle is of what

  #track(folder: Handle, name: Uint8Array, opened: Handle): Handle {
    const place = opened < 0 ? undefined : this.#places.get(folder);
    if (place === undefined) return opened;
    const path = joinPath(place.path, name);
    const isAside = place.isAside || isOwnName(name, 0, name.length);
    this.#places.set(opened, { path: name.length === 0 ? place.path : path, isAside, isNoted: false });
    return opened;
  }

  /** Whether the name is one of an entry of the target, in place. */
  #isReal(folder: Handle, name: Uint8Array): boolean {
    const place = this.#places.get(folder);
    return place !== undefined && !place.isAside && !isOwnName(name, 0, name.length);
  }

  #pathOf(folder: Handle, name: Uint8Array): Uint8Array {
    return joinPath(this.#places.get(folder)!.path, name);
  }

  #close(handle: Handle): Result {
    const place = this.#places.get(handle);
    this.#places.delete(handle);
    if (place !== undefined && place.isNoted && !place.isAside) {
      const stat = new Stat();
      if (this.#inner.statHandle(handle, stat) === 0) this.#settle(place.path, stateOf(stat));
    }
    return this.#inner.close(handle);
  }

  /** What came of a change that was under way. */
  #settle(path: Uint8Array, after: EntryState): void {
    this.#writer.note({ type: "change", path, before: "untold", kept: 0, after, isOpen: false });
  }

  /** A name of our own comes or goes in the folder: that changes nothing but its time. */
  #beside(folder: Handle, change: () => Result): Result {
    const noted = this.#note(folder);
    return noted < 0 ? noted : change();
  }

  // ---- metadata

  /** Notes the state of the entry behind the handle before its first change. */
  #note(handle: Handle): number {
    const place = this.#places.get(handle);
    if (place === undefined || place.isAside || place.isNoted) return 0;
    const stat = new Stat();
    const looked = this.#inner.statHandle(handle, stat);
    if (looked < 0) return looked;
    const state = stateOf(stat, readAttributes(this.#inner, handle, this.#writer.isRoot));
    const { path } = place;
    const noted = this.#writer.note({ type: "change", path, before: state, kept: 0, after: state, isOpen: true });
    place.isNoted = noted === 0;
    return noted;
  }

  // ---- names

  /** A new entry where nothing stands. */
  #make(folder: Handle, name: Uint8Array, kind: Kind, make: () => Result): Result {
    if (this.#inner.statAt(folder, name, 0, name.length, this.#old) !== -Errno.ENOENT) return make();
    const touched = this.#note(folder);
    if (touched < 0) return touched;
    const state = stateOf(Object.assign(new Stat(), { kind }));
    const path = this.#pathOf(folder, name);
    const result = this.#noted({ type: "change", path, before: null, kept: 0, after: state, isOpen: true }, make);
    if (result >= 0 && kind !== Kind.folder && this.#inner.statAt(folder, name, 0, name.length, this.#old) === 0) {
      this.#settle(path, stateOf(this.#old));
    }
    return result;
  }

  #kindOf(folder: Handle, name: Uint8Array): Kind {
    return this.#inner.statAt(folder, name, 0, name.length, this.#fresh) < 0 ? Kind.file : this.#fresh.kind;
  }

  /** Makes the change once it is noted, and on the disk where it takes an older entry away; one that is refused is taken back. */
  #noted(changes: Change | readonly Change[], make: () => Result): Result {
    const mark = this.#writer.mark();
    const noted = Array.isArray(changes) ? this.#writer.noteAll(changes) : this.#writer.note(changes as Change);
    const flushed = noted < 0 ? noted : this.#writer.flushNow();
    if (flushed < 0) return flushed;
    const result = make();
    if (result < 0) this.#writer.takeBack(mark);
    return result;
  }

  #openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
    const inner = this.#inner;
    if (how === OpenMode.read) return inner.openFile(folder, name, how, mode);
    const open = () => this.#track(folder, name, inner.openFile(folder, name, how, mode));
    if (!this.#isReal(folder, name)) return how === OpenMode.create ? this.#beside(folder, open) : open();
    let opened: Handle;
    if (how === OpenMode.create) opened = this.#make(folder, name, Kind.file, open);
    else opened = this.#openToWrite(folder, name, open);
    const place = this.#places.get(opened);
    // What comes of it is told when it is closed.
    if (opened >= 0 && place !== undefined) place.isNoted = true;
    return opened;
  }

  /** A file that is written in place: a copy is kept. */
  #openToWrite(folder: Handle, name: Uint8Array, open: () => Handle): Handle {
    const old = this.#old;
    const looked = this.#inner.statAt(folder, name, 0, name.length, old);
    if (looked < 0 || old.kind !== Kind.file) return open();
    const path = this.#pathOf(folder, name);
    // Undo will put the copy in its place.
    const touched = this.#note(folder);
    if (touched < 0) return touched;
    const kept = this.#writer.keep(folder, name, path, old, "copy");
    if (kept < 0) return kept;
    const state = stateOf(old, this.#attributesAt(folder, name));
    return this.#noted({ type: "change", path, before: state, kept, after: state, isOpen: true }, open);
  }

  #attributesAt(folder: Handle, name: Uint8Array) {
    if (this.#inner.attributesAt(folder, name) === 0) return [];
    const pin = this.#inner.pin(folder, name);
    if (pin < 0) return null;
    const attributes = readAttributes(this.#inner, pin, this.#writer.isRoot);
    this.#inner.close(pin);
    return attributes;
  }

  #rename(from: Handle, a: Uint8Array, to: Handle, b: Uint8Array, rename: () => Result): Result {
    // What comes from another folder (--temp-dir) changes this one's time, too.
    if (!this.#isReal(to, b)) {
      return this.#isReal(from, a) ? this.#renameAside(from, a, rename) : this.#beside(to, rename);
    }
    const [old, fresh] = [this.#old, this.#fresh];
    const inner = this.#inner;
    if (inner.statAt(from, a, 0, a.length, fresh) < 0) return rename();
    const looked = inner.statAt(to, b, 0, b.length, old);
    if (looked < 0 && looked !== -Errno.ENOENT) return looked;
    const stands = looked === 0;
    // Refused, or without effect.
    if (stands && (isSameInode(old, fresh) || (old.kind === Kind.folder) !== (fresh.kind === Kind.folder))) {
      return rename();
    }
    const path = this.#pathOf(to, b);
    if (stands && this.#takeKept(path, old) > 0) return this.#writer.lost || rename();
    const touched = this.#note(to);
    if (touched < 0) return touched;
    const changes: Change[] = fresh.kind === Kind.folder ? this.#inside(from, a, path) : [];
    const replaced = this.#replaced(to, b, path, stands ? old : null, stateOf(fresh));
    if (typeof replaced === "number") return replaced;
    const result = this.#noted(changes.length === 0 ? replaced : [replaced, ...changes], rename);
    if (result === 0 && fresh.kind === Kind.folder) this.#moved(this.#pathOfAny(from, a), path);
    return result;
  }

  /** The record of an entry that takes the place of `old`, which is kept; or a negated errno. */
  #replaced(folder: Handle, name: Uint8Array, path: Uint8Array, old: Stat | null, after: EntryState): Change | number {
    const isOpen = after.kind === Kind.folder;
    if (old === null) return { type: "change", path, before: null, kept: 0, after, isOpen };
    const before = stateOf(old, old.kind === Kind.folder ? this.#attributesAt(folder, name) : null);
    if (old.kind === Kind.folder) return { type: "change", path, before, kept: 0, after, isOpen };
    const kept = this.#writer.keep(folder, name, path, old, "link");
    return kept < 0 ? kept : { type: "change", path, before, kept, after, isOpen };
  }

  /** An entry gets a name of ours: what had its name is gone from there. */
  #renameAside(folder: Handle, name: Uint8Array, rename: () => Result): Result {
    const old = this.#old;
    if (this.#inner.statAt(folder, name, 0, name.length, old) < 0) return rename();
    const path = this.#pathOf(folder, name);
    const touched = this.#note(folder);
    if (touched < 0) return touched;
    const kept = old.kind === Kind.folder ? 0 : this.#writer.keep(folder, name, path, old, "link");
    if (kept < 0) return kept;
    const before = stateOf(old, old.kind === Kind.folder ? this.#attributesAt(folder, name) : null);
    return this.#noted({ type: "change", path, before, kept, after: null, isOpen: false }, rename);
  }

  /** The entries of a folder that was filled aside: it holds no folders, and nothing but what this run put there. */
  #inside(parent: Handle, name: Uint8Array, path: Uint8Array): Change[] {
    const inner = this.#inner;
    const folder = inner.openFolder(parent, name);
    if (folder < 0) return [];
    const names = new Listing();
    const stat = new Stat();
    const changes: Change[] = [];
    if (inner.readFolder(folder, names) === 0) {
      for (let i = 0; i < names.count; i++) {
        if (inner.statAt(folder, names.names, names.at[i], names.length[i], stat) < 0) continue;
        const after = stateOf(stat);
        changes.push({
          type: "change",
          path: joinPath(path, names.name(i)),
          before: null,
          kept: 0,
          after,
          isOpen: false,
        });
      }
    }
    inner.close(folder);
    return changes;
  }

  #pathOfAny(folder: Handle, name: Uint8Array): Uint8Array {
    const place = this.#places.get(folder);
    return place === undefined ? name : joinPath(place.path, name);
  }

  /** A folder has its place: what is open of it, too. */
  #moved(from: Uint8Array, to: Uint8Array): void {
    for (const place of this.#places.values()) {
      if (!place.isAside || !equalBytes(place.path, from)) continue;
      place.path = to;
      place.isAside = false;
    }
  }

  #exchange(from: Handle, a: Uint8Array, to: Handle, b: Uint8Array): Result {
    const inner = this.#inner;
    const swap = () => inner.exchange(from, a, to, b);
    if (!this.#isReal(to, b)) return this.#isReal(from, a) ? this.#exchange(to, b, from, a) : swap();
    const [old, fresh] = [this.#old, this.#fresh];
    if (inner.statAt(from, a, 0, a.length, fresh) < 0 || inner.statAt(to, b, 0, b.length, old) < 0) return swap();
    const touched = this.#note(to);
    if (touched < 0) return touched;
    const path = this.#pathOf(to, b);
    const replaced = this.#replaced(to, b, path, old, stateOf(fresh));
    return typeof replaced === "number" ? replaced : this.#noted(replaced, swap);
  }

  #unlink(folder: Handle, name: Uint8Array): Result {
    const inner = this.#inner;
    if (!this.#isReal(folder, name)) return this.#beside(folder, () => inner.unlink(folder, name));
    const old = this.#old;
    const looked = inner.statAt(folder, name, 0, name.length, old);
    if (looked < 0 || old.kind === Kind.folder) return inner.unlink(folder, name);
    const path = this.#pathOf(folder, name);
    const number = this.#takeKept(path, old);
    if (number > 0) return this.#writer.lost || this.#writer.moveAway(folder, name, path, old, number);
    const touched = this.#note(folder);
    if (touched < 0) return touched;
    const change = this.#removed(folder, name, path, old);
    if (typeof change === "number") return change;
    return this.#noted(change, () => this.#writer.moveAway(folder, name, path, old, change.kept));
  }

  /** The record of an entry that goes, and is or will be kept; or a negated errno. */
  #removed(folder: Handle, name: Uint8Array, path: Uint8Array, old: Stat): Change | number {
    const kept = this.#writer.keep(folder, name, path, old, "move");
    return kept < 0 ? kept : { type: "change", path, before: stateOf(old), kept, after: null, isOpen: false };
  }

  #removeFolder(folder: Handle, name: Uint8Array): Result {
    const inner = this.#inner;
    const remove = () => inner.removeFolder(folder, name);
    const old = this.#old;
    if (!this.#isReal(folder, name)) return this.#beside(folder, remove);
    if (inner.statAt(folder, name, 0, name.length, old) < 0) return remove();
    const touched = this.#note(folder);
    if (touched < 0) return touched;
    const path = this.#pathOf(folder, name);
    if (this.#going.delete(latin1(path))) return remove();
    const before = stateOf(old, this.#attributesAt(folder, name));
    return this.#noted({ type: "change", path, before, kept: 0, after: null, isOpen: false }, remove);
  }
}

// What a synchronisation shall make of two trees, worked out on plain data: the oracle of the property tests. Written from what
// rsync's manual and the project promise, not from the engine; it knows neither folders' handles nor lists nor messages.

import { equalBytes } from "../../lib/base/bytes.ts";
import type { SyncOptions } from "../../lib/base/options.ts";
import type { FilterSet } from "../../lib/filter/filter_set.ts";
import { fromLatin1 } from "../../lib/base/bytes.ts";
import { Kind } from "../../lib/os/os.ts";
import { content, type Entry, split } from "./trees.ts";

export interface Expected extends Entry {
  /** The time is that of the run, or a folder's that changed: not compared. */
  anyTime?: boolean;
  /** The group is what the system gives a new entry there. */
  anyGroup?: boolean;
}

export interface Prediction {
  tree: Map<string, Expected>;
  /** Full folders in the way of files, links or special files: they stay, and each is told. */
  blocked: Set<string>;
}

export interface World {
  uid: number;
  umask: number;
  filter: FilterSet;
}

/** The tree at the target after a run of `/source/` into `target`, both as harvested. */
export function predict(
  source: Map<string, Entry>,
  target: Map<string, Entry>,
  options: SyncOptions,
  world: World,
): Prediction {
  const listed = list(source, options, world);
  const tree = new Map<string, Expected>(target);
  const blocked = new Set<string>();
  if (options.delete) {
    for (const path of [...target.keys()].sort((a, b) => b.length - a.length)) {
      const parent = listed.get(split(path)[0]);
      if (path === "" || listed.has(path) || parent?.kind !== Kind.folder) continue;
      if (source.has(path) && source.has(split(path)[0]) && !excluded(path, source.get(path)!.kind, world)) continue;
      if (isFolderOnTheWay(target, split(path)[0])) remove(tree, target, path, world);
    }
  }
  for (const [path, entry] of listed) {
    const parent = split(path)[0];
    if (path !== "" && blocked.has(parent)) continue;
    const had = target.get(path);
    if (entry.kind === Kind.charDevice && world.uid !== 0) continue;
    if (had !== undefined && had.kind === Kind.folder && entry.kind !== Kind.folder) {
      if (options.delete) { for (const child of childrenOf(target, path)) remove(tree, target, child, world); }
      if (childrenOf(tree, path).length > 0) {
        blocked.add(path);
        if (childrenOf(tree, path).length < childrenOf(target, path).length) tree.set(path, { ...had, anyTime: true });
        continue;
      }
    }
    tree.set(path, had?.kind === entry.kind ? updated(entry, had, options, world) : created(entry, options, world));
  }
  return { tree, blocked };
}

/** Whether all folders on the way to `path` are folders at the target already. */
function isFolderOnTheWay(target: Map<string, Entry>, path: string): boolean {
  return target.get(path)?.kind === Kind.folder;
}

/** What the source offers: what lies in folders that are offered, is of a kind that was asked for, and is not excluded. */
function list(source: Map<string, Entry>, options: SyncOptions, world: World): Map<string, Entry> {
  const listed = new Map<string, Entry>([["", source.get("")!]]);
  for (const [path, entry] of [...source].sort(([a], [b]) => a.split("/").length - b.split("/").length)) {
    if (path === "" || listed.get(split(path)[0])?.kind !== Kind.folder) continue;
    if (excluded(path, entry.kind, world) || !isAsked(entry.kind, options)) continue;
    listed.set(path, entry);
  }
  return listed;
}

function excluded(path: string, kind: number, { filter }: World): boolean {
  return filter.excluded(fromLatin1(path), kind === Kind.folder);
}

function isAsked(kind: number, options: SyncOptions): boolean {
  if (kind === Kind.file || kind === Kind.folder) return true;
  if (kind === Kind.link) return options.links;
  return kind === Kind.charDevice || kind === Kind.blockDevice ? options.devices : options.specials;
}

function childrenOf(tree: Map<string, Entry>, path: string): string[] {
  return [...tree.keys()].filter((other) => other !== "" && split(other)[0] === path && other !== path);
}

/** Removes what may be removed; a folder with something protected in it stays. */
function remove(tree: Map<string, Expected>, target: Map<string, Entry>, path: string, world: World): void {
  const entry = target.get(path)!;
  if (world.filter.protectedFromDeletion(fromLatin1(path), entry.kind === Kind.folder)) return;
  for (const child of childrenOf(target, path)) remove(tree, target, child, world);
  if (childrenOf(tree, path).length > 0) tree.set(path, { ...entry, anyTime: true });
  else tree.delete(path);
}

function created(entry: Entry, options: SyncOptions, { uid, umask }: World): Expected {
  return {
    ...entry,
    mode: options.perms || entry.kind === Kind.link ? entry.mode : entry.mode! & 0o777 & ~umask,
    uid: options.owner && uid === 0 ? entry.uid : uid,
    gid: options.group && uid === 0 ? entry.gid : uid,
    anyTime: !options.times,
    anyGroup: !options.group || uid !== 0,
  };
}

function updated(entry: Entry, had: Entry, options: SyncOptions, world: World): Expected {
  const isNew = entry.kind === Kind.file
    ? transfers(entry, had, options)
    : entry.kind === Kind.link
    ? entry.target !== had.target
    : entry.kind === Kind.folder
    ? false
    : String(entry.device) !== String(had.device);
  const shall = isNew ? created(entry, options, world) : had;
  const isRoot = world.uid === 0;
  const timesDiffer = !sameTime(entry, had);
  const made: Expected = {
    ...shall,
    mode: entry.kind === Kind.link ? had.mode : options.perms ? entry.mode : had.mode,
    uid: options.owner && isRoot ? entry.uid : isNew ? world.uid : had.uid,
    gid: options.group && isRoot ? entry.gid : isNew ? world.uid : had.gid,
  };
  if (!isNew && options.times && timesDiffer) Object.assign(made, { sec: entry.sec, ns: entry.ns });
  // Equal but for nanoseconds that one side does not have: brought in step with the first other change, or left.
  if (!isNew && options.times && !timesDiffer && entry.ns !== had.ns) made.anyTime = true;
  if (entry.kind === Kind.folder && !options.times) made.anyTime = true;
  return made;
}

function transfers(entry: Entry, had: Entry, options: SyncOptions): boolean {
  if (options.ignoreTimes) return true;
  if (options.checksum) return !equalBytes(content(entry), content(had));
  return entry.size !== had.size || !sameTime(entry, had);
}

function sameTime(a: Entry, b: Entry): boolean {
  return a.sec === b.sec && (a.ns === b.ns || a.ns === 0 || b.ns === 0);
}

/** What differs from the prediction, as sentences. */
export function differences(expected: Map<string, Expected>, found: Map<string, Entry>): string[] {
  const told: string[] = [];
  for (const path of new Set([...expected.keys(), ...found.keys()])) {
    const [shall, is] = [expected.get(path), found.get(path)];
    const shown = JSON.stringify(path);
    if (shall === undefined || is === undefined) {
      told.push(`${shown} ${shall === undefined ? "should not be there" : "is missing"}`);
      continue;
    }
    for (const field of ["kind", "mode", "uid", "gid", "size", "target"] as const) {
      if (field === "gid" && shall.anyGroup) continue;
      if (shall[field] !== is[field]) told.push(`${shown}: ${field} is ${is[field]}, not ${shall[field]}`);
    }
    if (String(shall.device) !== String(is.device)) told.push(`${shown}: device is ${is.device}, not ${shall.device}`);
    if (!shall.anyTime && (shall.sec !== is.sec || shall.ns !== is.ns)) {
      told.push(`${shown}: time is ${is.sec}.${is.ns}, not ${shall.sec}.${shall.ns}`);
    }
    if (shall.kind === Kind.file && is.kind === Kind.file && !equalBytes(content(shall), content(is))) {
      told.push(`${shown}: content differs`);
    }
  }
  return told;
}

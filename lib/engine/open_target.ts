// Opens the target: loads what the options ask for, opens or makes the root, and learns what there is to know of its file system. Called by
// the target half when the source has told its roots. Promises: what speaks against the run throws TsyncError before anything below the
// root is changed; what was learnt stands in the TargetState.

import { mayDelete } from "../base/options.ts";
import { Cause, Side, Verb } from "../base/problem.ts";
import { type Handle, type Os, Stat } from "../os/os.ts";
import { actsAsRoot } from "../plan/owner_map.ts";
import type { Roots } from "../session/ports.ts";
import type { AttributeReader } from "../tree/attributes.ts";
import { demandUseless } from "../tree/munged_links.ts";
import { attributeReader } from "./attribute_reader.ts";
import { seededDigesters } from "./digesters.ts";
import type { Generator } from "./generator.ts";
import { NameFolds, timeWindowNs } from "./name_folds.ts";
import { sidePath } from "./side_word.ts";
import { SpaceGuard } from "./space_guard.ts";
import { TargetPlaces } from "./target_places.ts";
import { demandTheSame, folderToMake, makeFolders, openTargetRoot } from "./target_root.ts";
import type { TargetState } from "./target_state.ts";
import type { TrashOs } from "./trash_os.ts";

const SLASH = 0x2f;

/** Whether the options ask for what loadParts loads. */
export function needsParts({ options }: TargetState): boolean {
  const { hardLinks, acls, xattrs, plainDigests, fuzzy } = options;
  return hardLinks || acls || xattrs || plainDigests || fuzzy > 0;
}

/** Loads what only some runs need; what reads attributes at the target, where they count. */
export async function loadParts(state: TargetState, generator: Generator): Promise<AttributeReader | null> {
  const { options, os, env, filters, list, owners } = state;
  let reader: AttributeReader | null = null;
  if (options.hardLinks) {
    const { HardLinks } = await import("./hard_links.ts");
    state.links = new HardLinks(state, generator);
  }
  if (options.acls || options.xattrs) {
    const { AttributeWriter, carriesOn } = await import("../tree/attributes.ts");
    const isRoot = actsAsRoot(env.identity);
    const carries = carriesOn("receiver", filters, isRoot);
    state.attributes = new AttributeWriter(os, options, isRoot, carries, list, owners);
    reader = await attributeReader({ options, os, filters, isRoot, side: "receiver" });
  }
  if (options.fuzzy > 0 && state.usesDelta) {
    const { Similar } = await import("./similar.ts");
    state.similar = new Similar(state);
  }
  if (options.plainDigests) state.plainDigester = (await seededDigesters({ low: 0, high: 0 })).content;
  return reader;
}

/** `path`: the target as typed. */
export function openTarget(state: TargetState, path: Uint8Array, roots: Roots, trash: TrashOs | null): void {
  const { os, env, options } = state;
  if (options.mungeLinks) demandUseless(os);
  if (options.openNoatime) os.readQuietly();
  // What an earlier connection has put there is there: nothing is made in its place.
  const goesOn = options.goesOn && !options.noGuard;
  if (options.mkpath && !goesOn) makePath(state, folderToMake(path, roots));
  state.root = openTargetRoot(os, path, roots, env.umask, { ...options, dryRun: options.dryRun || goesOn });
  if (goesOn) demandTheSame(state.root);
  lookAtFileSystem(state);
  trash?.begin(state.root);
  if (trash !== null) state.keepAhead(trash);
  if (mayDelete(options) && state.filters.hasPlaces) state.places = new TargetPlaces(state, path);
}

/** --mkpath: makes the root with all above it; a dry run only tells. */
function makePath({ os, env, options, events }: TargetState, folder: Uint8Array): void {
  const made = makeFolders(os, folder, env.umask, options.dryRun);
  const problem = { verb: Verb.create, side: Side.target, path: folder };
  if (made > 0) events.problem({ ...problem, cause: Cause.madeFolders, errno: made });
}

/** How much the target's file system takes, how it keeps names and times. */
function lookAtFileSystem(state: TargetState): void {
  const { os, env, options, root, list } = state;
  const info = root.handle < 0 ? root.handle : os.fileSystem(root.handle);
  if (typeof info === "number") return;
  state.folds = NameFolds.of(os, list, root, info, (i) => state.tell(Verb.skip, Cause.collision, 0, state.path(i)));
  const window = timeWindowNs(info);
  if (window > 0 && options.modifyWindowNs === null) state.options = { ...options, modifyWindowNs: window };
  if (options.noGuard || options.noSpaceCheck) return;
  state.space = new SpaceGuard(info, {
    uid: env.identity.uid,
    inPlace: options.inplace,
    keepsReplaced: keepsReplaced(state),
    makesHoles: options.sparse,
    part: (i) => state.partials?.peek(i) ?? 0,
    linksNames: options.hardLinks || options.altKind === "link",
    isOneFileSystem: () => state.localSources.some((source) => sharesDevice(os, root.handle, source)),
  });
}

/** Whether what is replaced goes on taking room on the root's file system. */
function keepsReplaced({ os, options, root }: TargetState): boolean {
  const { backup, backupDir, trash, delayUpdates, partialDir } = options;
  const isBeside = (word: string) => word === "" || isOnDevice(os, root.handle, sidePath(root.path, word));
  return (backup && isBeside(backupDir)) || (trash !== "" && isBeside(trash)) ||
    (delayUpdates && !partialDir.startsWith("/"));
}

/** Whether the path, or the folder above it in which it will be made, is on the device of the open root. */
function isOnDevice(os: Os, root: Handle, path: Uint8Array): boolean {
  const stat = new Stat();
  for (let end = path.length; end > 0; end = path.lastIndexOf(SLASH, end - 1)) {
    const above = path.subarray(0, end);
    if (os.statPath(above, true, stat) === 0) return sharesDevice(os, root, above);
  }
  return false;
}

/** Whether what the operator named is on the device of the open root; what cannot be looked at may be. */
function sharesDevice(os: Os, root: Handle, source: Uint8Array): boolean {
  const [own, other] = [new Stat(), new Stat()];
  if (os.statHandle(root, own) < 0 || os.statPath(source, true, other) < 0) return true;
  return own.devMajor === other.devMajor && own.devMinor === other.devMinor;
}

// The list as it comes from the source: decoded into the file list, held against PROTOCOL.md section 7, and handed to our half. Owned by the
// target's side of the session. Promises: our half sees only lists that a job with these options allows, each folder once, and hears of
// their end only when every folder was listed or found equal.

import { hasBit } from "../base/bitmap.ts";
import { assert } from "../base/errors.ts";
import type { FileList } from "../base/file_list.ts";
import { IndexSet } from "../base/index_set.ts";
import { ACCOUNTS, ENTRIES, LIST_NAME_BYTES } from "../base/limits.ts";
import { listsFolders, namesEntries } from "../tree/origins.ts";
import {
  decodeAccount,
  decodeEntries,
  decodeListEnd,
  decodeListHead,
  decodeRoots,
  decodeSubtrees,
  type ListHead,
  type ListRules,
  type ListTally,
} from "../wire/list_codec.ts";
import { ALL_KINDS, Kind, Message } from "../wire/messages.ts";
import { decodeMissing } from "../wire/missing_codec.ts";
import { decodePlan } from "../wire/plan_codec.ts";
import { broken, type SessionCore } from "./core.ts";
import { FolderPiece, type TargetPort, type Wait } from "./ports.ts";

const NONE = -1;
/** Flags of a LIST in any job. */
const PLAIN_PIECE = FolderPiece.first | FolderPiece.last | FolderPiece.incomplete | FolderPiece.holes;
/** -x: what a folder on another file system holds is not told. */
const MOUNT_PIECE = FolderPiece.first | FolderPiece.last | FolderPiece.named;

export class ListIntake {
  half: TargetPort | null = null;
  /** Digests of subtrees are wanted. */
  wantsSubtrees = false;
  readonly #core: SessionCore;
  readonly #list: FileList;
  readonly #rules: ListRules;
  readonly #head: ListHead = { folder: 0, flags: 0, holeBytes: 0, count: 0 };
  readonly #tally: ListTally = { files: 0, folders: 0, otherNames: 0, nameBytes: 0 };
  readonly #accounts = [new Set<number>(), new Set<number>()];
  readonly #foldersListed = new IndexSet();
  /** Folders of SUBTREES that were not answered, oldest first, and those found equal: they are not listed. */
  readonly #compared: Uint32Array[] = [];
  readonly #undecided = new IndexSet();
  readonly #equal = new IndexSet();
  #openFolder = NONE;
  /** Of paths of sources that are not there. */
  #missingBytes = 0;
  #isIncomplete = false;
  #isSingle = false;
  #isNothing = false;
  #isPlanned = false;

  constructor(core: SessionCore, list: FileList) {
    this.#core = core;
    this.#list = list;
    const { options } = core.job!;
    this.#rules = {
      kinds: kindsOf(options),
      digests: options.checksum,
      links: options.hardLinks,
      attributes: options.acls || options.xattrs,
      attributeNotes: options.xattrNotes,
      folderSizes: options.folderSizes,
      atimes: options.atimes,
    };
  }

  /** Files listed whose content may come: of several names of one inode one has content. */
  get files(): number {
    return this.#tally.files - this.#tally.otherNames;
  }

  /** Our half has compared the folders of the oldest SUBTREES; how many they are, and those that are equal will not be listed. */
  compared(differs: Uint8Array): number {
    const folders = this.#compared.shift();
    assert(folders !== undefined, "an answer follows a question");
    folders.forEach((folder, i) => {
      this.#undecided.delete(folder);
      if (!hasBit(differs, i)) this.#equal.add(folder);
    });
    return folders.length;
  }

  /** A message about the list. */
  receive(type: number): Wait {
    switch (type) {
      case Message.roots:
        return this.#receiveRoots();
      case Message.account:
        return this.#receiveAccount();
      case Message.attributes:
        return this.#receiveAttributes();
      case Message.list:
        return this.#receiveList();
      case Message.subtrees:
        return this.#receiveSubtrees();
      case Message.missing:
        return this.#receiveMissing();
      case Message.plan:
        return this.#receivePlan();
      default:
        return this.#receiveListEnd();
    }
  }

  #receiveRoots(): Wait {
    const roots = decodeRoots(this.#core.reader, this.#list, this.#rules);
    const { agentIsSource, paths } = this.#core.job!;
    if (agentIsSource && roots.sources !== paths.length) {
      broken(`the source has ${roots.sources} arguments, ${paths.length} were given`);
    }
    this.#isSingle = roots.single;
    this.#isNothing = roots.nothing === true;
    this.#core.state.phase = "list";
    return this.half!.roots(roots);
  }

  #receiveAccount(): Wait {
    const { kind, id, name } = decodeAccount(this.#core.reader);
    if (this.#accounts[0].size + this.#accounts[1].size >= ACCOUNTS) broken("the source names too many accounts");
    if (this.#accounts[kind].has(id)) broken(`the source names account ${id} twice`);
    this.#accounts[kind].add(id);
    return this.half!.account(kind, id, name.slice());
  }

  #receiveAttributes(): Wait {
    const { reader } = this.#core;
    if (!this.#rules.attributes) broken("ATTRIBUTES, which were not asked for");
    this.#list.sets!.take(reader.raw("ATTRIBUTES", reader.left));
    return undefined;
  }

  #receivePlan(): Wait {
    if (this.#isPlanned || this.#foldersListed.size > 0) broken("PLAN behind the list, or twice");
    this.#isPlanned = true;
    return this.half!.planned?.(decodePlan(this.#core.reader));
  }

  #receiveList(): Wait {
    const head = this.#head;
    const list = this.#list;
    decodeListHead(this.#core.reader, head);
    this.#checkPiece(head);
    const first = list.count;
    if (first + head.count > ENTRIES) broken("the source lists too many entries");
    decodeEntries(this.#core.reader, list, head, this.#rules, this.#tally);
    if (this.#tally.nameBytes > LIST_NAME_BYTES) broken("the source lists too many names");
    if (this.#isNothing && head.count > 0) broken("the source lists entries after it said that there are none");
    if (this.#isSingle && (list.count > 2 || (list.count === 2 && list.kind(1) === Kind.folder))) {
      broken("the list of a single source holds more than one entry that is not a folder");
    }
    if ((head.flags & FolderPiece.incomplete) !== 0) this.#isIncomplete = true;
    this.#openFolder = (head.flags & FolderPiece.last) === 0 ? head.folder : NONE;
    return this.half!.listed(head.folder, first, head.count, head.flags, head.holeBytes);
  }

  /** Demands that a piece goes on with the folder whose list is open, or begins one that may be listed. */
  #checkPiece({ folder, flags, count }: ListHead): void {
    const isFirst = (flags & FolderPiece.first) !== 0;
    if (this.#openFolder !== NONE) {
      if (folder !== this.#openFolder || isFirst) broken(`LIST of folder ${folder} within that of ${this.#openFolder}`);
      return;
    }
    if (!isFirst) broken(`LIST goes on with folder ${folder}, which is not open`);
    if (folder >= this.#list.count || this.#list.kind(folder) !== Kind.folder) {
      broken(`LIST of entry ${folder}, which is not a folder`);
    }
    const { options } = this.#core.job!;
    if (folder !== 0 && !listsFolders(options)) broken("LIST of a folder in a job that is not recursive");
    const isMount = options.oneFileSystem > 0 && count === 0 && flags === MOUNT_PIECE;
    if ((flags & ~PLAIN_PIECE) !== 0 && !isMount && !namesEntries(options)) {
      broken("LIST of named entries in a job that names none");
    }
    const isNamed = (flags & FolderPiece.named) !== 0;
    if ((flags & FolderPiece.bare) !== 0 && (folder === 0 || !isNamed || !options.noImpliedDirs)) {
      broken(`LIST of a bare folder ${folder}`);
    }
    if (this.#undecided.has(folder) || this.#equal.has(folder)) {
      broken(`LIST of folder ${folder}, which was not found to differ`);
    }
    if (!this.#foldersListed.add(folder)) broken(`LIST of folder ${folder} twice`);
  }

  #receiveSubtrees(): Wait {
    if (!this.wantsSubtrees) broken("SUBTREES, which were not wanted");
    const { folders, digests } = decodeSubtrees(this.#core.reader, this.#list.count);
    for (const folder of folders) {
      if (this.#list.kind(folder) !== Kind.folder) broken(`SUBTREES tells of entry ${folder}, which is not a folder`);
      const isNew = folder !== this.#openFolder && !this.#foldersListed.has(folder) && !this.#equal.has(folder);
      if (!isNew || !this.#undecided.add(folder)) broken(`SUBTREES tells of folder ${folder} too late`);
    }
    this.#compared.push(folders);
    return this.half!.subtrees(folders, digests);
  }

  #receiveMissing(): Wait {
    if (!this.#core.job!.options.deleteMissingArgs) broken("MISSING, which was not asked for");
    const paths = decodeMissing(this.#core.reader);
    for (const path of paths) this.#missingBytes += path.length + 1;
    if (this.#missingBytes > LIST_NAME_BYTES) broken("the source misses too many names");
    return this.half!.missing?.(paths);
  }

  #receiveListEnd(): Wait {
    const { complete, entries, bytes } = decodeListEnd(this.#core.reader);
    // Without -r there may be nothing to list: a folder as the only source is passed over.
    const isFlat = !listsFolders(this.#core.job!.options);
    const listed = this.#foldersListed.size + this.#equal.size;
    const isListed = isFlat || listed === this.#tally.folders + 1;
    if (this.#openFolder !== NONE || !isListed) broken("LIST_END before every folder was listed");
    if (entries !== this.#list.count) broken(`LIST_END counts ${entries} entries, ${this.#list.count} came`);
    if (complete && this.#isIncomplete) broken("LIST_END calls a list complete that is not");
    this.#core.state.phase = this.#core.state.phase === "list in a file" ? "data in a file" : "data";
    return this.half!.listEnd(complete, entries, bytes);
  }
}

/** The kinds of entries that a job with these options may list. */
function kindsOf(options: { links: boolean; devices: boolean; specials: boolean; listOnly: boolean }): number {
  if (options.listOnly) return ALL_KINDS;
  let kinds = 1 << Kind.file | 1 << Kind.folder;
  if (options.links) kinds |= 1 << Kind.link;
  if (options.devices) kinds |= 1 << Kind.characterDevice | 1 << Kind.blockDevice;
  if (options.specials) kinds |= 1 << Kind.fifo | 1 << Kind.socket;
  return kinds;
}

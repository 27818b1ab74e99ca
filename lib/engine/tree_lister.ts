// The list of a session that compares digests of subtrees: the source tells the digest of the root, then lists only folders that
// the target finds different, and tells the digests of their child folders in turn. Made by the source half when the target
// wants it. Promises: every folder is listed, or was found equal with all below it, or is below such a one; a folder whose
// subtree has no digest (law 5) is listed unasked. A small tree is listed at once, and so are small subtrees over a link with
// a long way: what they cost is less than another question.
//
// A scan that takes long does not hold everything up: after PATIENCE_MS without anything to do the folder it is in is
// listed, and the subtrees it has been through are compared.

import { hasBit } from "../base/bitmap.ts";
import type { FileList } from "../base/file_list.ts";
import { Gate } from "../base/gate.ts";
import { IndexSet } from "../base/index_set.ts";
import { LIST_ENTRIES } from "../base/limits.ts";
import type { Wait } from "../session/ports.ts";
import type { ListCopy } from "../tree/list_copy.ts";
import type { Piece } from "../tree/scan.ts";
import { sortAsFolders } from "../tree/scan_plans.ts";
import { type Seal, SEAL_BYTES, type SubtreeDigests } from "../tree/subtree_digests.ts";

/** A tree of no more entries is listed as it is: its list is smaller than the least that is sent at once. */
export const SMALL_TREE = 256;
/** Round trips above this are worth a few entries, ms, and the size of a subtree that is then listed unasked. */
const LONG_WAY_MS = 10;
const SMALL_SUBTREE = 32;
/** Over such a link a root of no more entries is listed unasked, too: if anything differs, one question fewer is asked. */
const SMALL_ROOT = 256;
const PATIENCE_MS = 1000;
/** Folders in one question. */
const OFFER = 4096;

export interface TreeListerInput {
  /** What was scanned, and its digests so far. */
  scanned: FileList;
  digests: SubtreeDigests;
  seal: Seal;
  /** The rest of the scan. */
  pieces: Iterator<Piece>;
  /** The session's list: it holds the root. */
  list: FileList;
  /** Copies from the one to the other. */
  copy: ListCopy;
  /** A tree of no more entries is listed at once. */
  smallTree: number;
  /** The link's round trip as far as it is known, ms. */
  roundTripMs(): number;
  /** Whether entry 0 stands for a folder of the source; else the root is always listed. */
  hasRoot: boolean;
  now(): number;
  pause(): Wait;
  /** Tells a piece of the session's list. */
  send(piece: Piece): Promise<void>;
  offer(folders: Uint32Array, digests: Uint8Array): Wait;
}

export class TreeLister {
  readonly #input: TreeListerInput;
  /** Scanned folder of each folder of the session's list that may be listed. */
  readonly #scannedOf = new Map<number, number>();
  /** Folders of the session's list whose subtree is still being scanned, by scanned folder. */
  readonly #waiting = new Map<number, number>();
  /** To be listed, the next one last. */
  readonly #descending: number[] = [];
  /** To be told. */
  #offering: number[] = [];
  /** Told and not answered, oldest first. */
  readonly #offered: number[][] = [];
  readonly #answers: Uint8Array[] = [];
  #answered = new Gate();
  #failure: unknown = null;
  #isScanned = false;
  #isRootUnasked = false;
  /** Folders of the session's list that are small trees, and those in them. */
  readonly #whole = new IndexSet();
  #scanningIn = 0;

  constructor(input: TreeListerInput) {
    this.#input = input;
    input.digests.onComplete = (folder) => this.#complete(folder);
  }

  /** The target's answer to the oldest question. */
  descend(differs: Uint8Array): void {
    this.#answers.push(differs);
    this.#answered.open();
  }

  fail(error: unknown): void {
    this.#failure = error;
    this.#answered.fail(error);
  }

  /** Returns when everything is listed or known to be equal. */
  async run(): Promise<void> {
    const { hasRoot, now } = this.#input;
    this.#scannedOf.set(0, 0);
    if (!hasRoot) this.#descending.push(0);
    else if (!this.#input.digests.isComplete(0)) this.#waiting.set(0, 0);
    else this.#decide(0);
    for (let idleSince = now();;) {
      if (this.#failure !== null) throw this.#failure;
      if (await this.#work()) idleSince = now();
      else if (!this.#isScanned) {
        await this.#scan();
        if (now() - idleSince > PATIENCE_MS) this.#listTop();
      } else if (this.#offered.length > 0) await this.#answered.promise;
      else return;
    }
  }

  /** Does what is at hand, in an order that does not depend on when an answer comes; false if there was nothing. */
  async #work(): Promise<boolean> {
    const folder = this.#descending.pop();
    if (folder !== undefined) {
      await this.#list(folder);
      return true;
    }
    if (this.#offering.length > 0) {
      await this.#offer(this.#offering.splice(0, OFFER));
      return true;
    }
    const answer = this.#answers.shift();
    if (answer === undefined) return false;
    if (this.#answers.length === 0) this.#answered = new Gate();
    this.#take(answer);
    return true;
  }

  async #scan(): Promise<void> {
    const { pieces, digests, pause } = this.#input;
    const next = pieces.next();
    if (next.done) this.#isScanned = true;
    else {
      this.#scanningIn = next.value.folder;
      digests.add(next.value);
    }
    const wait = pause();
    if (wait !== undefined) await wait;
  }

  /** The scan has been through the subtree of a scanned folder. */
  #complete(scanned: number): void {
    const folder = this.#waiting.get(scanned);
    if (folder === undefined) return;
    this.#waiting.delete(scanned);
    this.#decide(folder);
  }

  /** A folder of the session's list whose subtree was scanned: is it told, or listed unasked? */
  #decide(folder: number): void {
    const { digests, list, roundTripMs, smallTree, hasRoot } = this.#input;
    const scanned = this.#scannedOf.get(folder)!;
    const entries = digests.entries(scanned);
    const parent = list.parent(folder);
    const isTop = folder === 0 || (!hasRoot && parent === 0);
    if (this.#whole.has(parent) || (isTop && entries <= smallTree)) this.#whole.add(folder);
    const isFar = roundTripMs() > LONG_WAY_MS;
    if (folder === 0) this.#isRootUnasked = isFar && digests.range(scanned).count <= SMALL_ROOT;
    // Whether anything differs is not known before the folders right below such a root are compared.
    const isSmall = folder === 0
      ? this.#isRootUnasked
      : entries <= SMALL_SUBTREE && !(this.#isRootUnasked && parent === 0);
    const isCheap = this.#whole.has(folder) || (isFar && isSmall);
    if (isCheap || digests.digest(scanned) === null) this.#descending.push(folder);
    else this.#offering.push(folder);
  }

  /** The topmost folder that is being scanned and is not listed yet. */
  #listTop(): void {
    const { scanned, digests } = this.#input;
    for (let at = this.#scanningIn;; at = scanned.parent(at)) {
      const folder = this.#waiting.get(at);
      if (folder !== undefined && digests.isListed(at)) {
        this.#waiting.delete(at);
        this.#descending.push(folder);
        return;
      }
      if (at === 0) return;
    }
  }

  #take(differs: Uint8Array): void {
    const folders = this.#offered.shift()!;
    // The first one comes off the stack first.
    for (let i = folders.length - 1; i >= 0; i--) {
      if (hasBit(differs, i)) this.#descending.push(folders[i]);
      else this.#scannedOf.delete(folders[i]);
    }
  }

  async #offer(folders: number[]): Promise<void> {
    const { digests, seal } = this.#input;
    const sorted = Uint32Array.from(folders).sort();
    const bytes = new Uint8Array(sorted.length * SEAL_BYTES);
    sorted.forEach((folder, i) => bytes.set(seal(digests.digest(this.#scannedOf.get(folder)!)!), i * SEAL_BYTES));
    this.#offered.push([...sorted]);
    const wait = this.#input.offer(sorted, bytes);
    if (wait !== undefined) await wait;
  }

  /** Appends the folder's entries to the session's list, tells them, and decides what becomes of its child folders. */
  async #list(folder: number): Promise<void> {
    const { list, copy: lists, digests, send } = this.#input;
    const from = this.#scannedOf.get(folder)!;
    this.#scannedOf.delete(folder);
    while (!digests.isListed(from)) await this.#scan();
    const range = digests.range(from);
    const children: number[] = [];
    for (let done = 0; done === 0 || done < range.count;) {
      const count = Math.min(LIST_ENTRIES, range.count - done);
      const first = list.count;
      for (const i of lists.addMany(range.first + done, count, folder)) {
        const copy = first + i - range.first - done;
        this.#scannedOf.set(copy, i);
        children.push(copy);
      }
      const isFirst = done === 0;
      done += count;
      const isLast = done === range.count;
      const { isWhole, isNamed } = range;
      await send({ folder, first, count, isFirst, isLast, incomplete: isLast && !isWhole, isNamed });
      if (isLast) break;
    }
    sortAsFolders(list, children);
    for (const child of children.reverse()) {
      const scannedChild = this.#scannedOf.get(child)!;
      if (digests.isComplete(scannedChild)) this.#decide(child);
      else this.#waiting.set(scannedChild, child);
    }
  }
}

// A legal source half and a legal target half of the protocol, by hand, over a Wire. The hostile tests run them with a
// tamper hook that changes, drops or adds messages at chosen places; without a hook they are the legal twins. They are
// strict with what they receive: a message tsync should not have sent is a Violation.

import {
  decodeAbort,
  decodeCheck,
  decodeFileBegin,
  decodeFileData,
  decodeFileEnd,
  decodeFiles,
  decodeFileSkip,
  decodeHello,
  decodeJob,
  decodeList,
  decodeListEnd,
  decodePlan,
  decodeProblem,
  decodeRoots,
  decodeTotals,
  decodeWant,
  type Digest,
  encodeAllAbsent,
  encodeCheck,
  encodeCredit,
  encodeFileBegin,
  encodeFileData,
  encodeFileEnd,
  encodeFiles,
  encodeFileSkip,
  encodeHello,
  encodeJob,
  encodeList,
  encodeListEnd,
  encodeRoots,
  encodeTotals,
  encodeWant,
  type Entry,
  formatLaunchLine,
  fromLatin1,
  type Hello,
  type Job,
  KIND,
  latin1,
  makeDigest,
  makeEntry,
  makeHello,
  parseLaunchLine,
  PIECE,
  type ProblemBytes,
  type Roots,
  sessionSeed,
  TYPE,
  typeName,
  u64le,
  Violation,
} from "./protocol_bytes.ts";
import { type Frame, Gone, type Wire } from "./protocol_wire.ts";

// ---- opening -------------------------------------------------------------------------------------------------------

export interface Opened {
  digest: Digest;
  job: Job;
  peer: Hello;
  marker: string;
}

/** The agent's side: launch line in, OK and HELLO out, JOB in. */
export async function openAsAgent(wire: Wire, helloChanges: Partial<Hello> = {}): Promise<Opened> {
  const line = parseLaunchLine(await wire.line());
  wire.unread(line.early);
  await wire.raw(latin1(`${line.marker} OK\n`));
  const hello = makeHello(1, helloChanges);
  await wire.send("HELLO", TYPE.HELLO, encodeHello(hello));
  const job = decodeJob(await expectFrame(wire, TYPE.JOB));
  const digest = await makeDigest(await sessionSeed(line.hello.nonce, hello.nonce));
  return { digest, job, peer: line.hello, marker: line.marker };
}

/** The client's side, up to and with JOB. */
export async function openAsClient(wire: Wire, job: Job, helloChanges: Partial<Hello> = {}): Promise<Opened> {
  const hello = makeHello(0, helloChanges);
  const marker = fromLatin1(crypto.getRandomValues(new Uint8Array(16))).replace(
    /[^]/g,
    (c) => c.charCodeAt(0).toString(16).padStart(2, "0"),
  );
  await wire.raw(formatLaunchLine(marker, encodeHello(hello)));
  const answer = fromLatin1(await wire.line());
  if (answer.startsWith(`${marker} FAIL `)) throw new Gone(answer);
  if (answer !== `${marker} OK\n`) throw new Violation(`answer to the launch line: ${JSON.stringify(answer)}`);
  const peer = decodeHello(await expectFrame(wire, TYPE.HELLO));
  if (peer.side !== 1) throw new Violation("the agent's hello says it is a client");
  await wire.send("JOB", TYPE.JOB, encodeJob(job));
  const digest = await makeDigest(await sessionSeed(hello.nonce, peer.nonce));
  return { digest, job, peer, marker };
}

/** The peer ended the session by ABORT. */
export class Aborted extends Gone {
  readonly kind: number;
  readonly text: string;

  constructor(payload: Uint8Array) {
    const { kind, text } = decodeAbort(payload);
    super(`ABORT ${kind}: ${text}`);
    this.kind = kind;
    this.text = text;
  }
}

/** The next message that is neither PING nor CREDIT. */
async function nextMessage(wire: Wire): Promise<Frame> {
  for (;;) {
    const frame = await wire.next();
    if (frame.type === TYPE.ABORT) throw new Aborted(frame.payload);
    if (frame.type !== TYPE.PING && frame.type !== TYPE.CREDIT) return frame;
  }
}

async function expectFrame(wire: Wire, type: number): Promise<Uint8Array> {
  const frame = await nextMessage(wire);
  if (frame.type !== type) throw new Violation(`${typeName(frame.type)} came, ${typeName(type)} is due`);
  return frame.payload;
}

// ---- source --------------------------------------------------------------------------------------------------------

export interface ListPiece {
  folder: number | bigint;
  flags: number;
  entries: Entry[];
  /** Overrides the count that is written. */
  count?: number | bigint;
}

/** Everything a source will say. Entry indexes follow from the order of the pieces. */
export interface SourcePlan {
  roots: Roots;
  lists: ListPiece[];
  /** Content by index. */
  contents: Map<number, Uint8Array>;
  /** Indexes that go by FILE_BEGIN, whatever their size. */
  inPieces: Set<number>;
  /** Bytes of content in one FILE_DATA. */
  pieceBytes: number;
  /** Pieces of zeros are not sent: holes. */
  skipZeroPieces: boolean;
  complete: boolean;
  errors: boolean;
}

export interface TreeLink {
  link: string;
}
export interface TreeEntry {
  entry: Partial<Entry>;
  content?: Uint8Array;
}
export type TreeNode = string | Uint8Array | TreeLink | TreeEntry | Tree;
export interface Tree {
  [name: string]: TreeNode;
}

function isLink(node: TreeNode): node is TreeLink {
  return typeof node === "object" && typeof (node as TreeLink).link === "string";
}

function isEntry(node: TreeNode): node is TreeEntry {
  return typeof node === "object" && typeof (node as TreeEntry).entry === "object";
}

/** Names in a Tree are latin1 strings: one character per byte. */
function entryOf(name: string, node: TreeNode): { entry: Entry; content?: Uint8Array; folder?: Tree } {
  if (typeof node === "string") node = latin1(node);
  if (node instanceof Uint8Array) return { entry: makeEntry(name, { size: node.length }), content: node };
  if (isLink(node)) {
    return { entry: makeEntry(name, { kind: KIND.link, permissions: 0o777, target: latin1(node.link) }) };
  }
  if (isEntry(node)) {
    return { entry: makeEntry(name, { size: node.content?.length ?? 0, ...node.entry }), content: node.content };
  }
  return { entry: makeEntry(name, { kind: KIND.folder, permissions: 0o755 }), folder: node };
}

export function rootsOf(changes: Partial<Roots> = {}): Roots {
  return {
    flags: 1,
    args: 1,
    mode: (KIND.folder << 12) | 0o755,
    uid: Deno.uid() ?? 0,
    gid: Deno.gid() ?? 0,
    seconds: 1_700_000_000,
    nanoseconds: 5,
    ...changes,
  };
}

export const MAX_RECORD_BYTES = 131_072;

/** A legal plan that sends a tree: folders breadth first, names sorted by bytes. */
export function planOf(tree: Tree, rootChanges: Partial<Roots> = {}): SourcePlan {
  const plan: SourcePlan = {
    roots: rootsOf(rootChanges),
    lists: [],
    contents: new Map(),
    inPieces: new Set(),
    pieceBytes: 262_144,
    skipZeroPieces: false,
    complete: true,
    errors: false,
  };
  const queue: { index: number; folder: Tree }[] = [{ index: 0, folder: tree }];
  let next = 1;
  for (let at = 0; at < queue.length; at++) {
    const entries: Entry[] = [];
    const { index, folder } = queue[at];
    for (const name of Object.keys(folder).sort()) {
      const { entry, content, folder: below } = entryOf(name, folder[name]);
      if (content !== undefined) plan.contents.set(next, content);
      if (below !== undefined) queue.push({ index: next, folder: below });
      entries.push(entry);
      next++;
    }
    plan.lists.push({ folder: index, flags: PIECE.first | PIECE.last, entries });
  }
  return plan;
}

export function entryCount(plan: SourcePlan): number {
  return 1 + plan.lists.reduce((sum, list) => sum + list.entries.length, 0);
}

export function byteCount(plan: SourcePlan): bigint {
  let sum = 0n;
  for (const list of plan.lists) {
    for (const entry of list.entries) {
      if (entry.kind === KIND.file) sum += BigInt(entry.size);
      if (entry.kind === KIND.link) sum += BigInt(entry.target.length);
    }
  }
  return sum;
}

export interface SourceResult {
  /** Indexes wanted, redo marked by a minus sign. */
  wanted: number[];
  checked: string[];
  problems: ProblemBytes[];
  deleted: string[];
  entries: number;
  totals: number[] | null;
  streaming: boolean;
}

export function emptySourceResult(): SourceResult {
  return { wanted: [], checked: [], problems: [], deleted: [], entries: 0, totals: null, streaming: false };
}

/** Digest of content that goes in pieces (section 7). */
export function digestOfPieces(digest: Digest, pieces: [number, Uint8Array][], size: number): Uint8Array {
  let end = -1;
  const parts = pieces.flatMap(([offset, bytes]) => {
    const adjoins = offset === end;
    end = offset + bytes.length;
    return adjoins ? [bytes] : [u64le(offset), bytes];
  });
  return digest(...parts, u64le(size));
}

async function sendContent(wire: Wire, digest: Digest, plan: SourcePlan, index: number): Promise<void> {
  const content = plan.contents.get(index);
  if (content === undefined) return await wire.send("FILE_SKIP", TYPE.FILE_SKIP, encodeFileSkip(index, 1));
  if (content.length <= MAX_RECORD_BYTES && !plan.inPieces.has(index)) {
    const record = { index, content, digest: digest(content) };
    return await wire.send("FILES", TYPE.FILES, encodeFiles([record]));
  }
  await wire.send("FILE_BEGIN", TYPE.FILE_BEGIN, encodeFileBegin({ index, size: content.length }));
  const pieces: [number, Uint8Array][] = [];
  for (let at = 0; at < content.length; at += plan.pieceBytes) {
    const piece = content.slice(at, at + plan.pieceBytes);
    if (plan.skipZeroPieces && piece.every((byte) => byte === 0)) continue;
    pieces.push([at, piece]);
    await wire.send("FILE_DATA", TYPE.FILE_DATA, encodeFileData(at, piece));
  }
  await wire.send("FILE_END", TYPE.FILE_END, encodeFileEnd(0, digestOfPieces(digest, pieces, content.length)));
}

/** Plays the source until the other side has ended. `isClient`: we send BYE after TOTALS. What was received stands in `result`
 * even when the session breaks off. */
export async function playSource(
  wire: Wire,
  opened: Opened,
  plan: SourcePlan,
  isClient: boolean,
  result: SourceResult = emptySourceResult(),
): Promise<SourceResult> {
  const { digest } = opened;
  await wire.send("ROOTS", TYPE.ROOTS, encodeRoots(plan.roots));
  const ready = await nextEventful(wire, result);
  if (ready === null || ready.type !== TYPE.READY || ready.payload.length !== 1 || ready.payload[0] > 1) {
    throw new Violation(`READY is due, ${ready === null ? "the end" : typeName(ready.type)} came`);
  }
  result.streaming = ready.payload[0] === 1;
  for (const list of plan.lists) {
    await wire.send("LIST", TYPE.LIST, encodeList(list.folder, list.entries, list.flags, list.count));
  }
  await wire.send("LIST_END", TYPE.LIST_END, encodeListEnd(plan.complete, entryCount(plan), byteCount(plan)));
  if (result.streaming) { for (const index of fileIndexes(plan)) await sendContent(wire, digest, plan, index); }
  for (;;) {
    const frame = await nextEventful(wire, result);
    if (frame === null) {
      if (!isClient) return result;
      await wire.send("BYE", TYPE.BYE);
      await wire.drain();
      return result;
    }
    switch (frame.type) {
      case TYPE.WANT: {
        const { redo, indexes } = decodeWant(frame.payload);
        for (const index of indexes) {
          result.wanted.push(redo ? -index : index);
          await sendContent(wire, digest, plan, index);
        }
        break;
      }
      case TYPE.WANT_END:
        if (frame.payload.length > 0) throw new Violation("WANT_END with a payload");
        await wire.send("SOURCE_DONE", TYPE.SOURCE_DONE, Uint8Array.of(Number(plan.errors)));
        break;
      case TYPE.CHECK: {
        const paths = decodeCheck(frame.payload);
        result.checked.push(...paths.map(fromLatin1));
        await wire.send("CHECKED", TYPE.CHECKED, encodeAllAbsent(paths.length));
        break;
      }
      default:
        throw new Violation(`${typeName(frame.type)} came to a source`);
    }
  }
}

/** Indexes of the plain files, in list order. */
export function fileIndexes(plan: SourcePlan): number[] {
  const indexes: number[] = [];
  let next = 1;
  for (const list of plan.lists) {
    for (const entry of list.entries) {
      if (entry.kind === KIND.file) indexes.push(next);
      next++;
    }
  }
  return indexes;
}

/** The next message for a source; events are noted. Null: the run is over (BYE, or TOTALS for a client). */
async function nextEventful(wire: Wire, result: SourceResult): Promise<Frame | null> {
  for (;;) {
    const frame = await nextMessage(wire);
    switch (frame.type) {
      case TYPE.PROBLEM:
        result.problems.push(decodeProblem(frame.payload));
        break;
      case TYPE.ENTRY:
        result.entries++;
        break;
      case TYPE.DELETED:
        result.deleted.push(fromLatin1(frame.payload.slice(2)));
        break;
      case TYPE.PROGRESS:
        break;
      case TYPE.TOTALS:
        result.totals = decodeTotals(frame.payload);
        return null;
      case TYPE.BYE:
        return null;
      default:
        return frame;
    }
  }
}

// ---- target --------------------------------------------------------------------------------------------------------

export interface TargetPlan {
  streaming: boolean;
  /** Paths to CHECK after SOURCE_DONE. */
  check: Uint8Array[];
  /** Indexes to want; default: every file. */
  want?: number[];
  /** Indexes to want again, once all were answered. */
  redo?: number[];
  /** Takes content that it did not want; for tests that want by a hook of their own. */
  lenient?: boolean;
}

export interface TargetResult {
  roots: Roots | null;
  /** Path to entry, in list order. */
  entries: Map<string, Entry>;
  contents: Map<string, Uint8Array>;
  skipped: Map<string, number>;
  listEnd: { complete: boolean; entries: number; bytes: number };
  errors: boolean;
  checked: Uint8Array | null;
  problems: ProblemBytes[];
}

export function emptyTargetResult(): TargetResult {
  return {
    roots: null,
    entries: new Map(),
    contents: new Map(),
    skipped: new Map(),
    listEnd: { complete: false, entries: 0, bytes: 0 },
    errors: false,
    checked: null,
    problems: [],
  };
}

/** Holds what has been announced, and checks every index and offset against it. */
class Announced {
  readonly paths = [""];
  readonly entries: (Entry | null)[] = [null];
  readonly listed = new Set<number>();
  #folder: number | null = null;
  #lastName = "";

  add(payload: Uint8Array): void {
    const { folder, flags, entries } = decodeList(payload);
    if ((flags & PIECE.first) !== 0) {
      if (this.#folder !== null) throw new Violation("LIST begins inside another");
      if (this.listed.has(folder)) throw new Violation(`folder ${folder} listed twice`);
      if (this.listed.size === 0 && folder !== 0) throw new Violation("the first LIST is not the root's");
      if (folder !== 0 && this.entries[folder]?.kind !== KIND.folder) {
        throw new Violation(`LIST of ${folder}, no folder`);
      }
      this.listed.add(folder);
      this.#folder = folder;
      this.#lastName = "";
    } else if (this.#folder !== folder) throw new Violation("LIST goes on with another folder");
    for (const entry of entries) {
      const name = fromLatin1(entry.name);
      if (this.#lastName >= name) throw new Violation("names do not rise across pieces");
      this.#lastName = name;
      this.entries.push(entry);
      this.paths.push(this.paths[folder] === "" ? name : `${this.paths[folder]}/${name}`);
    }
    if ((flags & PIECE.last) !== 0) this.#folder = null;
  }
}

/** Plays the target until the end, keeping everything in memory. `isClient`: we send BYE instead of TOTALS. What was received
 * stands in `result` even when the session breaks off. */
export async function playTarget(
  wire: Wire,
  opened: Opened,
  plan: TargetPlan,
  isClient: boolean,
  result: TargetResult = emptyTargetResult(),
): Promise<TargetResult> {
  const { digest } = opened;
  const announced = new Announced();
  const outstanding = new Set<number>();
  let listEnded = false;
  let planned: number | null = null;
  let wantEnded = false;
  const redo = [...plan.redo ?? []];
  let spent = 0;
  let file: { index: number; size: number; content: Uint8Array; parts: Uint8Array[]; end: number } | null = null;

  const answer = (index: number | bigint, content: Uint8Array) => {
    if (!outstanding.delete(Number(index)) && !plan.lenient) {
      throw new Violation(`content of ${index}, which is not wanted`);
    }
    result.contents.set(announced.paths[Number(index)], content);
  };

  for (;;) {
    const frame = await nextMessage(wire);
    const { payload } = frame;
    switch (frame.type) {
      case TYPE.ROOTS:
        if (result.roots !== null) throw new Violation("ROOTS twice");
        result.roots = decodeRoots(payload);
        await wire.send("READY", TYPE.READY, Uint8Array.of(Number(plan.streaming)));
        break;
      case TYPE.ACCOUNT:
        break;
      case TYPE.PLAN:
        if (planned !== null || announced.paths.length > 1) throw new Violation("PLAN at a wrong time");
        planned = decodePlan(payload).entries;
        break;
      case TYPE.LIST: {
        if (listEnded || result.roots === null) throw new Violation("LIST at a wrong time");
        const before = announced.paths.length;
        announced.add(payload);
        for (let index = before; index < announced.paths.length; index++) {
          const entry = announced.entries[index]!;
          result.entries.set(announced.paths[index], entry);
          if (plan.streaming && entry.kind === KIND.file) outstanding.add(index);
        }
        break;
      }
      case TYPE.LIST_END: {
        result.listEnd = decodeListEnd(payload);
        listEnded = true;
        if (planned !== null && planned !== announced.paths.length) {
          throw new Violation(`PLAN counts ${planned} entries of ${announced.paths.length}`);
        }
        if (result.listEnd.entries !== announced.paths.length) {
          throw new Violation(`LIST_END counts ${result.listEnd.entries} entries of ${announced.paths.length}`);
        }
        if (!plan.streaming) {
          const files = announced.entries.flatMap((entry, index) => entry?.kind === KIND.file ? [index] : []);
          const want = plan.want ?? files;
          for (const index of want) outstanding.add(index);
          const steps = want.map((index, at) => at === 0 ? index : index - want[at - 1]);
          if (want.length > 0) await wire.send("WANT", TYPE.WANT, encodeWant(0, steps));
        }
        break;
      }
      case TYPE.FILES:
        if (file !== null) throw new Violation("FILES inside a file");
        for (const record of decodeFiles(payload)) {
          checkDigest(record.digest, digest(record.content));
          answer(record.index, record.content);
        }
        break;
      case TYPE.FILE_BEGIN: {
        if (file !== null) throw new Violation("FILE_BEGIN inside a file");
        const { index, size } = decodeFileBegin(payload);
        file = { index: Number(index), size: Number(size), content: new Uint8Array(Number(size)), parts: [], end: 0 };
        break;
      }
      case TYPE.FILE_DATA: {
        const { offset, bytes } = decodeFileData(payload);
        if (file === null || offset < file.end || offset + bytes.length > file.size) {
          throw new Violation(`FILE_DATA at ${offset}, ${bytes.length} bytes`);
        }
        file.content.set(bytes, offset);
        if (offset === file.end && file.parts.length > 0) file.parts.push(bytes);
        else file.parts.push(u64le(offset), bytes);
        file.end = offset + bytes.length;
        spent += payload.length + 5;
        // Credit is given back in steps of 1 MiB at least.
        if (spent >= 1_048_576) {
          await wire.send("CREDIT", TYPE.CREDIT, encodeCredit(spent));
          spent = 0;
        }
        break;
      }
      case TYPE.FILE_END: {
        if (file === null) throw new Violation("FILE_END without a file");
        const sum = decodeFileEnd(payload);
        if (sum !== null) {
          checkDigest(sum, digest(...file.parts, u64le(file.size)));
          answer(file.index, file.content);
        }
        file = null;
        break;
      }
      case TYPE.FILE_SKIP: {
        const { index, cause } = decodeFileSkip(payload);
        if (!outstanding.delete(index)) throw new Violation(`FILE_SKIP of ${index}, which is not wanted`);
        result.skipped.set(announced.paths[index], cause);
        break;
      }
      case TYPE.SOURCE_DONE:
        if (!wantEnded || payload.length !== 1 || payload[0] > 1) throw new Violation("SOURCE_DONE");
        result.errors = payload[0] === 1;
        if (plan.check.length > 0) {
          await wire.send("CHECK", TYPE.CHECK, encodeCheck(plan.check));
          break;
        }
        return await endTarget(wire, result, isClient);
      case TYPE.CHECKED:
        result.checked = payload;
        return await endTarget(wire, result, isClient);
      case TYPE.PROBLEM:
        result.problems.push(decodeProblem(payload));
        break;
      default:
        throw new Violation(`${typeName(frame.type)} came to a target`);
    }
    const allAnswered = listEnded && !wantEnded && outstanding.size === 0 && file === null;
    if (allAnswered && redo.length > 0) {
      const steps = redo.map((index, at) => at === 0 ? index : index - redo[at - 1]);
      for (const index of redo.splice(0)) outstanding.add(index);
      await wire.send("WANT", TYPE.WANT, encodeWant(1, steps));
    } else if (allAnswered) {
      wantEnded = true;
      await wire.send("WANT_END", TYPE.WANT_END);
    }
  }
}

function checkDigest(said: Uint8Array, found: Uint8Array): void {
  if (fromLatin1(said) !== fromLatin1(found)) throw new Violation("a digest does not fit its content");
}

async function endTarget(wire: Wire, result: TargetResult, isClient: boolean): Promise<TargetResult> {
  if (isClient) {
    await wire.send("BYE", TYPE.BYE);
    for (const frame of await wire.rest()) {
      if (frame.type === TYPE.ABORT) throw new Aborted(frame.payload);
      if (frame.type === TYPE.PROBLEM) result.problems.push(decodeProblem(frame.payload));
      else if (frame.type !== TYPE.PING) throw new Violation(`${typeName(frame.type)} after BYE`);
    }
    return result;
  }
  await wire.send("TOTALS", TYPE.TOTALS, encodeTotals());
  const frame = await nextMessage(wire);
  if (frame.type !== TYPE.BYE) throw new Violation(`BYE is due, ${typeName(frame.type)} came`);
  return result;
}

// Brings to the disk what is kept of older entries before something takes their place: copies, the folders that got their names, and what
// else is held (a journal). Used by the trash and by backups. Promises: what is not on the disk when a flush says 0 was never added;
// nothing of a file system in memory is flushed; no more than MOST handles are open between two flushes.

import { EMPTY } from "../base/bytes.ts";
import { type Handle, OpenMode, type Os, Stat } from "../os/os.ts";
import { isRefusal } from "./flush.ts";
import { isInMemory } from "./volumes.ts";

const MOST = 32;

export class KeptFlush {
  readonly #os: Os;
  readonly #handles: Handle[] = [];
  readonly #folders = new Set<string>();
  readonly #stat = new Stat();
  /** What could not be brought to the disk while more was added. */
  #failed = 0;

  constructor(os: Os) {
    this.#os = os;
  }

  get isEmpty(): boolean {
    return this.#handles.length === 0 && this.#failed === 0;
  }

  /** `name` of the open folder is new there; a file has new content, too. 0 or a negated errno. */
  add(folder: Handle, name: Uint8Array): number {
    const os = this.#os;
    const looked = os.statHandle(folder, this.#stat);
    if (looked < 0) return looked;
    const { devMajor, devMinor, inoHigh, inoLow } = this.#stat;
    const key = `${devMajor}:${devMinor}:${inoHigh}:${inoLow}`;
    if (isInMemory(os, folder)) return 0;
    if (this.#handles.length >= MOST) this.#failed ||= this.flushNow();
    const file = os.openFile(folder, name, OpenMode.read, 0);
    // A link or a device has nothing but its name.
    if (file >= 0) this.#handles.push(file);
    if (this.#folders.has(key)) return 0;
    const own = os.openBeneath(folder, EMPTY);
    if (own < 0) return own;
    this.#handles.push(own);
    this.#folders.add(key);
    return 0;
  }

  /** `others`: held by the caller, and flushed behind what was added. */
  async flush(others: readonly Handle[] = []): Promise<number> {
    const handles = this.#take();
    const results = await Promise.all(handles.map((handle) => this.#os.syncBeside(handle)));
    this.#close(handles);
    for (const handle of others) results.push(await this.#os.syncBeside(handle));
    return this.#worst(results);
  }

  flushNow(others: readonly Handle[] = []): number {
    const handles = this.#take();
    const results = handles.map((handle) => this.#os.sync(handle));
    this.#close(handles);
    for (const handle of others) results.push(this.#os.sync(handle));
    return this.#worst(results);
  }

  /** The run is over. */
  close(): void {
    this.#close(this.#take());
  }

  #take(): Handle[] {
    this.#folders.clear();
    return this.#handles.splice(0);
  }

  #close(handles: Handle[]): void {
    for (const handle of handles) this.#os.close(handle);
  }

  /** A file system that knows no flushing has nothing to say of it. */
  #worst(results: readonly number[]): number {
    const failed = this.#failed || (results.find((result) => result < 0 && !isRefusal(result)) ?? 0);
    this.#failed = 0;
    return failed;
  }
}

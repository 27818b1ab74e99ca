// Files of an operator's word that a run makes (--write-batch: the batch and the script beside it). Called by lib/job. Promises: a file is
// made anew and for its owner alone, never through a link; what stood at the name is taken away; a file that is not finished goes.

import { display, latin1, utf8 } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import { Errno, type Handle, OpenMode, type Os } from "../os/os.ts";

const SLASH = 0x2f;

export class OutputFile {
  readonly #os: Os;
  readonly #word: Uint8Array;
  readonly #folder: Handle;
  readonly #name: Uint8Array;
  #handle: Handle;

  /** Makes it, with `mode`. Throws TsyncError "file". */
  constructor(os: Os, word: Uint8Array, mode = 0o600) {
    this.#os = os;
    this.#word = word;
    const cut = word.lastIndexOf(SLASH);
    this.#name = word.slice(cut + 1);
    this.#folder = this.#good(os.openRoot(cut < 0 ? utf8(".") : cut === 0 ? utf8("/") : word.slice(0, cut)));
    if (["", ".", ".."].includes(latin1(this.#name))) this.#fail(Errno.EISDIR);
    const removed = os.unlink(this.#folder, this.#name);
    if (removed < 0 && removed !== -Errno.ENOENT) this.#fail(-removed);
    this.#handle = this.#good(os.openFile(this.#folder, this.#name, OpenMode.create, mode));
  }

  write(bytes: Uint8Array): void {
    this.#good(this.#os.writeAll(this.#handle, bytes));
  }

  /** All is written. */
  finish(): void {
    const handle = this.#handle;
    this.#handle = -1;
    const closed = this.#os.close(handle);
    this.#os.close(this.#folder);
    this.#good(closed);
  }

  /** Takes it away, unless it is finished. */
  discard(): void {
    if (this.#handle < 0) return;
    this.#os.close(this.#handle);
    this.#handle = -1;
    this.#os.unlink(this.#folder, this.#name);
    this.#os.close(this.#folder);
  }

  #good(result: number): number {
    return result < 0 ? this.#fail(-result) : result;
  }

  #fail(errno: number): never {
    throw new TsyncError({ kind: "file", detail: `cannot write "${display(this.#word)}": ${errnoText(errno)}` });
  }
}

// --iconv: names and link targets of a tree in another charset, seen as UTF-8. A door to the system between a half and its own one; made by
// lib/engine/sides.ts. Promises: a name that cannot be converted either way is nobody's: it is listed as one that nothing can be done with
// (EILSEQ), so that it is told, and left as it is.

import type { Charset } from "../base/charset.ts";
import { NAME_BYTES } from "../base/limits.ts";
import { LOST } from "../base/lost_names.ts";
import { Errno, type Handle, type Kind, Listing, type Os, type Result, type Stat } from "../os/os.ts";
import { OsThrough } from "../os/through.ts";

const EILSEQ = -Errno.EILSEQ;

export class ConvertedNames extends OsThrough {
  readonly #charset: Charset;
  readonly #convertsWords: boolean;
  readonly #own = new Listing();

  /** `convertsWords`: paths of operators are UTF-8, too; else they are as they are. */
  constructor(inner: Os, charset: Charset, convertsWords: boolean) {
    super(inner);
    this.#charset = charset;
    this.#convertsWords = convertsWords;
  }

  /** `act` with the name as it is here. */
  #with(name: Uint8Array, act: (own: Uint8Array) => Result): Result {
    if (isAscii(name)) return act(name);
    const own = this.#charset.fromUtf8(name);
    return own === null ? EILSEQ : act(own);
  }

  #withWord(word: Uint8Array, act: (own: Uint8Array) => Result): Result {
    return this.#convertsWords ? this.#with(word, act) : act(word);
  }

  #withTwo(a: Uint8Array, b: Uint8Array, act: (a: Uint8Array, b: Uint8Array) => Result): Result {
    return this.#with(a, (ownA) => this.#with(b, (ownB) => act(ownA, ownB)));
  }

  override openRoot(path: Uint8Array): Handle {
    return this.#withWord(path, (own) => this.inner.openRoot(own));
  }
  override statPath(path: Uint8Array, follow: boolean, out: Stat): Result {
    return this.#withWord(path, (own) => this.inner.statPath(own, follow, out));
  }
  override makeRoot(path: Uint8Array): Result {
    return this.#withWord(path, (own) => this.inner.makeRoot(own));
  }
  override openFolder(folder: Handle, name: Uint8Array): Handle {
    return this.#with(name, (own) => this.inner.openFolder(folder, own));
  }
  override openBeneath(root: Handle, path: Uint8Array): Handle {
    return this.#with(path, (own) => this.inner.openBeneath(root, own));
  }
  override openThrough(folder: Handle, name: Uint8Array, reads: boolean): Handle {
    return this.#with(name, (own) => this.inner.openThrough(folder, own, reads));
  }

  override openInside(root: Handle, path: Uint8Array, how: number): Handle {
    return this.#with(path, (own) => this.inner.openInside(root, own, how));
  }

  override readFolder(folder: Handle, into: Listing): Result {
    const own = this.#own;
    const result = this.inner.readFolder(folder, own);
    into.clear();
    for (let i = 0; i < own.count; i++) {
      const name = own.name(i);
      const shown = isAscii(name) ? name : this.#shown(name);
      into.add(shown, 0, shown.length, own.kind[i]);
    }
    return result;
  }

  #shown(name: Uint8Array): Uint8Array {
    const text = this.#charset.toUtf8(name);
    if (text !== null && text.length <= NAME_BYTES) return text;
    const lost = new Uint8Array(Math.min(name.length + 1, NAME_BYTES));
    lost[0] = LOST;
    lost.set(name.subarray(0, lost.length - 1), 1);
    return lost;
  }

  override statAt(folder: Handle, bytes: Uint8Array, at: number, length: number, out: Stat): Result {
    const name = bytes.subarray(at, at + length);
    if (isAscii(name)) return this.inner.statAt(folder, bytes, at, length, out);
    return this.#with(name, (own) => this.inner.statAt(folder, own, 0, own.length, out));
  }

  override readLink(folder: Handle, name: Uint8Array, into: Uint8Array): Result {
    const length = this.#with(name, (own) => this.inner.readLink(folder, own, into));
    if (length <= 0 || isAscii(into.subarray(0, length))) return length;
    const text = this.#charset.toUtf8(into.subarray(0, length));
    if (text === null) return EILSEQ;
    if (text.length > into.length) return -Errno.ENAMETOOLONG;
    into.set(text);
    return text.length;
  }

  override openFile(folder: Handle, name: Uint8Array, how: number, mode: number): Handle {
    return this.#with(name, (own) => this.inner.openFile(folder, own, how, mode));
  }
  override makeFolder(folder: Handle, name: Uint8Array, mode: number): Result {
    return this.#with(name, (own) => this.inner.makeFolder(folder, own, mode));
  }
  override makeLink(folder: Handle, name: Uint8Array, target: Uint8Array): Result {
    return this.#withTwo(name, target, (own, ownTarget) => this.inner.makeLink(folder, own, ownTarget));
  }
  override makeSpecial(
    folder: Handle,
    name: Uint8Array,
    kind: Kind,
    mode: number,
    major: number,
    minor: number,
  ): Result {
    return this.#with(name, (own) => this.inner.makeSpecial(folder, own, kind, mode, major, minor));
  }
  override hardLink(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#withTwo(from, to, (a, b) => this.inner.hardLink(fromFolder, a, toFolder, b));
  }
  override rename(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#withTwo(from, to, (a, b) => this.inner.rename(fromFolder, a, toFolder, b));
  }
  override renameNew(fromFolder: Handle, from: Uint8Array, toFolder: Handle, to: Uint8Array): Result {
    return this.#withTwo(from, to, (a, b) => this.inner.renameNew(fromFolder, a, toFolder, b));
  }
  override exchange(folderA: Handle, a: Uint8Array, folderB: Handle, b: Uint8Array): Result {
    return this.#withTwo(a, b, (ownA, ownB) => this.inner.exchange(folderA, ownA, folderB, ownB));
  }
  override unlink(folder: Handle, name: Uint8Array): Result {
    return this.#with(name, (own) => this.inner.unlink(folder, own));
  }
  override removeFolder(folder: Handle, name: Uint8Array): Result {
    return this.#with(name, (own) => this.inner.removeFolder(folder, own));
  }
  override pin(folder: Handle, name: Uint8Array): Handle {
    return this.#with(name, (own) => this.inner.pin(folder, own));
  }
  override attributesAt(folder: Handle, name: Uint8Array): Result {
    return this.#with(name, (own) => this.inner.attributesAt(folder, own));
  }
}

/** Such names are the same in every charset there is here. */
function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] >= 0x80) return false;
  return true;
}

// A set of file list indexes as a bitmap: 1 bit per entry up to the largest member.

export class IndexSet {
  #words = new Uint32Array(1024);
  size = 0;

  has(i: number): boolean {
    const word = i >>> 5;
    return word < this.#words.length && (this.#words[word] & (1 << (i & 31))) !== 0;
  }

  /** Adds i; true if it was new. */
  add(i: number): boolean {
    const word = i >>> 5;
    if (word >= this.#words.length) {
      const grown = new Uint32Array(Math.max(this.#words.length * 2, word + 1));
      grown.set(this.#words);
      this.#words = grown;
    }
    const bit = 1 << (i & 31);
    if ((this.#words[word] & bit) !== 0) return false;
    this.#words[word] |= bit;
    this.size++;
    return true;
  }

  /** Removes i; true if it was in. */
  delete(i: number): boolean {
    if (!this.has(i)) return false;
    this.#words[i >>> 5] &= ~(1 << (i & 31));
    this.size--;
    return true;
  }

  /** The lowest member; -1: there is none. */
  lowest(): number {
    const word = this.#words.findIndex((bits) => bits !== 0);
    return word < 0 ? -1 : word * 32 + 31 - Math.clz32(this.#words[word] & -this.#words[word]);
  }

  /** Members from the highest to the lowest: children come before the folder that holds them. */
  *descending(): Generator<number> {
    for (let word = this.#words.length - 1; word >= 0; word--) {
      const bits = this.#words[word];
      if (bits === 0) continue;
      for (let bit = 31; bit >= 0; bit--) if ((bits & (1 << bit)) !== 0) yield word * 32 + bit;
    }
  }
}

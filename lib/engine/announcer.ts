// Tells the target what entries of the list refer to, before the first entry that does: names of accounts, sets of attributes. Used by the
// source half with each piece of the list. Promises: each is told once.

import { AclTag, type AttributeSet, FIRST_SET } from "../base/attributes.ts";
import type { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import { AccountKind, type TargetPort } from "../session/ports.ts";
import type { Piece } from "../tree/scan.ts";
import type { Environment } from "./environment.ts";

type NameOf = (id: number) => Uint8Array | null;

export class Announcer {
  readonly #list: FileList;
  readonly #options: SyncOptions;
  readonly #target: TargetPort;
  readonly #nameOfUid: NameOf;
  readonly #nameOfGid: NameOf;
  readonly #told = [new Set<number>(), new Set<number>()];
  /** Sets of attributes that the target knows. */
  #setsTold = 0;

  constructor(list: FileList, options: SyncOptions, target: TargetPort, { accounts }: Environment) {
    this.#list = list;
    this.#options = options;
    this.#target = target;
    this.#nameOfUid = (id) => accounts.nameOfUid(id);
    this.#nameOfGid = (id) => accounts.nameOfGid(id);
  }

  /** The root's own set has travelled with the roots. */
  rootTold(): void {
    this.#setsTold = this.#list.sets?.count ?? 0;
  }

  /** The name of each user and group that entries belong to. */
  accounts(piece: Piece): void {
    const { numericIds, owner, group } = this.#options;
    if (numericIds || !(owner || group)) return;
    if (piece.folder === 0 && piece.isFirst) this.#accountsOf(0);
    for (let i = piece.first; i < piece.first + piece.count; i++) this.#accountsOf(i);
  }

  #accountsOf(i: number): void {
    if (this.#options.owner) this.#account(AccountKind.user, this.#list.uid(i), this.#nameOfUid);
    if (this.#options.group) this.#account(AccountKind.group, this.#list.gid(i), this.#nameOfGid);
  }

  /** Each set of attributes that entries have, and the accounts that its access lists name. */
  async attributes(piece: Piece): Promise<void> {
    const { sets } = this.#list;
    if (sets === null) return;
    const isFirst = piece.folder === 0 && piece.isFirst;
    if (isFirst && this.#setsTold > 0) this.#accountsIn(sets.get(0));
    for (let i = piece.first; i < piece.first + piece.count; i++) {
      for (; this.#setsTold <= this.#list.attributes(i) - FIRST_SET; this.#setsTold++) {
        this.#accountsIn(sets.get(this.#setsTold));
        await this.#target.attributes?.(sets.encoded(this.#setsTold));
      }
    }
  }

  #accountsIn({ access, defaults }: AttributeSet): void {
    for (const { tag, id } of [...access ?? [], ...defaults ?? []]) {
      if (tag === AclTag.user) this.#account(AccountKind.user, id, this.#nameOfUid);
      if (tag === AclTag.group) this.#account(AccountKind.group, id, this.#nameOfGid);
    }
  }

  /** Tells the account's name here, if it has one and was not told. */
  #account(kind: number, id: number, nameOf: NameOf): void {
    const known = this.#told[kind];
    if (this.#options.numericIds || known.has(id)) return;
    known.add(id);
    const name = id === 0 ? null : nameOf(id);
    if (name !== null) this.#target.account(kind, id, name);
  }
}

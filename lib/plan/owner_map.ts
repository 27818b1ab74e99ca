// Which owner and group an entry gets at the target: by name where the other machine told one and it exists here, else by
// number; 0 always stays 0. Without root, owners stay as they are and groups change only to one's own (as rsync does).

import type { FileList } from "../base/file_list.ts";
import type { SyncOptions } from "../base/options.ts";
import type { OwnerMap } from "./compare.ts";

/** Who is writing here. */
export interface Identity {
  uid: number;
  gid: number;
  /** Groups this process may give a file to, gid included. */
  groups: ReadonlySet<number>;
}

export class AccountMap implements OwnerMap {
  readonly #list: FileList;
  readonly #changesOwner: boolean;
  readonly #changesGroup: boolean;
  readonly #allowedGroups: ReadonlySet<number> | null;
  readonly #users = new Map<number, number>();
  readonly #groups = new Map<number, number>();

  constructor(list: FileList, options: SyncOptions, identity: Identity) {
    this.#list = list;
    const isRoot = identity.uid === 0;
    this.#changesOwner = options.owner && isRoot;
    this.#changesGroup = options.group;
    this.#allowedGroups = isRoot ? null : identity.groups;
  }

  /** The source's user `id` is `mapped` here. */
  mapUser(id: number, mapped: number): void {
    if (id !== 0) this.#users.set(id, mapped);
  }

  mapGroup(id: number, mapped: number): void {
    if (id !== 0) this.#groups.set(id, mapped);
  }

  /** The number that user `id` of the source has here. */
  userHere(id: number): number {
    return this.#users.get(id) ?? id;
  }
  groupHere(id: number): number {
    return this.#groups.get(id) ?? id;
  }

  uid(i: number): number {
    if (!this.#changesOwner) return -1;
    const uid = this.#list.uid(i);
    return this.#users.size === 0 ? uid : this.#users.get(uid) ?? uid;
  }

  gid(i: number): number {
    if (!this.#changesGroup) return -1;
    const listed = this.#list.gid(i);
    const gid = this.#groups.size === 0 ? listed : this.#groups.get(listed) ?? listed;
    return this.#allowedGroups === null || this.#allowedGroups.has(gid) ? gid : -1;
  }
}

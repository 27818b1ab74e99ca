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
  /** What only root may do is tried, or not (--super, --fake-super); left out: by the uid. */
  isSuper?: boolean;
}

/** Whether owners, all groups, devices and attributes of all namespaces are tried. */
export function actsAsRoot({ uid, isSuper }: Identity): boolean {
  return isSuper ?? uid === 0;
}

/** --usermap and --groupmap: the number here of an id there, whose name there is `name` (null: none is known); null: no rule fits. */
export interface AccountRules {
  user(id: number, name: Uint8Array | null): number | null;
  group(id: number, name: Uint8Array | null): number | null;
}

/** AccountKind of lib/session. */
const USER = 0;

export class AccountMap implements OwnerMap {
  readonly #list: FileList;
  readonly #changesOwner: boolean;
  readonly #changesGroup: boolean;
  readonly #allowedGroups: ReadonlySet<number> | null;
  readonly #users = new Map<number, number>();
  readonly #groups = new Map<number, number>();

  readonly #rules: AccountRules | null;
  /** Names that the source told, by id; only where there are rules. */
  readonly #userNames = new Map<number, Uint8Array>();
  readonly #groupNames = new Map<number, Uint8Array>();
  /** Ids that the rules were asked about. */
  readonly #askedUsers = new Set<number>();
  readonly #askedGroups = new Set<number>();

  constructor(list: FileList, options: SyncOptions, identity: Identity, rules: AccountRules | null = null) {
    this.#rules = rules;
    this.#list = list;
    const isRoot = actsAsRoot(identity);
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

  /** The source calls its account `id` so. */
  name(kind: number, id: number, name: Uint8Array): void {
    if (this.#rules !== null) (kind === USER ? this.#userNames : this.#groupNames).set(id, name);
  }

  #askUser(id: number): void {
    this.#askedUsers.add(id);
    const mapped = this.#rules!.user(id, this.#userNames.get(id) ?? null);
    if (mapped !== null) this.#users.set(id, mapped);
  }

  #askGroup(id: number): void {
    this.#askedGroups.add(id);
    const mapped = this.#rules!.group(id, this.#groupNames.get(id) ?? null);
    if (mapped !== null) this.#groups.set(id, mapped);
  }

  uid(i: number): number {
    if (!this.#changesOwner) return -1;
    const uid = this.#list.uid(i);
    if (this.#rules !== null && !this.#askedUsers.has(uid)) this.#askUser(uid);
    return this.#users.size === 0 ? uid : this.#users.get(uid) ?? uid;
  }

  gid(i: number): number {
    if (!this.#changesGroup) return -1;
    const listed = this.#list.gid(i);
    if (this.#rules !== null && !this.#askedGroups.has(listed)) this.#askGroup(listed);
    const gid = this.#groups.size === 0 ? listed : this.#groups.get(listed) ?? listed;
    return this.#allowedGroups === null || this.#allowedGroups.has(gid) ? gid : -1;
  }
}

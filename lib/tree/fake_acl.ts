// Access lists as rsync notes them with --fake-super, to and from the kernel's form: pure. Called by fake_super.ts.
//
// A note is four u32 (little-endian): what the owner, the owning group, the mask and others may, or 0x80 where the mode says it (or there is
// no mask); then two u32 for each named user or group: its id, and what it may, with bit 31 for a user.

import { type AclEntry, AclTag, compareAclEntries, formatAcl, isNamed, parseAcl } from "../base/attributes.ts";
import { ACL_ENTRIES } from "../base/limits.ts";

const ABSENT = 0x80;
const USER_BIT = 0x8000_0000;
const HEAD_BYTES = 16;
const HIGHEST_ID = 0xffff_fffe;

/**
 * The kernel's form of a note; null if it is none. `mode`: of the entry whose access list it is, which says what owner, mask and others
 * may; null for a default one.
 */
export function fromNote(bytes: Uint8Array, mode: number | null): Uint8Array | null {
  if (bytes.length < HEAD_BYTES || bytes.length % 8 !== 0 || bytes.length > HEAD_BYTES + ACL_ENTRIES * 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const head = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
  if (head.some((perms) => perms > 7 && perms !== ABSENT)) return null;
  const named = namedOf(view);
  if (named === null) return null;
  const hasMask = head[2] !== ABSENT || named.length > 0;
  const [owner, group, mask, other] = mode === null
    ? [head[0], head[1], hasMask ? head[2] : ABSENT, head[3]]
    : [mode >> 6 & 7, head[1] === ABSENT ? mode >> 3 & 7 : head[1], hasMask ? mode >> 3 & 7 : ABSENT, mode & 7];
  const list: AclEntry[] = [{ tag: AclTag.owner, perms: owner, id: 0 }];
  list.push(...named, { tag: AclTag.owningGroup, perms: group, id: 0 });
  if (hasMask) list.push({ tag: AclTag.mask, perms: mask, id: 0 });
  list.push({ tag: AclTag.other, perms: other, id: 0 });
  if (list.some(({ perms }) => perms > 7)) return null;
  const formatted = formatAcl(list.sort(compareAclEntries));
  return parseAcl(formatted) === null ? null : formatted;
}

function namedOf(view: DataView): AclEntry[] | null {
  const named: AclEntry[] = [];
  for (let at = HEAD_BYTES; at < view.byteLength; at += 8) {
    const id = view.getUint32(at, true);
    const access = view.getUint32(at + 4, true);
    const perms = access % USER_BIT;
    if (perms > 7 || id > HIGHEST_ID) return null;
    named.push({ tag: access >= USER_BIT ? AclTag.user : AclTag.group, perms, id });
  }
  return named;
}

/** The note of a list in the kernel's form; null if it is none. Of an access list what the mode says is left out. */
export function toNote(value: Uint8Array, isAccess: boolean): Uint8Array | null {
  const list = parseAcl(value);
  if (list === null) return null;
  const named = list.filter(({ tag }) => isNamed(tag));
  const bytes = new Uint8Array(HEAD_BYTES + named.length * 8);
  const view = new DataView(bytes.buffer);
  const mask = list.find(({ tag }) => tag === AclTag.mask);
  [AclTag.owner, AclTag.owningGroup, AclTag.mask, AclTag.other].forEach((wanted, i) => {
    const found = list.find(({ tag }) => tag === wanted);
    // Where there is a mask, it is what the mode says of the group.
    const isMask = wanted === AclTag.owningGroup && found?.perms === mask?.perms;
    const isInMode = isAccess && (wanted === AclTag.owner || wanted === AclTag.other || isMask);
    view.setUint32(i * 4, found === undefined || isInMode ? ABSENT : found.perms, true);
  });
  named.forEach(({ tag, perms, id }, i) => {
    view.setUint32(HEAD_BYTES + i * 8, id, true);
    view.setUint32(HEAD_BYTES + i * 8 + 4, perms + (tag === AclTag.user ? USER_BIT : 0), true);
  });
  return bytes;
}

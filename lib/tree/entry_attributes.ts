// All extended attributes of an entry that we may carry, access lists among them, as the kernel holds them: noted in a trash's journal before
// the entry changes, and given back by undo. Promises: everything is done on a held inode (R6).

import { isCarried, isUsers } from "../base/attributes.ts";
import { equalBytes, fromLatin1, latin1 } from "../base/bytes.ts";
import { Errno, type Handle, type Os } from "../os/os.ts";
import type { StoredAttribute } from "./trash_record.ts";

const LISTS = ["system.posix_acl_access", "system.posix_acl_default"];
/** The kernel's bounds of a list of names and of a value; more than SET_BYTES in all is not noted. */
const LIST_BYTES = 65_536;
const SET_BYTES = 900_000;

/** Null where the file system has none, or more than is noted. */
export function readAttributes(os: Os, handle: Handle, isRoot: boolean): StoredAttribute[] | null {
  if (!os.abilities.attributes) return null;
  const probe = new Uint8Array(LIST_BYTES);
  const length = os.listAttributes(handle, probe);
  if (length < 0) return null;
  const found: StoredAttribute[] = [];
  let bytes = 0;
  for (const name of latin1(probe.subarray(0, length)).split("\0").slice(0, -1).sort()) {
    if (!LISTS.includes(name) && !(isCarried(name, true) && (isRoot || isUsers(name)))) continue;
    const value = new Uint8Array(LIST_BYTES);
    const read = os.getAttribute(handle, fromLatin1(name), value);
    if (read === -Errno.ENODATA) continue;
    if (read < 0 || (bytes += name.length + read) > SET_BYTES) return null;
    found.push({ name: fromLatin1(name), value: value.slice(0, read) });
  }
  return found;
}

/** Gives the entry exactly these of what we may carry; 0 or a negated errno. */
export function restoreAttributes(os: Os, handle: Handle, wanted: StoredAttribute[], isRoot: boolean): number {
  const own = new Map((readAttributes(os, handle, isRoot) ?? []).map(({ name, value }) => [latin1(name), value]));
  let failed = 0;
  for (const { name, value } of wanted) {
    const had = own.get(latin1(name));
    own.delete(latin1(name));
    if (had === undefined || !equalBytes(had, value)) failed = os.setAttribute(handle, name, value) || failed;
  }
  for (const name of own.keys()) {
    const removed = os.removeAttribute(handle, fromLatin1(name));
    if (removed < 0 && removed !== -Errno.ENODATA) failed = removed;
  }
  return failed;
}

// Which names are one to a file system that folds case or forms of letters. Pure; called by the target half (engine/name_folds.ts).
// Promises: names that a file system keeps apart may count as one here in rare alphabets, never the other way round for those it is
// known to fold by; a name that is not UTF-8 folds by its ASCII letters.

import { latin1 } from "../base/bytes.ts";

/** exact: names are bytes. simple: letter by letter (FAT, NTFS, SMB). full: whole words and composed letters, too (HFS+, ext4, APFS). */
export type FoldRule = "exact" | "simple" | "full";

const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What all names that are the same to the file system have in common. `dots`: it drops dots at the end. */
export function foldedName(name: Uint8Array, rule: FoldRule, dots: boolean): string {
  if (rule === "exact") return latin1(name);
  let text: string;
  try {
    text = utf8Decoder.decode(name);
  } catch {
    return latin1(name).replace(/[a-z]/g, (letter) => letter.toUpperCase());
  }
  if (dots) text = text.replace(/\.+$/, "");
  if (rule === "full") return text.normalize("NFD").toUpperCase().toLowerCase().normalize("NFD");
  return simpleUpper(text);
}

/** Each letter's upper case, if that is one letter. */
function simpleUpper(text: string): string {
  const upper = text.toUpperCase();
  if (upper.length === text.length) return upper;
  let out = "";
  for (const letter of text) {
    const one = letter.toUpperCase();
    out += one.length === letter.length ? one : letter;
  }
  return out;
}

/** The name with its ASCII letters in the other case; null if it has none. */
export function otherCase(name: Uint8Array): Uint8Array | null {
  let has = false;
  const other = name.map((byte) => {
    const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
    has ||= isLetter;
    return isLetter ? byte ^ 0x20 : byte;
  });
  return has ? other : null;
}

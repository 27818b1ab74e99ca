// Bytes: comparing, joining, and showing them. Names are bytes everywhere; text made here is for Map keys and for eyes only.

export type Bytes = Uint8Array;

export const EMPTY: Bytes = new Uint8Array(0);

const encoder = new TextEncoder();

/** UTF-8 bytes of our own text (never of a name that came from the system). */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

export function equalBytes(a: Bytes, b: Bytes): boolean {
  const n = a.length;
  if (n !== b.length) return false;
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Compares a[aAt, aAt+aLength) with b[...] as unsigned bytes: below, at, or above zero. The canonical order of names. */
export function compareRanges(
  a: Bytes,
  aAt: number,
  aLength: number,
  b: Bytes,
  bAt: number,
  bLength: number,
): number {
  const n = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < n; i++) {
    const difference = a[aAt + i] - b[bAt + i];
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

export function compareBytes(a: Bytes, b: Bytes): number {
  return compareRanges(a, 0, a.length, b, 0, b.length);
}

export function concatBytes(...parts: Bytes[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const part of parts) size += part.length;
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Path of a child: folder path (empty = root) + "/" + name. */
export function joinPath(folder: Bytes, name: Bytes): Uint8Array<ArrayBuffer> {
  if (folder.length === 0) return new Uint8Array(name);
  const path = new Uint8Array(folder.length + 1 + name.length);
  path.set(folder);
  path[folder.length] = 0x2f;
  path.set(name, folder.length + 1);
  return path;
}

/** One character per byte: an exact key for Maps, never shown. */
export function latin1(bytes: Bytes): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(bytes.length, at + 4096)));
  }
  return text;
}

export function fromLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function hex(bytes: Bytes): string {
  let text = "";
  for (const byte of bytes) text += (byte < 16 ? "0" : "") + byte.toString(16);
  return text;
}

export function fromHex(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * A name or a peer's text for a terminal or log (R14): valid UTF-8 stays, every control character but the tab (C0, DEL, C1), bidi
 * control, line separator and byte that is not UTF-8 becomes `\#ooo` (three octal digits per byte), as rsync writes it.
 */
export function display(bytes: Bytes): string {
  let plain = true;
  for (const byte of bytes) {
    if (byte < 0x20 || byte > 0x7e || byte === 0x5c) {
      plain = false;
      break;
    }
  }
  if (plain) return latin1(bytes);
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    const character = length === 0 ? "" : decodeOne(bytes.subarray(at, at + length));
    if (character !== "" && !isUnsafe(character)) text += escapedBackslash(bytes, at, character);
    else for (let i = 0; i < (length || 1); i++) text += octal(bytes[at + i]);
    at += length || 1;
  }
  return text;
}

/**
 * The same for -8: every byte above 127 stays as it is. The text holds such a byte as a lone surrogate, U+DC00 and the byte, of which
 * bytesOfDisplay() makes it again.
 */
export function displayEightBit(bytes: Bytes): string {
  let text = "";
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte >= 0x80) text += String.fromCharCode(0xdc00 + byte);
    else if (byte === 0x5c) text += escapedBackslash(bytes, at, "\\");
    else text += (byte < 0x20 && byte !== 0x09) || byte === 0x7f ? octal(byte) : String.fromCharCode(byte);
  }
  return text;
}

/** UTF-8 of `text`, and the bytes that displayEightBit() left as they were. */
export function bytesOfDisplay(text: string): Uint8Array<ArrayBuffer> {
  if (text.isWellFormed()) return utf8(text);
  const parts: Uint8Array[] = [];
  let plain = "";
  for (const character of text) {
    const unit = character.length === 1 ? character.charCodeAt(0) : 0;
    if (unit < 0xdc80 || unit > 0xdcff) {
      plain += character;
      continue;
    }
    parts.push(utf8(plain), Uint8Array.of(unit & 0xff));
    plain = "";
  }
  return concatBytes(...parts, utf8(plain));
}

/** A backslash that could be taken for an escape ("\#" and three digits) is itself escaped, so that display is unambiguous. */
function escapedBackslash(bytes: Bytes, at: number, character: string): string {
  if (character !== "\\" || bytes[at + 1] !== 0x23) return character;
  for (let i = 2; i < 5; i++) if (!(bytes[at + i] >= 0x30 && bytes[at + i] <= 0x39)) return character;
  return octal(0x5c);
}

function octal(byte: number): string {
  return "\\#" + byte.toString(8).padStart(3, "0");
}

function sequenceLength(bytes: Bytes, at: number): number {
  const first = bytes[at];
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  return at + length <= bytes.length ? length : 0;
}

function decodeOne(bytes: Bytes): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return "";
  }
}

/** Control characters, line and paragraph separators, and the characters that reorder or hide text. */
function isUnsafe(character: string): boolean {
  const c = character.codePointAt(0)!;
  return (c < 0x20 && c !== 0x09) || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) ||
    (c >= 0x2028 && c <= 0x202e) ||
    (c >= 0x2060 && c <= 0x206f) || c === 0x61c || c === 0xfeff;
}

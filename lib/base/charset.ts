// Charsets of names (--iconv): pure. Called by lib/cli, which refuses what is not there, and by lib/tree/converted_names.ts. Promises: what is
// converted converts back to the same bytes, else it is not converted; "/" and NUL stand for themselves.

export interface Charset {
  /** Null if the bytes are not of this charset. */
  toUtf8(bytes: Uint8Array): Uint8Array | null;
  /** Null if the bytes are not UTF-8, or this charset does not have all of it. */
  fromUtf8(bytes: Uint8Array): Uint8Array | null;
}

const UTF8: Charset = {
  toUtf8: (bytes) => textOf(bytes) === null ? null : bytes,
  fromUtf8: (bytes) => textOf(bytes) === null ? null : bytes,
};

/** Of which TextDecoder takes another one, equal but for the bytes 0x80-0x9f. */
const WITH_CONTROLS = ["iso88591", "latin1", "l1", "iso88599", "latin5", "l5", "iso885911"];
const ASCII = ["ascii", "usascii", "ansix341968", "646", "us"];
/** Charsets of one or two bytes a character, as TextDecoder calls them. */
const TWO_BYTES = ["gbk", "big5", "euc-kr", "euc-jp", "shift_jis"];
const REFUSED = ["utf-16le", "utf-16be", "iso-2022-jp", "gb18030", "replacement", "x-user-defined"];

/** The charset of that name, as iconv or the web has it; null: it cannot be had. */
export function charsetOf(name: string): Charset | null {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  if (plain === "utf8") return UTF8;
  if (ASCII.includes(plain)) return tableOf((byte) => byte < 0x80 ? String.fromCharCode(byte) : null);
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(labelOf(name, plain), { fatal: true, ignoreBOM: true });
  } catch {
    return null;
  }
  if (REFUSED.includes(decoder.encoding)) return null;
  if (decoder.encoding === "utf-8") return UTF8;
  const decode = (...bytes: number[]) => {
    try {
      return decoder.decode(Uint8Array.from(bytes));
    } catch {
      return null;
    }
  };
  if (TWO_BYTES.includes(decoder.encoding)) return pairsOf(decode);
  const controls = WITH_CONTROLS.includes(plain);
  return tableOf((byte) => controls && byte >= 0x80 && byte < 0xa0 ? String.fromCharCode(byte) : decode(byte));
}

/** The web's labels have a dash where iconv's names often have none. */
function labelOf(name: string, plain: string): string {
  const iso = /^iso8859(\d{1,2})$/.exec(plain);
  if (iso !== null) return `iso-8859-${iso[1]}`;
  const windows = /^(?:cp|windows|win)(125\d|874)$/.exec(plain);
  return windows !== null ? `windows-${windows[1]}` : name;
}

const UTF8_DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UTF8_ENCODER = new TextEncoder();

function textOf(bytes: Uint8Array): string | null {
  try {
    return UTF8_DECODER.decode(bytes);
  } catch {
    return null;
  }
}

/** One byte a character. */
function tableOf(decode: (byte: number) => string | null): Charset {
  const forward: (string | null)[] = [];
  const back = new Map<string, number[]>();
  for (let byte = 0; byte < 256; byte++) {
    const text = decode(byte);
    const isNew = text !== null && text.length > 0 && !back.has(text);
    forward.push(isNew ? text : null);
    if (isNew) back.set(text, [byte]);
  }
  return charset((bytes, at) => ({ text: forward[bytes[at]], length: 1 }), back);
}

/** One or two bytes a character; three of euc-jp are not taken. */
function pairsOf(decode: (...bytes: number[]) => string | null): Charset {
  const forward = new Map<number, string>();
  const back = new Map<string, number[]>();
  const add = (key: number, text: string | null, ...bytes: number[]) => {
    if (text === null || text.length === 0 || back.has(text)) return;
    forward.set(key, text);
    back.set(text, bytes);
  };
  for (let byte = 0; byte < 256; byte++) add(byte, decode(byte), byte);
  for (let lead = 0x81; lead < 0xff; lead++) {
    if (forward.has(lead)) continue;
    for (let trail = 0x40; trail < 0xff; trail++) {
      const text = decode(lead, trail);
      if (text !== null && [...text].length === 1) add(lead << 8 | trail, text, lead, trail);
    }
  }
  return charset((bytes, at) => {
    const one = forward.get(bytes[at]);
    if (one !== undefined) return { text: one, length: 1 };
    return { text: forward.get(bytes[at] << 8 | (bytes[at + 1] ?? 0)) ?? null, length: 2 };
  }, back);
}

function charset(
  next: (bytes: Uint8Array, at: number) => { text: string | null; length: number },
  back: ReadonlyMap<string, readonly number[]>,
): Charset {
  return {
    toUtf8(bytes) {
      let all = "";
      for (let at = 0; at < bytes.length;) {
        const { text, length } = next(bytes, at);
        if (text === null) return null;
        all += text;
        at += length;
      }
      return UTF8_ENCODER.encode(all);
    },
    fromUtf8(bytes) {
      const text = textOf(bytes);
      if (text === null) return null;
      const all: number[] = [];
      for (const letter of text) {
        const own = back.get(letter);
        if (own === undefined) return null;
        all.push(...own);
      }
      return Uint8Array.from(all);
    },
  };
}

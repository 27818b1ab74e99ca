// The numbers of the native protocol: versions, message types, flags. Read by the codecs here and by lib/session. Each number
// is explained in PROTOCOL.md, which changes together with this file.

export const PROTOCOL_MAJOR = 1;
export const PROTOCOL_MINOR = 0;

/** u32 length and u8 type stand in front of every payload. */
export const HEADER_BYTES = 5;

export const Message = {
  hello: 0x01,
  job: 0x02,
  names: 0x04,
  // Bulk: costs credit.
  roots: 0x10,
  account: 0x11,
  list: 0x12,
  listEnd: 0x13,
  files: 0x14,
  fileBegin: 0x15,
  fileData: 0x16,
  fileEnd: 0x17,
  fileSkip: 0x18,
  sourceDone: 0x19,
  checked: 0x1a,
  packed: 0x1b,
  fileCopy: 0x1c,
  refine: 0x1d,
  subtrees: 0x1e,
  attributes: 0x1f,
  missing: 0x2a,
  plan: 0x2b,
  // Wishes.
  ready: 0x30,
  want: 0x31,
  wantEnd: 0x32,
  check: 0x33,
  descend: 0x34,
  signature: 0x35,
  fine: 0x36,
  placed: 0x3a,
  // Events and control.
  entry: 0x40,
  deleted: 0x41,
  problem: 0x42,
  progress: 0x43,
  totals: 0x44,
  finished: 0x45,
  ping: 0x50,
  credit: 0x51,
  abort: 0x52,
  bye: 0x53,
  split: 0x54,
  lanes: 0x55,
  join: 0x56,
} as const;

/** Message types that cost credit: length + HEADER_BYTES each. */
export function isBulk(type: number): boolean {
  return type >= 0x10 && type <= 0x2f;
}

const NAMES = new Map<number, string>(Object.entries(Message).map(([name, type]) => [type, wordOf(name)]));

/** A message's name as PROTOCOL.md writes it, or its number. */
export function messageName(type: number): string {
  return NAMES.get(type) ?? `message 0x${type.toString(16).padStart(2, "0")}`;
}

function wordOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => "_" + letter).toUpperCase();
}

/** Capability bits of HELLO. */
export const Capability = {
  delta: 1 << 0,
  subtreeDigests: 1 << 1,
  compression: 1 << 2,
  severalChannels: 1 << 5,
} as const;

/** Their names by position. */
export const CAPABILITY_NAMES = [
  "delta",
  "subtree digests",
  "compression",
  "hard links",
  "extended attributes and ACLs",
  "several channels",
  "resume",
  "trash",
];

export const HelloSide = { client: 0, agent: 1 } as const;

export const ReadyFlag = { streaming: 1, trees: 2, owner: 4, group: 8 } as const;

export const WantFlag = { redo: 1, delta: 2 } as const;

export const FileFlag = { fresh: 1, delta: 2 } as const;

/** Paths of one MISSING. */
export const MISSING_PATHS = 200;

export const NamesFlag = { last: 1 } as const;

/** Of SIGNATURE and FINE. */
export const PartFlag = { first: 1, last: 2 } as const;

export const RootsFlag = { hasRoot: 1, single: 2, nothing: 4 } as const;

export const EntryFlag = { sameUid: 1, sameGid: 2, sameSeconds: 4, digest: 8 } as const;

/** Kinds of an entry: the file type bits of st_mode, shifted right by 12. */
export const Kind = { fifo: 1, characterDevice: 2, folder: 4, blockDevice: 6, file: 8, link: 10, socket: 12 } as const;

/** Bit k set: k is a kind. */
export const ALL_KINDS = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 12;

/** Digest and nonce, bytes. */
export const DIGEST_BYTES = 16;
export const NONCE_BYTES = 16;
/** Version text in HELLO, bytes. */
export const VERSION_BYTES = 64;
/** uid and gid are below 2^32 - 1, which means "no change" to the kernel. */
export const ID_LIMIT = 2 ** 32 - 2;
/** Device numbers. */
export const MAJOR_LIMIT = 2 ** 20 - 1;
export const MINOR_LIMIT = 2 ** 32 - 1;
export const NANOSECONDS_LIMIT = 999_999_999;
/** All flags of Change, highest verb, cause and errno that a record may name. */
export const CHANGE_LIMIT = (1 << 16) - 1;
export const VERB_LIMIT = 28;
export const CAUSE_LIMIT = 58;
/** The causes of a served root. */
export const SERVED_CAUSES = [60, 62] as const;
export const ERRNO_LIMIT = 4095;

export function isCause(cause: number): boolean {
  return cause <= CAUSE_LIMIT || (cause >= SERVED_CAUSES[0] && cause <= SERVED_CAUSES[1]);
}

/** Largest modify window, ns or whole seconds, and delete limit of a job; timeout, seconds; rate (--bwlimit), KiB a second. */
export const WINDOW_LIMIT_NS = 2 ** 52 - 1;
export const WINDOW_LIMIT_SECONDS = 2 ** 31;
export const RATE_LIMIT_KIB = 2 ** 42;
export const DELETE_LIMIT = 2 ** 32;
export const TIMEOUT_LIMIT = 2 ** 31;
/** Longest --trash-keep, seconds. */
export const TRASH_KEEP_SECONDS = 2 ** 40;
/** Most ranges in one REFINE. */
export const REFINE_RANGES = 8192;
/** Most bytes of records in one SIGNATURE or FINE. */
export const RECORDS_BYTES = 64 << 10;
/** Most indexes in one WANT. */
export const WANT_INDEXES = 8192;
/** Most indexes in one PLACED. */
export const PLACED_INDEXES = 8192;
/** Most folders in one SUBTREES. */
export const SUBTREES = 8192;
/** Most credit in one CREDIT, and what it says of the time the receiver waited, percent. */
export const CREDIT_LIMIT = 2 ** 31;
export const IDLE_LIMIT = 100;

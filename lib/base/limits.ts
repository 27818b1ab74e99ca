// Every bound of tsync with its reason. A number that comes from a peer is held against one of these before anything
// is allocated or looped over by it (law 3).

/** Longest name of one entry, bytes: NAME_MAX of Linux file systems. */
export const NAME_BYTES = 255;
/** Longest path below a root, bytes without the final NUL: PATH_MAX - 1. */
export const PATH_BYTES = 4095;
/** Longest link target, bytes: PATH_MAX - 1, the longest the kernel stores. */
export const LINK_TARGET_BYTES = 4095;
/** Deepest folder below a root; a path of PATH_BYTES cannot usefully be deeper. */
export const DEPTH = 1024;
/** Most entries of one run; a file list index is an unsigned 32-bit number and name offsets are 32 bits too. */
export const ENTRIES = 200_000_000;
/** Largest file, bytes: the largest integer a JavaScript number holds exactly, which is beyond any Linux file system. */
export const FILE_BYTES = Number.MAX_SAFE_INTEGER;
/** Largest frame payload, bytes. One small-file batch or one chunk fits; a hostile length costs no more than this. */
export const FRAME_BYTES = 1 << 20;
/** Most bytes that one PACKED message unpacks to: a frame's bound, so that a bomb costs no more than a frame does. */
export const PACKED_BYTES = 1 << 20;
/** Where a batch frame is closed, bytes. Measured: between 128 KiB and 512 KiB makes no difference, above only costs memory. */
export const BATCH_BYTES = 256 << 10;
/** Content carried whole inside a batch up to this size, bytes; larger files go in chunks. */
export const SMALL_FILE_BYTES = 128 << 10;
/** One chunk of a large file, bytes. Measured: 64 KiB to 1 MiB are equal. */
export const CHUNK_BYTES = 256 << 10;
/** Signatures a source holds at a time, bytes of records: two of the largest files there are. */
export const SIGNATURES_BYTES = 32 << 20;
/** Entries in one list message. */
export const LIST_ENTRIES = 8192;
/** Bulk bytes the sender may have under way before the receiver returns credit; twice the usual 100 Mbit/s x 200 ms product. */
export const BULK_WINDOW_BYTES = 8 << 20;
/** Names and link targets of one list, bytes: what the 4 GiB arena of a file list surely holds. */
export const LIST_NAME_BYTES = 0xfe00_0000;
/** Problems that an agent may tell of in one run; far more than anyone reads, and no loop without an end. */
export const PROBLEMS = 1 << 24;
/** Filter rules of one run, bytes of one rule, and all its flags (lib/filter's RuleFlag). */
export const FILTER_RULES = 100_000;
export const FILTER_FLAGS = 0x3fff;
export const FILTER_BYTES = 4095;
/** Largest merge file that is read in a folder. */
export const MERGE_FILE_BYTES = 1 << 20;
/** The name of a run, bytes: too many to be guessed. */
export const RUN_NAME_BYTES = 16;
/** Names of --files-from, all of them, bytes: they are held as a whole by whoever lists and by whoever checks. */
export const NAMES_BYTES = 1 << 30;
/** Source arguments of one run. */
export const SOURCES = 65_535;
/** Extended attributes: longest name and value, bytes (the kernel's bounds), and lines of an access list (what fits a value). */
export const ATTRIBUTE_NAME_BYTES = 255;
export const ATTRIBUTE_BYTES = 65_536;
export const ACL_ENTRIES = 8_191;
/** All attributes of one entry, encoded, bytes: they fit one frame. */
export const SET_BYTES = (1 << 20) - 64;
/** Distinct sets of one run, and their bytes: both sides hold them to the end. */
export const SETS = 1 << 22;
export const SETS_BYTES = 256 << 20;
/** Folders of --compare-dest, --copy-dest or --link-dest, as many as rsync takes. */
export const ALT_DESTS = 20;
/** User and group names: longest name, bytes, and how many a run may announce. */
export const ACCOUNT_BYTES = 256;
export const ACCOUNTS = 65_536;
/** Text a peer may send to be shown (problem details, abort reasons), bytes. */
export const TEXT_BYTES = 4096;
/** Login noise tolerated in front of the launch marker, bytes. */
export const NOISE_BYTES = 64 << 10;
/** Times: seconds since 1970 that every supported file system and the kernel's signed 64-bit second can hold; beyond is nonsense. */
export const TIME_SECONDS = 2 ** 43;
/** Paths in one re-check message before deletions. */
export const CHECK_PATHS = 4096;
/** The whole handshake, ms, and one phase of it after the far side's first word. */
export const HANDSHAKE_MS = 60_000;
export const HANDSHAKE_PHASE_MS = 20_000;
/** Idle limit while the agent is uploaded and unpacked, ms. */
export const UPLOAD_IDLE_MS = 60_000;
/** A keepalive is sent after this much silence, ms. */
export const KEEPALIVE_MS = 5_000;
/** Text of --usermap or --groupmap, and its FROM:TO pairs. */
export const ACCOUNT_MAP_BYTES = 32_768;
/** Several connections: content of one chunk; what one side may have on its way, bytes (a window of bulk, and what is free beside it) and chunks. */
export const LANE_CHUNK_BYTES = 64 << 10;
export const LANE_WINDOW_BYTES = 12 << 20;
export const LANE_CHUNKS = 2048;
/** How often each says on its connections that it lives, ms; after how many such beats without a byte, while others gave some, one gets nothing new, and is ended. */
export const LANE_BEAT_MS = 1000;
export const LANE_DOUBTED_BEATS = 2;
export const LANE_SILENT_BEATS = 10;
/** Connections of one run beside its first. */
export const LANES_MORE = 15;
/** What lets one connection join, once: too many to be guessed. */
export const LANE_TOKEN_BYTES = 16;

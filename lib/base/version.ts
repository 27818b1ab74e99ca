// The version of tsync and of its native protocol (lib/wire/PROTOCOL.md). Used by the handshake and by --version.

/** As in deno.json. */
export const VERSION = "0.1.0";
/** Both ends must have the same major number; the lower minor number counts. */
export const PROTOCOL_MAJOR = 1;
export const PROTOCOL_MINOR = 0;

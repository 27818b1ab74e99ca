// The version of tsync. Used by the handshake and by --version.

/** As in deno.json. */
export const VERSION = "0.1.0";

// Transport: a stream of bytes each way to another program, and why it ended. The session and deployment talk through
// it and do not know what carries it. Implementations: openssh.ts (the system's ssh), stdio.ts (the agent's own standard
// streams); a built-in SSH client stands behind the same interface.

import { after } from "../os/clock.ts";
import type { ByteSink, ByteSource } from "../os/streams.ts";

/** How the program that carries the stream ended. */
export interface CloseReason {
  /** Its exit code; for ssh that of the remote command, or 255 for ssh's own failure. 128 + number for a signal. */
  code: number;
  /** The signal that ended it, or null. */
  signal: string | null;
  /** The last lines it said on its standard error, escaped for display; empty if it said nothing. */
  lastWords: string[];
}

export interface Transport {
  readonly source: ByteSource;
  readonly sink: ByteSink;
  /** Settles once, when the carrier has ended; never rejects. */
  readonly closed: Promise<CloseReason>;
  /** Ends the carrier: asks, then forces. `closed` settles soon after. */
  kill(): void;
}

/** Says that nothing follows and lets the carrier end by itself, so that what was written arrives; after `ms` it is killed. */
export async function endGently(transport: Transport, ms: number): Promise<CloseReason> {
  transport.sink.close();
  const cancel = after(ms, () => transport.kill());
  const reason = await transport.closed;
  cancel();
  return reason;
}

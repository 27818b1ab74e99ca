// Our own standard input and output as a Transport. Called by the agent (remote/main.ts), whose peer is whoever started it.

import { widenPipe } from "../os/pipes.ts";
import { standardSink, stdinSource } from "../os/streams.ts";
import type { CloseReason, Transport } from "./transport.ts";

/** `closed` settles when kill() is called: the agent has no carrier that could end; the end of input is the peer's end. */
export function stdioTransport(): Transport {
  widenPipe(0);
  widenPipe(1);
  const source = stdinSource();
  const sink = standardSink(1);
  let settle: (reason: CloseReason) => void;
  const closed = new Promise<CloseReason>((resolve) => settle = resolve);
  return {
    source,
    sink,
    closed,
    kill() {
      sink.close();
      settle({ code: 0, signal: null, lastWords: [] });
    },
  };
}

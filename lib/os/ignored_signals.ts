// Signals that whoever started us had ignored (nohup, a background job of sh): they shall stay so, for us and for our
// children. Deno does not keep that promise, because with its first signal listener it takes SIGHUP, SIGINT and SIGTERM
// over. Called by the command line around its own listeners.

import { fromLatin1, latin1 } from "../base/bytes.ts";
import { readWholeFile } from "./files.ts";

export type EndingSignal = "SIGHUP" | "SIGINT" | "SIGTERM";

const NUMBERS: Record<EndingSignal, number> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
const SIG_IGN = 1n;

/** The ending signals that are ignored now; none where the system does not tell. To be asked before any listener is added. */
export function ignoredSignals(): EndingSignal[] {
  const status = readWholeFile(fromLatin1("/proc/self/status"), 64 * 1024);
  const mask = typeof status === "number" ? null : /^SigIgn:\s*([0-9a-f]+)$/m.exec(latin1(status));
  const low = mask === null ? 0 : parseInt(mask[1].slice(-8), 16);
  return (Object.keys(NUMBERS) as EndingSignal[]).filter((name) => (low & (1 << (NUMBERS[name] - 1))) !== 0);
}

/** Ignores the signal from now on, in this process and in the children it starts. */
export function ignoreSignal(name: EndingSignal): void {
  const library = Deno.dlopen("libc.so.6", { signal: { parameters: ["i32", "usize"], result: "usize" } });
  library.symbols.signal(NUMBERS[name], SIG_IGN);
  library.close();
}

// Signals that end a run. Called by run.ts. Promises: a signal that whoever started us had ignored (nohup, a background
// job of sh) stays ignored; the first one asks for an orderly end, the next one ends at once.

import { fromLatin1, latin1 } from "../base/bytes.ts";
import { readWholeFile } from "../os/files.ts";
import { exit, onSignal } from "../os/process.ts";

const ENDING = [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]] as const;

/** Calls `first` with the name of the first signal; a second one ends the process with `code`. Returns what stops listening. */
export function onEndingSignal(first: (name: string) => void, code: number): () => void {
  const ignored = ignoredSignals();
  let seen = false;
  const releases = ENDING.filter(([, number]) => !ignored(number)).map(([name]) =>
    onSignal(name, () => {
      if (seen) exit(code);
      seen = true;
      first(name);
    })
  );
  return () => releases.forEach((release) => release());
}

/** Which signals the process was started with ignored, where the system tells. */
function ignoredSignals(): (number: number) => boolean {
  const status = readWholeFile(fromLatin1("/proc/self/status"), 64 * 1024);
  const mask = typeof status === "number" ? null : /^SigIgn:\s*([0-9a-f]+)$/m.exec(latin1(status));
  const low = mask === null ? 0 : parseInt(mask[1].slice(-8), 16);
  return (number) => (low & (1 << (number - 1))) !== 0;
}

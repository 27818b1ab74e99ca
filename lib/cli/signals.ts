// Signals that end a run. Called by run.ts. Promises: a signal that whoever started us had ignored (nohup, a background
// job of sh) stays ignored; the first one asks for an orderly end, the next one ends at once.

import { ignoredSignals, ignoreSignal } from "../os/ignored_signals.ts";
import { exit, onSignal } from "../os/process.ts";

const ENDING = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/** Calls `first` with the name of the first signal; a second one ends the process with `code`. Returns what stops listening. */
export function onEndingSignal(first: (name: string) => void, code: number): () => void {
  const ignored = ignoredSignals();
  let seen = false;
  const releases = ENDING.filter((name) => !ignored.includes(name)).map((name) =>
    onSignal(name, () => {
      if (seen) exit(code);
      seen = true;
      first(name);
    })
  );
  ignored.forEach(ignoreSignal);
  return () => releases.forEach((release) => release());
}

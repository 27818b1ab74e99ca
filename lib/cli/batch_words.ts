// The words of --write-batch, --only-write-batch and --read-batch, and the script that goes with a batch. Loaded by a command line that
// says one of them. The script is as rsync makes it: it reads the batch into the folder that is its first argument, or into the target of
// the run that wrote it.

import { concatBytes, display, latin1, utf8 } from "../base/bytes.ts";
import { PATH_BYTES } from "../base/limits.ts";
import type { BatchWish } from "../job/request.ts";
import { type Ends, splitRemote } from "./operands.ts";
import { usageError } from "./option_values.ts";
import type { Settings } from "./settings.ts";

/** Options that a script does not repeat: those of batches, of names and of where things are said. */
const DROPPED =
  /^--(?:(?:only-)?write-batch|read-batch|files-from|rsh|rsync-path|log-file|stop-(?:at|after)|time-limit)(?:=|$)/;

/** --read-batch: the one operand is the target, on this machine. Throws TsyncError "usage". */
export function endsOfBatch(
  { writeBatch, filesFrom, remoteWords }: Settings,
  file: Uint8Array,
  operands: readonly Uint8Array[],
): Ends {
  if (writeBatch !== null) throw usageError("--read-batch and --write-batch contradict each other; give one of them");
  if (filesFrom !== null) throw usageError("--read-batch: what was named is in the batch; leave --files-from out");
  if (remoteWords.length > 0) throw usageError("--read-batch: there is no other side; leave -M out");
  const [target] = operands;
  if (operands.length !== 1 || target.length === 0 || target.length > PATH_BYTES || target.includes(0)) {
    throw usageError("--read-batch takes one operand: the target");
  }
  if (splitRemote(target) !== null) {
    throw usageError(`"${display(target)}" is remote; --read-batch works on this machine's folders`);
  }
  if (file.length === 0 || file.includes(0)) throw usageError("--read-batch: the name of the file is missing");
  return { direction: "local", sources: [file], target, login: null, listOnly: false };
}

/** `groups`: the words of each option; `target` as typed. */
export function writeWish(
  file: Uint8Array,
  program: string,
  groups: readonly (readonly Uint8Array[])[],
  target: Uint8Array,
): BatchWish {
  if (latin1(file) === "-" || file.length === 0 || file.length > PATH_BYTES - 3) {
    throw usageError(`--write-batch: "${display(file)}" is no name of a file`);
  }
  const words = groups.filter(([first]) => !DROPPED.test(latin1(first)) && !/^-[eM]/.test(latin1(first))).flat();
  const quoted = [utf8(program), ...words].map(quote);
  const script = [
    utf8("#!/bin/sh\n"),
    concatBytes(...quoted.flatMap((word) => [word, utf8(" ")])),
    ...[utf8("--read-batch="), quote(file), utf8(" ${1:-"), quote(target), utf8("}\n")],
  ];
  return { write: file, script: concatBytes(...script) };
}

/** A word in single quotes of the shell. */
function quote(word: Uint8Array): Uint8Array {
  const text = latin1(word).replaceAll("'", "'\\''");
  return Uint8Array.from(`'${text}'`, (letter) => letter.charCodeAt(0));
}

// --munge-links, as rsync means it: the target of a link with a prefix that leads nowhere, as long as there is no such folder. The
// source half takes the prefix away, the target half puts it in front; both refuse to work where it would lead somewhere.

import { concatBytes, display, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { Kind, type Os, Stat } from "../os/os.ts";

const PREFIX = utf8("/rsyncd-munged/");

export function munged(target: Uint8Array): Uint8Array {
  return concatBytes(PREFIX, target);
}

/** The target without its prefix; one that is nothing else, or has none, stays as it is. */
export function unmunged(target: Uint8Array): Uint8Array {
  if (target.length <= PREFIX.length) return target;
  return PREFIX.every((byte, k) => byte === target[k]) ? target.subarray(PREFIX.length) : target;
}

/** Throws TsyncError "unsupported" where links with the prefix would lead somewhere. */
export function demandUseless(os: Os): void {
  const folder = PREFIX.subarray(0, -1);
  const stat = new Stat();
  if (os.statPath(folder, true, stat) < 0 || stat.kind !== Kind.folder) return;
  const detail = `--munge-links is unsafe while there is a folder "${display(folder)}": links would lead into it`;
  throw new TsyncError({ kind: "unsupported", detail });
}

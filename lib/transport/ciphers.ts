// The order of ssh's ciphers. OpenSSH prefers ChaCha20, which costs twice what AES-GCM costs a processor with AES instructions; where
// the user has not chosen, the same list with AES-GCM first is asked for. Called while the rest of the program is still being loaded.
// Promises: no cipher is added or left out; a choice made in a configuration or on the command line is left alone; nothing is
// changed where that cannot be told in time.

import { after } from "../os/clock.ts";
import { hasAes } from "../os/processor.ts";
import { spawn } from "../os/process.ts";
import { checkRemote, type RemoteShell, splitWords } from "./remote_shell.ts";

/** A configuration may run programs of the user's; longer than this they are not waited for, ms. */
const PATIENCE_MS = 300;
/** ssh -G prints some 8 KiB. */
const OUTPUT_BYTES = 64 << 10;

/** Words for ssh, in front of the host: "-c" and a list, or none. Never throws. */
export async function cipherWords(remote: RemoteShell): Promise<string[]> {
  try {
    checkRemote(remote);
    const words = splitWords(remote.rsh ?? "ssh");
    if (words.length === 0 || words[0].replace(/^.*\//, "") !== "ssh" || !hasAes()) return [];
    const login = remote.user === null ? [] : ["-l", remote.user];
    const [ours, plain] = await Promise.all([
      ciphersOf([...words, "-G", ...login, remote.host]),
      ciphersOf([words[0], "-F", "none", "-G", remote.host]),
    ]);
    return ours !== null && ours === plain ? preferAes(ours) : [];
  } catch {
    return [];
  }
}

/** "-c" with the same ciphers, those of AES-GCM first; nothing if there is nothing to change. */
export function preferAes(list: string): string[] {
  const ciphers = list.split(",");
  const isGcm = (cipher: string) => /^aes\d+-gcm@/.test(cipher);
  const ordered = [...ciphers.filter(isGcm), ...ciphers.filter((cipher) => !isGcm(cipher))].join(",");
  return ordered === list || !ciphers.some(isGcm) ? [] : ["-c", ordered];
}

/** The list that ssh would use, as `ssh -G` tells it; null if it does not. */
async function ciphersOf(argv: string[]): Promise<string | null> {
  const child = spawn(argv, { stderr: "null" });
  child.stdin.close();
  const cancel = after(PATIENCE_MS, () => child.kill("SIGKILL"));
  const output = new Uint8Array(OUTPUT_BYTES);
  let used = 0;
  for (let count: number | null = 0; count !== null && used < OUTPUT_BYTES; used += count ?? 0) {
    count = await child.stdout.read(output.subarray(used));
  }
  const { code } = await child.ended;
  cancel();
  const line = /^ciphers (\S+)$/m.exec(new TextDecoder().decode(output.subarray(0, used)));
  return code === 0 && line !== null ? line[1] : null;
}

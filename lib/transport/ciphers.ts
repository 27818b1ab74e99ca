// The order of ssh's ciphers. OpenSSH prefers ChaCha20, which costs twice what AES-GCM costs a processor with AES instructions; where
// the user has not chosen, the same list with AES-GCM first is asked for. Called while the rest of the program is still being loaded.
// Promises: no cipher is added or left out; a choice made in a configuration or on the command line is left alone; nothing is
// changed where that cannot be told in time.

import { hasAes } from "../os/processor.ts";
import { checkRemote, type RemoteShell, splitWords } from "./remote_shell.ts";
import { askSsh } from "./ssh_config.ts";

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

/** The list that ssh would use; null if it does not tell. */
async function ciphersOf(argv: string[]): Promise<string | null> {
  return (await askSsh(argv))?.get("ciphers") ?? null;
}

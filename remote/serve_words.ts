// The words behind `tsync-remote serve`, as a forced command gives them. Called by agent.ts. Promises: what a served root allows
// comes from these words alone, never from the environment or the client (R19).

import type { Powers } from "../lib/tree/served_powers.ts";

/** What one folder is served with. */
export interface Served {
  /** The kernel confines this process already: it is the second one (served.ts). */
  isConfined: boolean;
  /** As typed by whoever wrote the forced command. */
  root: string;
  powers: Powers;
}

/** What the first process adds to the words of the second. */
export const CONFINED = "--confined";

const MODES = ["--read-only", "--write-only", "--no-delete", "--append-new"];

export const SERVE_USAGE =
  "usage: tsync-remote serve [--root DIR [--read-only | --write-only] [--no-delete | --append-new]]\n";

/** --help. */
export const HELP = `tsync-remote: the other half of tsync, on the machine at the other end.

tsync puts it there (~/.tsync/bin) and starts it over ssh; it reads what to do from the connection, and ends with that.
Nobody needs to start it by hand. What it is started with by hand is a command of its own for a key, in authorized_keys:

  restrict,command="/opt/tsync-remote serve --root /srv/drop --append-new" ssh-ed25519 AAAA...

${SERVE_USAGE}
  serve           one run, for the tsync at the other end of standard input and output
  --root DIR      of this machine only the folder DIR: paths are below it, nothing leads out of it
  --read-only     nothing is written
  --write-only    nothing can be fetched from it, and no content compared
  --no-delete     no name is deleted; content may be replaced
  --append-new    new names only: what is there stays as it is

  --help, --version
`;

/** Null: nothing is restricted. Throws an Error whose message says what is wrong with the words. */
export function serveWords(words: readonly string[]): Served | null {
  let root: string | null = null;
  let isConfined = false;
  const modes = new Set<string>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    const isRoot = word === "--root" || word.startsWith("--root=");
    if (isRoot && root !== null) throw new Error("--root is given twice");
    if (isRoot) root = word === "--root" ? words[++i] ?? "" : word.slice("--root=".length);
    else if (MODES.includes(word)) modes.add(word);
    else if (word === CONFINED) isConfined = true;
    else throw new Error(`unknown word "${word}"`);
    if (root === "") throw new Error("--root needs a folder");
  }
  if (root === null && modes.size > 0) throw new Error(`${[...modes][0]} needs --root`);
  if (root === null) return null;
  const [readOnly, writeOnly, noDelete, appendNew] = MODES.map((mode) => modes.has(mode));
  if (readOnly && modes.size > 1) throw new Error("--read-only stands alone: nothing is written");
  if (noDelete && appendNew) throw new Error("--append-new says more than --no-delete: give one of them");
  const keeps = appendNew ? "all" : noDelete ? "names" : "nothing";
  return { isConfined, root, powers: { reads: !writeOnly, writes: !readOnly, keeps } };
}

// The tools that are measured, as templates of command lines: to add one is to add an entry here. Called by main.ts and measure.ts.
// A tool that is not installed is left out and named; one whose result is not the source's tree does not count in that row.

import { isText, isTree } from "./data.ts";
import type { Job } from "./results.ts";
import type { Row, State } from "./rows.ts";

/**
 * Words in braces are put in, all of them without characters that a shell minds:
 * {from} {to} the two ends as rsync takes them; {source} the tree or file, {folder}/{entry} the same in two parts ("." for a tree's own
 * folder); {words} the row's own for tsync; {target} the target's folder (a tree's does not exist before the first copy); {host}; {ssh} the words of the remote shell; {bin} a folder with an `ssh` that needs no options.
 */
export interface Peer {
  name: string;
  /** Programs it is made of; the first one's version is shown. */
  programs: string[];
  version: string[];
  /** What the shell runs. */
  lines: Partial<Record<Job, string>>;
  states: State[];
  /** Rows it has something to say about; without it: all with a line and a state of it. */
  suits?(row: Row): boolean;
}

const ALL: State[] = ["initial", "unchanged", "changed"];
const GCM = "-c aes128-gcm@openssh.com";
const isSmall = (row: Row) => row.data === "1k";
const treesOnly = (row: Row) => isTree(row.data);

function overSsh(line: string): Peer["lines"] {
  return { push: line, pull: line };
}

export const PEERS: Peer[] = [
  {
    name: "tsync",
    programs: ["{tsync}"],
    version: ["--version"],
    lines: {
      local: "exec {tsync} -a {words} {from} {to}",
      ...overSsh("exec {tsync} -a {words} -e '{ssh}' {from} {to}"),
    },
    states: [...ALL, "firstContact"],
  },
  {
    name: "rsync",
    programs: ["rsync"],
    version: ["--version"],
    lines: { local: "exec rsync -a {from} {to}", ...overSsh("exec rsync -a -e '{ssh}' {from} {to}") },
    states: ALL,
  },
  {
    name: "rsync gcm",
    programs: ["rsync"],
    version: ["--version"],
    lines: overSsh(`exec rsync -a -e '{ssh} ${GCM}' {from} {to}`),
    states: ALL,
    suits: (row) => row.link === "loopback" && row.place === "tmpfs" && !isSmall(row),
  },
  {
    name: "rsync -z",
    programs: ["rsync"],
    version: ["--version"],
    lines: overSsh("exec rsync -a -z --zc=zstd -e '{ssh}' {from} {to}"),
    states: ALL,
    suits: (row) => isText(row.data),
  },
  {
    name: "rsync -S",
    programs: ["rsync"],
    version: ["--version"],
    lines: { local: "exec rsync -a -S {from} {to}", ...overSsh("exec rsync -a -S -e '{ssh}' {from} {to}") },
    states: ALL,
    suits: (row) => row.data === "sparse",
  },
  {
    name: "tar",
    programs: ["tar"],
    version: ["--version"],
    lines: {
      push: "tar -C {folder} --format=posix -cf - {entry} | {ssh} {host} 'mkdir -p {target} && tar -C {target} -xpf -'",
      pull: "{ssh} {host} tar -C {folder} --format=posix -cf - {entry} | (mkdir -p {target} && tar -C {target} -xpf -)",
    },
    states: ["initial"],
    suits: (row) => row.data !== "sparse" && !isSmall(row),
  },
  {
    name: "tar+zstd",
    programs: ["zstd", "tar"],
    version: ["--version"],
    lines: {
      push:
        "tar -C {folder} --format=posix -cf - {entry} | zstd -q -c | {ssh} {host} 'mkdir -p {target} && zstd -q -dc | tar -C {target} -xpf -'",
      pull:
        "{ssh} {host} 'tar -C {folder} --format=posix -cf - {entry} | zstd -q -c' | zstd -q -dc | (mkdir -p {target} && tar -C {target} -xpf -)",
    },
    states: ["initial"],
    suits: (row) => isText(row.data),
  },
  {
    name: "cp -a",
    programs: ["cp"],
    version: ["--version"],
    lines: { local: "exec cp -a {folder}/{entry} {target}" },
    states: ["initial"],
  },
  {
    name: "sy",
    programs: ["sy"],
    version: ["--version"],
    lines: { local: "exec sy -a -q {from} {to}", ...overSsh("PATH={bin}:$PATH exec sy -a -q {from} {to}") },
    states: ALL,
  },
  {
    name: "rclone",
    programs: ["rclone"],
    version: ["version"],
    lines: {
      local: "exec rclone sync -q -M --transfers 8 --checkers 16 {source} {target}",
      push: "exec rclone sync -q -M --transfers 8 --checkers 16 --sftp-ssh '{ssh} {host}' {source} :sftp:{target}",
      pull: "exec rclone sync -q -M --transfers 8 --checkers 16 --sftp-ssh '{ssh} {host}' :sftp:{source} {target}",
    },
    states: ALL,
    suits: treesOnly,
  },
  {
    name: "unison",
    programs: ["unison"],
    version: ["-version"],
    lines: {
      local: "exec unison -batch -silent -times -perms -1 -owner -group -numericids -force {source} {source} {target}",
      push: "exec unison -batch -silent -times -perms -1 -owner -group -numericids -sshcmd {bin}/ssh " +
        "-force {source} {source} ssh://{host}/{target}",
    },
    states: ALL,
    suits: treesOnly,
  },
];

/** Whether a peer is measured in a row at all. */
export function suits(peer: Peer, row: Row): boolean {
  return peer.lines[row.job] !== undefined && peer.states.includes(row.state) && (peer.suits?.(row) ?? true);
}

/** Puts words into a template. Throws on a word it does not know, and on one that a shell would not leave as it is. */
export function fillIn(template: string, words: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const word = words[name];
    if (word === undefined) throw new Error(`{${name}} in "${template}" is not known`);
    if (!isPlain(word)) throw new Error(`${word} has characters that a shell minds`);
    return word;
  });
}

export function isPlain(word: string): boolean {
  return /^[\w@%+=:,./ -]*$/.test(word);
}

/** The first line of what a program says its version is; null: it is not installed. */
export async function versionOf(program: string, args: string[]): Promise<string | null> {
  try {
    const { stdout, stderr } = await new Deno.Command(program, { args, stdin: "null", env: { LC_ALL: "C" } }).output();
    const text = new TextDecoder().decode(stdout.length > 0 ? stdout : stderr);
    return text.split("\n")[0].replace(/[*\s]+/g, " ").trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Which of these peers are installed, and the programs that are missing. */
export async function detect(
  peers: Peer[],
  tsync: string,
): Promise<{ found: Peer[]; versions: string[]; missing: string[] }> {
  const found: Peer[] = [], versions = new Set<string>(), missing = new Set<string>();
  for (const peer of peers) {
    const [first, ...others] = peer.programs.map((program) => program === "{tsync}" ? tsync : program);
    const version = await versionOf(first, peer.version);
    const lacking = version === null ? first : await firstMissing(others);
    if (lacking !== null) missing.add(lacking);
    else {
      found.push(peer);
      versions.add(version!);
    }
  }
  return { found, versions: [...versions], missing: [...missing] };
}

async function firstMissing(programs: string[]): Promise<string | null> {
  for (const program of programs) if (await versionOf(program, ["--version"]) === null) return program;
  return null;
}

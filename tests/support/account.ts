// A throw-away account on "another machine" for tests of transport and deployment: a home folder, a login shell, and a remote
// shell (-e) that runs a command there without a network, as sshd does: `SHELL -c COMMAND`, a clean environment, three pipes.

import { hex, utf8 } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import type { AgentContent, AgentEntry, AgentStore } from "../../lib/deploy/bundle.ts";
import { remoteCommand } from "../../lib/deploy/command.ts";
import { launchAgent, type Launched, type LaunchPlan } from "../../lib/deploy/launch.ts";
import { openSsh } from "../../lib/transport/openssh.ts";
import type { Transport } from "../../lib/transport/transport.ts";

export interface AccountOptions {
  /** Default: a new private folder. */
  home?: string;
  /** The login shell and its words before the command. */
  shell?: string[];
  env?: Record<string, string>;
  /** Words before the login shell, run in the home folder: `umask 0;`. */
  before?: string;
}

export class Account {
  private constructor(readonly folder: string, readonly home: string, readonly rsh: string) {}

  static async open(options: AccountOptions = {}): Promise<Account> {
    const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "tsync-account-" }));
    const home = options.home ?? `${folder}/home`;
    if (options.home === undefined) await Deno.mkdir(home, { mode: 0o700 });
    const env = { HOME: home, PATH: "/usr/local/bin:/usr/bin:/bin", USER: "somebody", ...options.env };
    const variables = Object.entries(env).map(([name, value]) => quote(`${name}=${value}`)).join(" ");
    const shell = (options.shell ?? ["/bin/sh", "-c"]).map(quote).join(" ");
    await Deno.writeTextFile(
      `${folder}/rsh`,
      `#!/bin/sh\nwhile test $# -gt 1; do shift; done\ncd ${quote(home)} || exit 255\n${options.before ?? ""}\n` +
        `exec env -i ${variables} ${shell} "$1"\n`,
      { mode: 0o755 },
    );
    return new Account(folder, home, `${folder}/rsh`);
  }

  /** Starts `command` in the account; what it says on standard error is collected in `said`. */
  connect(command: string, said: string[] = []): Transport {
    return openSsh({ host: "there", user: null, rsh: this.rsh }, command, (line) => said.push(line));
  }

  /** All below the home: "mode size name" of each entry, sorted. */
  async listing(): Promise<string[]> {
    const { stdout } = await new Deno.Command("find", {
      args: [this.home, "-mindepth", "1", "-printf", "%M %s %P %l\\n"],
    }).output();
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").map((line) => line.trim()).sort();
  }

  /** Runs a contact that must fail; the error. */
  async refusal(store: AgentStore | null, command = COMMAND, plan: Partial<LaunchPlan> = {}): Promise<TsyncError> {
    try {
      await contact(this.connect(command), store, "", plan);
    } catch (error) {
      if (error instanceof TsyncError) return error;
      throw error;
    }
    throw new Error("the contact was a success");
  }

  /** Names in ~/.tsync/bin. */
  async installed(): Promise<string[]> {
    try {
      const names: string[] = [];
      for await (const entry of Deno.readDir(`${this.home}/.tsync/bin`)) names.push(entry.name);
      return names.sort();
    } catch {
      return [];
    }
  }

  async close(): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/**
 * For `before`: the account lives in a mount namespace of its own, and `mount` runs in it first; nothing of it is seen
 * outside or stays. Root only.
 */
export function unshared(mount: string): string {
  return `test -n "$UNSHARED" || exec env UNSHARED=1 unshare -m -- "$0" "$1"\n{ ${mount}; } || exit 255`;
}

/** A program that only root could install here is not there: its tests are pinned skips. For root a missing one is a failure. */
export function cannotHave(program: string): boolean {
  if (Deno.uid() === 0) return false;
  return !["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].some((folder) => {
    try {
      return Deno.statSync(program.startsWith("/") ? program : `${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A small agent of the tests: bytes with their description, and a store that knows it. */
export interface TestAgent {
  bytes: Uint8Array<ArrayBuffer>;
  entry: AgentEntry;
  store: AgentStore;
  /** The name it is installed under. */
  name: string;
}

/**
 * An agent that is a shell script: says its version, or answers OK, prints its umask, its folder and the launch line's hello, and then
 * sends back what it gets. `padding` bytes of noise make it longer.
 */
export async function scriptAgent(padding = 0): Promise<TestAgent> {
  const script = `#!/bin/sh
test "$1" = --version && exit 0
set -- $TSYNC_LAUNCH
echo "$2 OK"
umask
pwd
echo "$6"
exec cat
`;
  return await testAgent(utf8(script + noise(padding)));
}

/** Comment lines that do not compress well. */
function noise(bytes: number): string {
  let text = "";
  for (let state = 12345; text.length < bytes;) {
    let line = "";
    for (let i = 0; i < 8; i++) line += (state = (state * 1103515245 + 12345) & 0x7fffffff).toString(36);
    text += `#${line}\n`;
  }
  return text;
}

export async function testAgent(bytes: Uint8Array<ArrayBuffer>, machine: string = Deno.build.arch): Promise<TestAgent> {
  const sha256 = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  const entry: AgentEntry = { machine, bytes: bytes.length, baseBytes: 1, sha256 };
  return { bytes, entry, store: storeOf([entry], () => bytes), name: `tsync-remote-${sha256}` };
}

/** A store of `entries` that gives out `content`, whatever it is: the far side must find out. */
export function storeOf(entries: AgentEntry[], content: (agent: AgentEntry) => Uint8Array): AgentStore {
  return {
    find: (machine) => entries.find((entry) => entry.machine === machine) ?? null,
    open: (agent) => Promise.resolve(contentOf(agent, content(agent))),
  };
}

function contentOf(agent: AgentEntry, bytes: Uint8Array): AgentContent {
  return {
    agent,
    readAt(into, offset) {
      const piece = bytes.subarray(offset, offset + into.length);
      into.set(piece);
      return piece.length;
    },
    close() {},
  };
}

export const HELLO = utf8("a hello");

/** What an agent of scriptAgent said after its answer, when it was told `words` and the end. */
export interface Contact extends Launched {
  umask: string;
  folder: string;
  hello: string;
  echo: string;
}

/** One contact with the account: launches the agent, talks to it, and waits for the end. */
export async function contact(
  transport: Transport,
  store: AgentStore | null,
  words = "tail \0\xff\n",
  plan: Partial<LaunchPlan> = {},
): Promise<Contact> {
  const launched = await launchOrClose(transport, { agents: store, ...plan });
  const bytes = Uint8Array.from(words, (c) => c.charCodeAt(0));
  await transport.sink.write(bytes);
  transport.sink.close();
  let text = latin1Of(launched.rest);
  const into = new Uint8Array(4096);
  for (let n = await transport.source.read(into); n !== null; n = await transport.source.read(into)) {
    text += latin1Of(into.subarray(0, n));
  }
  await transport.closed;
  const [umask, folder, hello, ...echo] = text.split("\n");
  return { ...launched, umask, folder, hello: atob(hello), echo: echo.join("\n") };
}

/** launchAgent, that is over when it fails. */
async function launchOrClose(transport: Transport, plan: LaunchPlan): Promise<Launched> {
  try {
    return await launchAgent(transport, HELLO, plan);
  } catch (error) {
    const into = new Uint8Array(4096);
    while (await transport.source.read(into).catch(() => null) !== null);
    await transport.closed;
    throw error;
  }
}

function latin1Of(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** The command of a first contact. */
export const COMMAND = remoteCommand(null).text;

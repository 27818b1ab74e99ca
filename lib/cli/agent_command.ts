// `tsync agent list|remove|verify [USER@]HOST`: the programs that tsync put into an account on another machine. Loaded only
// when the first operand is "agent". A subcommand must never be taken for a synchronisation or the other way round: where
// the words could mean files, nothing is done.

import { display, latin1, utf8 } from "../base/bytes.ts";
import { EXIT_PARTIAL, TsyncError } from "../base/errors.ts";
import { AGENTS_COMMAND, type AgentVerb, type InstalledAgent, manageAgents } from "../deploy/agents.ts";
import { ownAgents } from "../deploy/bundle.ts";
import { openOs } from "../os/choose.ts";
import { Stat } from "../os/os.ts";
import { openSsh } from "../transport/openssh.ts";
import { checkRemote, type RemoteShell } from "../transport/remote_shell.ts";
import type { Ending } from "./exit.ts";
import { withCommas } from "./numbers.ts";
import { readLogin } from "./operands.ts";
import { usageError } from "./option_values.ts";
import type { Output } from "./output.ts";
import type { Command } from "./request.ts";

type AgentWords = Extract<Command, { kind: "agent" }>;

const VERBS: readonly string[] = ["list", "remove", "verify"] satisfies AgentVerb[];

export async function runAgentCommand(command: AgentWords, output: Output): Promise<Ending> {
  const { verb, remote } = readAgentWords(command, fileExists(utf8("agent")));
  const transport = openSsh(remote, AGENTS_COMMAND, (line) => output.err(`${line}\n`));
  try {
    const agents = await manageAgents(transport, verb, null);
    if (agents.length === 0) output.out(`no tsync-remote on ${remote.host}\n`);
    const current = currentAgents();
    for (const agent of agents) output.out(agentLine(agent, current.has(agent.sha256)));
    const damaged = agents.some((agent) => agent.state === "damaged");
    if (!damaged) return { code: 0, words: "" };
    const advice = `a damaged agent is never run; tsync agent remove ${remote.host} takes it away`;
    return { code: EXIT_PARTIAL, words: `tsync: ${advice}\n` };
  } finally {
    transport.kill();
  }
}

/** Throws TsyncError "usage" that shows `./agent` wherever the words could name files. */
export function readAgentWords(command: AgentWords, isFile: boolean): { verb: AgentVerb; remote: RemoteShell } {
  const [verb, host] = command.words;
  const advice = "write ./agent for a file of that name, or: tsync agent list|remove|verify [USER@]HOST";
  const paths = command.words.filter((word) => word.includes(0x3a) || word.includes(0x2f));
  if (paths.length > 0) throw usageError(`"agent" is a subcommand, "${display(paths[0])}" a path; ${advice}`);
  if (isFile) throw usageError(`"agent" is a subcommand and a file here; ${advice}`);
  if (!command.plain) throw usageError(`the subcommand "agent" takes no option but -e; ${advice}`);
  if (verb === undefined || !VERBS.includes(latin1(verb)) || command.words.length !== 2) {
    throw usageError(`these words make no sense behind the subcommand "agent"; ${advice}`);
  }
  const remote = { ...readLogin(host), rsh: command.rsh };
  checkRemote(remote);
  return { verb: latin1(verb) as AgentVerb, remote };
}

function fileExists(path: Uint8Array): boolean {
  return openOs().statPath(path, false, new Stat()) >= 0;
}

/** SHA-256 of the agents this tsync would run; none where it carries none (run from source). */
function currentAgents(): Set<string> {
  try {
    const store = ownAgents();
    return new Set(["x86_64", "aarch64"].flatMap((machine) => store.find(machine)?.sha256 ?? []));
  } catch (error) {
    if (error instanceof TsyncError) return new Set();
    throw error;
  }
}

export function agentLine(agent: InstalledAgent, current: boolean): string {
  const state = agent.state === "installed" ? "" : `  ${agent.state}`;
  const owner = current ? "  (of this tsync)" : "";
  return `tsync-remote-${agent.sha256}  ${withCommas(agent.bytes)} bytes  ${agent.date}${state}${owner}\n`;
}

// The agents a client carries or finds. Called by launch.ts when the far side asks for one. Promises: an agent is given out
// only if its SHA-256, computed now, is one that this build recorded for that machine type; it is read piece by piece.
//
// The client holds the agent's payload and shares the compile base with it (scripts/build.sh), so its own first bytes and
// the payload are the agent for its own machine type. Agents for others lie beside the client or in ~/.tsync/agents.

import { display, latin1, utf8 } from "../base/bytes.ts";
import { assert, TsyncError } from "../base/errors.ts";
import { sha256Of } from "../hash/sha256.ts";
import { isCompiled, openOwnFile, type OwnFile, programFolder, readEmbedded } from "../os/own_files.ts";
import { env, executableImage, hostMachine } from "../os/process.ts";
import type { WantedAgent } from "../wire/launch_line.ts";

/** One agent as scripts/build.sh describes it. */
export interface AgentEntry extends WantedAgent {
  baseBytes: number;
}

/** An agent's bytes, verified. The holder closes it. */
export interface AgentContent {
  readonly agent: AgentEntry;
  /** Fills the beginning of `into` from `offset`; 0 at the end. Throws TsyncError "start" if the file can no longer be read. */
  readAt(into: Uint8Array, offset: number): number;
  close(): void;
}

/** Where launch.ts gets agents from; tests put their own here. */
export interface AgentStore {
  /** The agent this build has for the machine type, whether it is at hand or not; null if there is none. */
  find(machine: string): AgentEntry | null;
  /** Finds, verifies and opens it. Throws TsyncError "start" with what to do. */
  open(agent: AgentEntry): Promise<AgentContent>;
}

/** The store of this build. Throws TsyncError "start" if the build left no description of agents. */
export function ownAgents(): AgentStore {
  const agents = readManifest();
  return {
    find: (machine) => agents.find((agent) => agent.machine === machine) ?? null,
    open: (agent) => openAgent(agent),
  };
}

function readManifest(): AgentEntry[] {
  const bytes = readEmbedded("agent/manifest.json");
  if (typeof bytes === "number") fail("this tsync carries no agent; make it by scripts/build.sh");
  const agents: AgentEntry[] = JSON.parse(latin1(bytes)).agents;
  for (const { machine, bytes, baseBytes, sha256 } of agents) {
    assert(
      /^[0-9a-f]{64}$/.test(sha256) && bytes > baseBytes && baseBytes > 0,
      `the manifest's agent for ${machine} is sound`,
    );
  }
  return agents;
}

async function openAgent(agent: AgentEntry): Promise<AgentContent> {
  if (agent.machine === hostMachine() && isCompiled()) {
    const own = composeOwn(agent);
    if (own !== null && await isRight(own)) return own;
    own?.close();
    fail(
      "the program file of this tsync was changed (stripped, packed or damaged), so it cannot make its agent; install it anew",
    );
  }
  const places = wholeFiles(agent.machine);
  for (const place of places) {
    const whole = openWhole(place, agent);
    if (whole === null) continue;
    if (await isRight(whole)) return whole;
    whole.close();
  }
  fail(
    `the far side is a ${agent.machine} machine, and this tsync's agent for it is not at hand: put tsync-remote of the same ` +
      `build for ${agent.machine} at ${places.map(display).slice(-2).join(" or ")} (SHA-256 ${agent.sha256})`,
  );
}

/** Where an agent for the machine type may lie, the best known place last. */
function wholeFiles(machine: string): Uint8Array[] {
  const folder = display(programFolder());
  const names = [`${folder}/${machine}-unknown-linux-gnu/tsync-remote`, `${folder}/tsync-remote-${machine}`];
  if (machine === hostMachine()) names.unshift(`${folder}/tsync-remote`);
  const home = env("HOME");
  if (home) names.push(`${home}/.tsync/agents/tsync-remote-${machine}`);
  return names.map(utf8);
}

function openWhole(path: Uint8Array, agent: AgentEntry): AgentContent | null {
  const file = openOwnFile(path);
  if (typeof file === "number") return null;
  if (!file.regular || file.bytes !== agent.bytes) {
    file.close();
    return null;
  }
  return { agent, readAt: (into, offset) => readFrom(file, into, offset), close: () => file.close() };
}

/** The base of the running program and the payload; null if the program does not begin with such a base. */
function composeOwn(agent: AgentEntry): AgentContent | null {
  const payload = readEmbedded("agent/payload.bin");
  if (typeof payload === "number" || agent.baseBytes + payload.length !== agent.bytes) return null;
  const file = openOwnFile(executableImage());
  if (typeof file === "number") return null;
  if (baseBytesOf(file) !== agent.baseBytes) {
    file.close();
    return null;
  }
  return {
    agent,
    readAt(into, offset) {
      if (offset < agent.baseBytes) {
        return readFrom(file, into.subarray(0, Math.min(into.length, agent.baseBytes - offset)), offset);
      }
      const piece = payload.subarray(offset - agent.baseBytes, offset - agent.baseBytes + into.length);
      into.set(piece);
      return piece.length;
    },
    close: () => file.close(),
  };
}

/** Where an ELF program ends by its own account, at the end of its section headers; -1 if it is no 64-bit ELF. */
export function baseBytesOf(file: OwnFile): number {
  const header = new Uint8Array(64);
  if (file.readAt(header, 0) !== header.length) return -1;
  if (latin1(header.subarray(0, 6)) !== "\x7fELF\x02\x01") return -1;
  const view = new DataView(header.buffer);
  return Number(view.getBigUint64(0x28, true)) + view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
}

function readFrom(file: OwnFile, into: Uint8Array, offset: number): number {
  const count = file.readAt(into, offset);
  if (count < 0) fail("the agent's file cannot be read");
  return count;
}

/** Whether the whole content has the recorded SHA-256. */
async function isRight(content: AgentContent): Promise<boolean> {
  return await sha256Of((into, offset) => content.readAt(into, offset)) === content.agent.sha256;
}

function fail(detail: string): never {
  throw new TsyncError({ kind: "start", detail });
}

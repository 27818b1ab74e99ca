// The handshake before the first frame (PROTOCOL.md section 3): sends the launch line at once, waits for the marker, sends
// the agent if the far side needs it. Called by the job runner. Promises: returns only after `MARKER OK`; every other end
// is a TsyncError that says what to do; once the far side has spoken, nothing is waited for without limit.

import { EMPTY, hex } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { HANDSHAKE_MS, HANDSHAKE_PHASE_MS, NOISE_BYTES, UPLOAD_IDLE_MS } from "../base/limits.ts";
import { after } from "../os/clock.ts";
import { hostMachine } from "../os/process.ts";
import { randomBytes } from "../os/random.ts";
import type { Transport } from "../transport/transport.ts";
import { formatLaunchLine } from "../wire/launch_line.ts";
import { type Answer, AnswerFinder, quoteNoise } from "./answer.ts";
import type { AgentEntry, AgentStore } from "./bundle.ts";
import { explainEnd, explainFail } from "./explain.ts";
import { sendAgent, type UploadProgress } from "./install.ts";

export interface LaunchPlan {
  /** Null: the remote command is not our launcher, nothing is deployed. */
  agents: AgentStore | null;
  /** The first bytes of our stream, to travel in the launch line. */
  early?: Uint8Array;
  /** An upload begins; called once. */
  onUpload?: (agent: AgentEntry) => void;
  progress?: UploadProgress;
  /** Default: those of lib/base/limits.ts. */
  limits?: LaunchLimits;
}

/** Milliseconds: the whole handshake without an upload, one phase of it, and an upload that stands still. */
export interface LaunchLimits {
  wholeMs: number;
  phaseMs: number;
  uploadIdleMs: number;
}

const DEFAULT_LIMITS: LaunchLimits = {
  wholeMs: HANDSHAKE_MS,
  phaseMs: HANDSHAKE_PHASE_MS,
  uploadIdleMs: UPLOAD_IDLE_MS,
};

export interface Launched {
  /** What the login printed before the agent spoke, escaped and cut, for a warning; empty if nothing. */
  noise: string;
  /** Bytes of the agent's upload as sent; 0 if it was there. */
  uploadedBytes: number;
  /** Bytes that came after the answer already: the beginning of the frames. */
  rest: Uint8Array;
}

/** Starts the agent on `transport`, whose command was made by remoteCommand. On error the transport has been killed. */
export async function launchAgent(transport: Transport, hello: Uint8Array, plan: LaunchPlan): Promise<Launched> {
  const launch = new Launch(transport, hello, plan);
  try {
    return await launch.run();
  } catch (error) {
    transport.kill();
    throw error;
  } finally {
    launch.limits.clear();
  }
}

class Launch {
  readonly marker = hex(randomBytes(16));
  readonly finder = new AnswerFinder(this.marker);
  readonly limits: Limits;
  readonly #buffer = new Uint8Array(64 << 10);
  #uploadedBytes = 0;

  constructor(readonly transport: Transport, readonly hello: Uint8Array, readonly plan: LaunchPlan) {
    this.limits = new Limits(plan.limits ?? DEFAULT_LIMITS);
  }

  async run(): Promise<Launched> {
    let agent = this.#wanted(hostMachine());
    await this.#sendLine(agent);
    let answer = await this.#answer();
    if (answer.word === "NEED" && agent !== null && answer.machine !== agent.machine) {
      agent = this.#wanted(answer.machine);
      if (agent === null) throw unknownMachine(answer.machine);
      await this.#sendLine(agent);
      answer = await this.#answer();
    }
    if (answer.word === "NEED") answer = await this.#upload(agent, answer.machine);
    if (answer.word === "NEED") throw start("the far side asked for the agent a second time");
    if (answer.word === "FAIL") throw explainFail(answer.text);
    return { noise: quoteNoise(this.finder.noise), uploadedBytes: this.#uploadedBytes, rest: this.finder.rest };
  }

  #wanted(machine: string): AgentEntry | null {
    return this.plan.agents?.find(machine) ?? null;
  }

  async #sendLine(agent: AgentEntry | null): Promise<void> {
    try {
      await this.transport.sink.write(
        formatLaunchLine(
          { marker: this.marker, agent, hello: this.hello, early: this.plan.early ?? EMPTY },
          hostMachine(),
        ),
      );
    } catch {
      // The carrier is gone already: reading finds its end, and its reason.
    }
  }

  /** Reads to the next answer. */
  async #answer(): Promise<Answer> {
    let answer = this.finder.push(EMPTY);
    while (answer === null) {
      const count = await this.limits.watch(this.#read());
      this.limits.begin();
      if (count === null) throw await this.#explainEnd();
      answer = this.finder.push(this.#buffer.subarray(0, count));
      if (this.finder.overflowed) {
        throw start(
          `the login at the far side printed more than ${
            NOISE_BYTES >> 10
          } KiB before the agent could answer; make its ` +
            `start-up files silent where there is no terminal. It began: ${quoteNoise(this.finder.noise)}`,
        );
      }
    }
    this.limits.phase();
    return answer;
  }

  async #explainEnd(): Promise<TsyncError> {
    return explainEnd(await this.limits.watch(this.transport.closed), this.finder, this.plan.agents !== null);
  }

  async #read(): Promise<number | null> {
    try {
      return await this.transport.source.read(this.#buffer);
    } catch {
      return null;
    }
  }

  /** Sends the agent while listening: the far side may refuse at any time. */
  async #upload(agent: AgentEntry | null, machine: string): Promise<Answer> {
    if (agent === null || agent.machine !== machine) throw unknownMachine(machine);
    const content = await this.plan.agents!.open(agent);
    this.plan.onUpload?.(agent);
    this.limits.idle();
    let [stop, sent] = [false, false];
    const listening = this.#answer().finally(() => stop = true);
    const progress: UploadProgress = (sentBytes, doneBytes) => {
      this.limits.idle();
      this.plan.progress?.(sentBytes, doneBytes);
    };
    const send = async () => {
      try {
        this.#uploadedBytes = await sendAgent(this.transport.sink, content, progress, () => stop);
        sent = true;
      } catch (error) {
        // A failed write means that the far side has gone, and that its reason is about to be read.
        if (error instanceof TsyncError) throw error;
      }
    };
    try {
      await Promise.race([listening, send()]);
      this.limits.idle();
      const answer = await listening;
      if (answer.word === "OK" && !sent) throw start("the far side answered before it had the agent");
      return answer;
    } finally {
      stop = true;
      listening.catch(() => {});
      content.close();
    }
  }
}

/** The time limits (R12): none before the far side's first word, since ssh may be asking for a password. */
class Limits {
  #cancelPhase = () => {};
  #cancelWhole = () => {};
  #begun = false;
  #over = false;
  #reject: (error: TsyncError) => void = () => {};
  readonly #expired: Promise<never>;

  constructor(readonly given: LaunchLimits) {
    this.#expired = new Promise((_, reject) => this.#reject = reject);
    this.#expired.catch(() => {});
  }

  /** `waited`, unless a limit passes first. */
  watch<T>(waited: Promise<T>): Promise<T> {
    return Promise.race([waited, this.#expired]);
  }

  /** The far side has said its first word. */
  begin(): void {
    if (this.#begun || this.#over) return;
    this.#begun = true;
    this.#whole(this.given.wholeMs, "the far side did not finish the handshake");
    this.phase();
  }

  /** A step was made; the next one has its own time. */
  phase(): void {
    this.#phase(this.given.phaseMs, "the far side fell silent during the handshake");
  }

  /** While the agent is sent and unpacked only standing still is limited, and the handshake's time does not run. */
  idle(): void {
    this.#cancelWhole();
    this.#phase(this.given.uploadIdleMs, "the upload of the agent stood still");
  }

  /** The launch is over: what still comes in has no time limit of ours. */
  clear(): void {
    this.#over = true;
    this.#cancelPhase();
    this.#cancelWhole();
  }

  #phase(ms: number, what: string): void {
    if (this.#over) return;
    this.#cancelPhase();
    this.#cancelPhase = after(ms, () => this.#expire(ms, what));
  }

  #whole(ms: number, what: string): void {
    this.#cancelWhole = after(ms, () => this.#expire(ms, what));
  }

  #expire(ms: number, what: string): void {
    this.#reject(start(`${what} for ${ms / 1000} s; check what its login runs (start-up files, a forced command)`));
  }
}

function unknownMachine(machine: string): TsyncError {
  return start(
    `the far side is a ${machine} machine; there is no agent for it (x86_64 and aarch64 only)`,
  );
}

function start(detail: string): TsyncError {
  return new TsyncError({ kind: "start", detail });
}

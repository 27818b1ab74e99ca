// Our own process: its arguments, environment, signals, identity and end. Called by the two mains, the command line and
// deployment. Child processes are in child.ts, our standard streams in streams.ts.

import { utf8 } from "../base/bytes.ts";
import { openLibC } from "./symbols.ts";

export { spawn } from "./child.ts";
export type { Child, ChildEnd, SpawnOptions } from "./child.ts";
export { SpawnError } from "./child.ts";
export { standardSink, stdinSource, writeStandardSync } from "./streams.ts";
export type { ByteSink, ByteSource } from "./streams.ts";
export { setUmask } from "./umask.ts";

/** The arguments after the program's name. */
export function args(): string[] {
  return [...Deno.args];
}

/**
 * The arguments as the exact bytes the caller passed. Deno refuses to start with an argument that is not UTF-8 (a compiled
 * program ends with code 101 before its first line runs), so what arrives here is UTF-8 and nothing is lost.
 */
export function rawArgs(): Uint8Array[] {
  return Deno.args.map(utf8);
}

/** The name by which the program was called, without its folder; "" where that cannot be told. Deno itself tells where its file lies. */
export function calledName(): string {
  try {
    const line = new TextDecoder().decode(Deno.readFileSync("/proc/self/cmdline"));
    const word = line.slice(0, line.indexOf("\0"));
    return word.slice(word.lastIndexOf("/") + 1);
  } catch {
    return "";
  }
}

/** The variable's value; undefined if it is not set or not UTF-8. */
export function env(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

/** Removes a variable, so that child processes do not get it. */
export function unsetEnv(name: string): void {
  Deno.env.delete(name);
}

/** Ends the process now. */
export function exit(code: number): never {
  Deno.exit(code);
}

/** Calls `fn` at each signal `name` instead of the system's default, until the returned function is called. */
export function onSignal(name: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGWINCH" | "SIGUSR1", fn: () => void): () => void {
  Deno.addSignalListener(name, fn);
  return () => Deno.removeSignalListener(name, fn);
}

export function processId(): number {
  return Deno.pid;
}

/** The user id by which the system judges us. */
export function effectiveUid(): number {
  try {
    return openLibC().rare.geteuid();
  } catch {
    return Deno.uid() ?? 0;
  }
}

/** The path of the program that runs: tsync itself when compiled, else Deno. */
export function executablePath(): Uint8Array {
  return utf8(Deno.execPath());
}

/** A path that reads as the running program's own bytes, even after its file was replaced. */
export function executableImage(): Uint8Array {
  return Deno.build.os === "linux" ? utf8("/proc/self/exe") : executablePath();
}

/** The machine type in `uname -m`'s words. */
export function hostMachine(): "x86_64" | "aarch64" {
  return Deno.build.arch;
}

/** The system's name: "linux", "darwin", "windows" and so on. */
export function hostSystem(): string {
  return Deno.build.os;
}

/** This machine's name. */
export function hostName(): string {
  return Deno.hostname();
}

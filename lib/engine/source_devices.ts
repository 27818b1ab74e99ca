// The guard against a source that is not what it was: each run that may delete notes, on the source's machine, which device its source
// folders are on (~/.tsync/state, one small file for each); the next one that may delete looks there first. Loaded by the source half
// for such a run. Promises: nothing is noted in a dry run or after a run that did not end well; a note that cannot be trusted is
// passed over, with a warning; a device that only has another number after a restart is the same device.

import { display, fromLatin1, hex, latin1, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { Sha256 } from "../hash/sha256.ts";
import { type Handle, Kind, type Os, Stat } from "../os/os.ts";
import { openStateFolder } from "../os/state_folder.ts";
import { type Origin, splitSource } from "../tree/origins.ts";
import type { Environment } from "./environment.ts";

const PREFIX = "source-";
/** Notes that are kept, the newest ones. */
const NOTES = 256;
const NOTE_BYTES = 16 << 10;
/** Source arguments that are looked after; a shell's `*` may name thousands. */
const ARGUMENTS = 16;

/** Numbers of the device, "major:minor", and of the file system on it and its kind, as statfs tells them. */
export interface Device {
  device: string;
  fileSystem: string;
  type: number;
}

/** What is noted of a source folder. */
interface Note extends Device {
  v: 1;
  /** Its absolute path, as latin1. */
  path: string;
}

export class SourceDevices {
  readonly #env: Environment;
  readonly #warn: (sentence: string) => void;
  /** Notes to be written, by file name. */
  readonly #notes = new Map<string, string>();

  constructor(env: Environment, warn: (sentence: string) => void) {
    this.#env = env;
    this.#warn = warn;
  }

  /** Throws TsyncError "guard" if a source folder is elsewhere than it was, or is none any more; `allows`: only notes what is. */
  check(origins: readonly Origin[], allows: boolean): void {
    const { os, homeFolder, identity } = this.#env;
    const state = openStateFolder({ os, home: homeFolder(), uid: identity.uid, creates: false, warn: this.#warn });
    try {
      for (const origin of origins.slice(0, ARGUMENTS)) {
        const path = this.#pathOf(origin);
        const file = PREFIX + shortDigest(path);
        const bytes = allows ? null : state?.read(file, NOTE_BYTES) ?? null;
        const before = bytes === null ? null : this.#readNote(bytes, file, path);
        const now = noteOf(os, origin, path);
        if (now !== null) this.#notes.set(file, JSON.stringify(now));
        if (before === null) continue;
        if (now === null) refuse(origin, "was a folder in the last run that deleted, and is none any more");
        if (!isSameDevice(before, now)) refuse(origin, "is on another device than in the last run that deleted");
        if (latin1(bytes!) === this.#notes.get(file)) this.#notes.delete(file);
      }
    } finally {
      state?.close();
    }
  }

  /** The run ended well: what it found is what the next one compares with. */
  remember(): void {
    if (this.#notes.size === 0) return;
    const { os, homeFolder, identity } = this.#env;
    // What is wrong with the folder was told before.
    const state = openStateFolder({ os, home: homeFolder(), uid: identity.uid, creates: true, warn: () => {} });
    if (state === null) return;
    for (const [file, text] of this.#notes) state.write(file, utf8(text));
    state.keepNewest(PREFIX, NOTES);
    state.close();
  }

  /** The absolute path of the source folder, as far as its word says it. */
  #pathOf({ word, only }: Origin): Uint8Array {
    const { folder } = splitSource(word);
    let text = latin1(only === null ? word : folder);
    if (!text.startsWith("/")) text = `${latin1(utf8(this.#env.workingFolder()))}/${text}`;
    if (only !== null) text += `/${latin1(only)}`;
    const parts = text.split("/").filter((part) => part !== "" && part !== ".");
    return fromLatin1(`/${parts.join("/")}`);
  }

  #readNote(bytes: Uint8Array, file: string, path: Uint8Array): Note | null {
    try {
      const note: unknown = JSON.parse(new TextDecoder().decode(bytes));
      if (isNote(note) && note.path === latin1(path)) return note;
    } catch {
      // No JSON: not of our making.
    }
    this.#warn(`~/.tsync/state/${file} is not used: it does not say what it should`);
    return null;
  }
}

function shortDigest(path: Uint8Array): string {
  const sha256 = new Sha256();
  sha256.update(path);
  return hex(sha256.digest()).slice(0, 32);
}

function isNote(note: unknown): note is Note {
  if (typeof note !== "object" || note === null) return false;
  const { v, path, device, fileSystem, type } = note as Record<string, unknown>;
  return v === 1 && typeof path === "string" && typeof device === "string" && typeof fileSystem === "string" &&
    typeof type === "number";
}

/** Null where the argument is no folder. */
function noteOf(os: Os, { root, only }: Origin, path: Uint8Array): Note | null {
  const folder: Handle = only === null ? root : os.openFolder(root, only);
  if (folder < 0) return null;
  const stat = new Stat();
  const looked = os.statHandle(folder, stat);
  const info = os.fileSystem(folder);
  if (only !== null) os.close(folder);
  if (looked < 0 || stat.kind !== Kind.folder) return null;
  const [fileSystem, type] = typeof info === "number" ? ["", 0] : [info.id, info.type];
  return { v: 1, path: latin1(path), device: `${stat.devMajor}:${stat.devMinor}`, fileSystem, type };
}

/** Numbers of devices change with restarts, the number of a file system mostly does not; where it has none only its kind tells. */
export function isSameDevice(before: Device, now: Device): boolean {
  if (before.device === now.device && before.type === now.type) return true;
  if (before.type !== now.type) return false;
  const isAnonymous = before.device.startsWith("0:") && now.device.startsWith("0:");
  return before.fileSystem === now.fileSystem && (now.fileSystem !== "" || isAnonymous);
}

function refuse({ word }: Origin, what: string): never {
  throw new TsyncError({
    kind: "guard",
    detail: `the source "${display(word)}" ${what}, and --delete would make the target like it: nothing was done; ` +
      "check that it is mounted; if this is meant, say --allow-other-device",
  });
}

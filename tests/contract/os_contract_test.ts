// Runs the contract of Os on every implementation: FFI on a disk, on tmpfs and with an unhelpful kernel, Deno's own calls, the tree in
// memory, the recorder around the others.

import { openLinux } from "../../lib/os/linux.ts";
import { type MemoryOptions, openMemory } from "../../lib/os/memory.ts";
import { openPortable } from "../../lib/os/portable.ts";
import { RecordingOs } from "../../lib/os/recording.ts";
import { Errno, type Os } from "../../lib/os/os.ts";
import { ServedOs } from "../../lib/tree/served_os.ts";
import { interruptedCalls, oldKernelCalls } from "../support/odd_calls.ts";
import { type OsSubject, testOs, utf8 } from "./os_contract.ts";

Deno.umask(0o022);

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** A subject on a real disk, in a temporary folder below `parent`. */
function onDisk(os: Os, parent?: string, exchanges = true, insideRefused?: number): OsSubject {
  const folder = Deno.makeTempDirSync({ dir: parent, prefix: "os-contract-" });
  return {
    os,
    root: utf8(folder),
    privileged: Deno.uid() === 0,
    exchanges,
    insideRefused,
    // On a disk shared with others ten thousand creations can take many seconds.
    manyNames: parent === undefined ? 1000 : undefined,
    openHandles: openDescriptors,
    dispose: () => Deno.removeSync(folder, { recursive: true }),
  };
}

const linux = openLinux();
testOs("linux", () => onDisk(linux));
const memoryDisk = "/dev/shm";
testOs("linux on tmpfs", () => onDisk(linux, memoryDisk));
// The same calls with an unhelpful system behind them.
const interrupted = openLinux(interruptedCalls());
testOs("linux, calls interrupted and writes cut short", () => onDisk(interrupted, memoryDisk));
const old = openLinux(oldKernelCalls(Errno.ENOSYS));
testOs("linux as before openat2, fchmodat2 and renameat2", () => onDisk(old, memoryDisk, false, -Errno.ENOSYS));
const sandboxed = openLinux(oldKernelCalls(Errno.EPERM));
testOs("linux in a sandbox that refuses newer calls", () => onDisk(sandboxed, memoryDisk, true, -Errno.EPERM));

const portable = openPortable();
testOs("portable", () => onDisk(portable, memoryDisk, false));
testOs("recorder around linux", () => onDisk(new RecordingOs(linux), memoryDisk));

/** The folder of the subject as the root of a session that may do all: its path is "/". */
function served({ root, ...subject }: OsSubject): OsSubject {
  const handle = subject.os.openRoot(root);
  return {
    ...subject,
    os: new ServedOs(subject.os, handle, { reads: true, writes: true, keeps: "nothing" }),
    root: utf8("/"),
    dispose: () => {
      subject.os.close(handle);
      subject.dispose();
    },
  };
}

testOs("served root on linux", () => served(onDisk(linux, memoryDisk)));

function inMemory(options: MemoryOptions, wrap: (os: Os) => Os = (os) => os): OsSubject {
  const memory = openMemory(options);
  return {
    os: wrap(memory),
    root: utf8("/"),
    privileged: (options.uid ?? 0) === 0,
    openHandles: () => memory.openHandles(),
    dispose: () => {},
  };
}

testOs("memory", () => inMemory({}));
testOs("memory, plain user, reflinks", () => inMemory({ uid: 1000, gid: 1000, reflink: true, seed: 7 }));
testOs("recorder around memory", () => inMemory({}, (os) => new RecordingOs(os)));
testOs("served root in memory", () => served(inMemory({})));

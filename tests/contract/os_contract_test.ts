// Runs the contract of Os on every implementation: FFI on a disk and on tmpfs.

import { openLinux } from "../../lib/os/linux.ts";
import type { Os } from "../../lib/os/os.ts";
import { type OsSubject, testOs, utf8 } from "./os_contract.ts";

Deno.umask(0o022);

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** A subject on a real disk, in a temporary folder below `parent`. */
function onDisk(os: Os, parent?: string): OsSubject {
  const folder = Deno.makeTempDirSync({ dir: parent, prefix: "os-contract-" });
  return {
    os,
    root: utf8(folder),
    privileged: Deno.uid() === 0,
    openHandles: openDescriptors,
    dispose: () => Deno.removeSync(folder, { recursive: true }),
  };
}

const linux = openLinux();
testOs("linux", () => onDisk(linux));
testOs("linux on tmpfs", () => onDisk(linux, "/dev/shm"));

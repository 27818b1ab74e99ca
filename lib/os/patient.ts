// Opening again what could not be opened for a reason that passes. Put around an Os where a process opens its own (choose.ts). Promises: only
// verbs that change nothing by failing are repeated, each as its class of error says; all waiting of a process together is bounded;
// what does not fail costs one call more.
//
//   ESTALE     once, at once: a server has a new file where the name was
//   EAGAIN     after pauses: another program holds a lease on the file (Samba, NFS servers), and was told to give it up
//   ETXTBSY    after pauses: a program that was just started there, or is just ending
//   EIO, ...   not: what a disk cannot read does not get better by being asked again
//
// EINTR is repeated inside each Os, and the kernel itself looks a stale name up again; a whole entry that failed is the engine's matter.

import { Errno, type Handle, type Os } from "./os.ts";

/** Pauses before another attempt, ms: a program that gives up a lease needs some, one that does not has had its chance. */
const PAUSES_MS = [1, 4, 20, 75, 200];
/** All waiting of a process, ms: many such files must not hold up the rest. */
const PATIENCE_MS = 3000;

/** The same Os, patient. `sleep` stands still for so many ms. */
export function patient(os: Os, sleep: (ms: number) => void = standStill): Os {
  let leftMs = PATIENCE_MS;
  const again = (first: Handle, open: () => Handle): Handle => {
    let result = first;
    if (result === -Errno.ESTALE) result = open();
    for (const ms of PAUSES_MS) {
      if ((result !== -Errno.EAGAIN && result !== -Errno.ETXTBSY) || ms > leftMs) break;
      leftMs -= ms;
      sleep(ms);
      result = open();
    }
    return result;
  };
  // The methods are replaced, not the object: an Os has private parts, and is asked by the hundred thousand.
  const openFile = os.openFile.bind(os);
  os.openFile = (folder, name, how, mode) => {
    const handle = openFile(folder, name, how, mode);
    return handle >= 0 ? handle : again(handle, () => openFile(folder, name, how, mode));
  };
  const openFolder = os.openFolder.bind(os);
  os.openFolder = (folder, name) => {
    const handle = openFolder(folder, name);
    return handle >= 0 ? handle : again(handle, () => openFolder(folder, name));
  };
  const openBeneath = os.openBeneath.bind(os);
  os.openBeneath = (root, path) => {
    const handle = openBeneath(root, path);
    return handle >= 0 ? handle : again(handle, () => openBeneath(root, path));
  };
  const openRoot = os.openRoot.bind(os);
  os.openRoot = (path) => {
    const handle = openRoot(path);
    return handle >= 0 ? handle : again(handle, () => openRoot(path));
  };
  return os;
}

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

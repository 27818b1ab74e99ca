// The process's umask. A run works with umask 0, because every mode it sets is the one that is meant; the programs it
// starts must not inherit that, or what they write (ssh its known_hosts) would be open to all.

let asStarted: number | null = null;

/** Sets the bits that new files and folders do not get; returns the old ones. */
export function setUmask(mask: number): number {
  const old = Deno.umask(mask);
  asStarted ??= old;
  return old;
}

/** Does `work`, which must not wait, with the umask the process was started with. */
export function withStartedUmask<T>(work: () => T): T {
  if (asStarted === null) return work();
  const own = Deno.umask(asStarted);
  try {
    return work();
  } finally {
    Deno.umask(own);
  }
}

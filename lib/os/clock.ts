// Time and timers. Called by whoever waits, measures or stamps. Promises: monotonicMs never goes backwards; a cancelled
// timer never fires.

/** Milliseconds since some fixed moment of this process, with fractions. For durations. */
export function monotonicMs(): number {
  return performance.now();
}

/** Seconds since 1970 by the machine's clock, with fractions to the millisecond. For stamps, never for durations. */
export function wallSeconds(): number {
  return Date.now() / 1000;
}

/** Deno has it, its types do not. */
declare function setImmediate(fn: () => void): unknown;

/** Calls `fn` when all that is at hand, in this turn of the event loop, is done. */
export function soon(fn: () => void): void {
  setImmediate(fn);
}

/** The runtime looks for signals and arrived bytes at every 61st step only, and a turn of the event loop takes two. */
const TURNS = 40;

/** Resolves after what is due (timers, signals, arrived bytes) had its turn. Measured: 50 us; one turn alone (3 us) leaves a signal for up to 24 more. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    let left = TURNS;
    const turn = () => --left > 0 ? setImmediate(turn) : resolve();
    setImmediate(turn);
  });
}

/** Calls `fn` every `ms` milliseconds until the returned function is called. A timer keeps the process alive. */
export function every(ms: number, fn: () => void): () => void {
  const id = setInterval(fn, ms);
  return () => clearInterval(id);
}

/** Calls `fn` once after `ms` milliseconds, unless the returned function is called first. */
export function after(ms: number, fn: () => void): () => void {
  const id = setTimeout(fn, ms);
  return () => clearTimeout(id);
}

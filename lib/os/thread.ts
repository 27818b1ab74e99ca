// A second thread of this process: another isolate that shares memory and descriptors, nothing else. Called by lib/engine for
// work that pays a thread. Promises: a thread that cannot start or fails is told by `onFailure` and disturbs nothing else.

/** A thread that was started. */
export interface Thread {
  /** Hands the message (shared memory stays shared) to the thread's `onMessage`. */
  post(message: unknown): void;
  /** Ends it now, wherever it is. */
  end(): void;
}

/** Starts the module at `url`, a file named NAME_worker.ts, which the build puts beside the program. */
export function startThread(url: URL, onFailure: () => void, onReply: (message: unknown) => void = () => {}): Thread {
  const worker = new Worker(url, { type: "module" });
  worker.onmessage = (event) => onReply(event.data);
  worker.onerror = (event) => {
    event.preventDefault();
    onFailure();
  };
  return { post: (message) => worker.postMessage(message), end: () => worker.terminate() };
}

/** In a thread: calls `fn` with each message from the one that started it. */
export function onMessage(fn: (message: unknown) => void): void {
  const scope = globalThis as unknown as { onmessage: ((event: MessageEvent) => void) | null };
  scope.onmessage = (event) => fn(event.data);
}

/** In a thread: sends a message to the one that started it; `given`: memory in it that goes over instead of being copied. */
export function reply(message: unknown, given: ArrayBuffer[] = []): void {
  (globalThis as unknown as { postMessage(message: unknown, given: ArrayBuffer[]): void }).postMessage(message, given);
}

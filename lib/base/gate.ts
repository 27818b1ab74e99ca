// Gate: something a half waits for, opened once by an event, or failed by the end of the session (law 11).

export class Gate<T = void> {
  readonly promise: Promise<T>;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  isOpen = false;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A gate nobody waits at may fail without being an unhandled rejection.
    this.promise.catch(() => {});
  }

  open(value: T): void {
    this.isOpen = true;
    this.#resolve(value);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

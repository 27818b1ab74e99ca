// zstd of one block of memory at a time, both ways. Called by lib/session, which packs frames. Promises: contexts and buffers are
// used again, so that a block costs no memory; the window is ours (WINDOW_LOG), so a peer's data cannot ask for more (R10).

import * as zlib from "node:zlib";

/** No block is larger than its window: 1 MiB. */
const WINDOW_LOG = 20;
/** From this level on zstd's own tables are larger than the window. */
const HARD_LEVEL = 10;

/**
 * What node:zlib's own one-call functions use inside. They make a new context and new memory for each call: with blocks of
 * 512 KiB that costs a fourth of the speed of packing and half of that of unpacking (measured), and 50 MB of garbage.
 */
interface Engine {
  readonly _handle: {
    reset(): void;
    /** Throws on data that is no zstd. */
    writeSync(
      flush: number,
      input: Uint8Array,
      inputAt: number,
      inputBytes: number,
      output: Uint8Array,
      outputAt: number,
      outputBytes: number,
    ): void;
  };
  /** After a write: bytes of room, and bytes of input, that are left. */
  readonly _writeState: Uint32Array;
  on(event: "error", listener: () => void): unknown;
  close(): void;
}

/** What is used of node:zlib: node's types differ with the packages that are loaded beside, and older ones do not know zstd. */
const { constants, createZstdCompress, createZstdDecompress } = zlib as unknown as {
  createZstdCompress(options: { params: Record<number, number> }): Engine;
  createZstdDecompress(options: { params: Record<number, number> }): Engine;
  constants: Record<
    | "ZSTD_e_end"
    | "ZSTD_c_compressionLevel"
    | "ZSTD_c_windowLog"
    | "ZSTD_c_chainLog"
    | "ZSTD_c_hashLog"
    | "ZSTD_d_windowLogMax",
    number
  >;
};

/** An engine tells an error by throwing; the event comes besides. */
function listening(engine: Engine): Engine {
  engine.on("error", () => {});
  return engine;
}

export class ZstdPacker {
  readonly #engine: Engine;

  /** `level`: LOWEST_LEVEL to HIGHEST_LEVEL (choose.ts), not 0. */
  constructor(readonly level: number) {
    const params = {
      // To node:zlib -1 means "not set"; its neighbour upwards is 1, since 0 is another word for 3.
      [constants.ZSTD_c_compressionLevel]: level === -1 ? 1 : level,
      [constants.ZSTD_c_windowLog]: WINDOW_LOG,
      // Left to itself zstd takes tables for large files at high levels: 640 MB at 22.
      ...(level < HARD_LEVEL
        ? {}
        : { [constants.ZSTD_c_chainLog]: WINDOW_LOG, [constants.ZSTD_c_hashLog]: WINDOW_LOG }),
    };
    this.#engine = listening(createZstdCompress({ params }));
  }

  /** Packs `raw` into `into` from `at` on; the number of bytes, or -1 if they are more than `room`. */
  pack(raw: Uint8Array, into: Uint8Array, at: number, room: number): number {
    const { _handle, _writeState } = this.#engine;
    _handle.reset();
    _handle.writeSync(constants.ZSTD_e_end, raw, 0, raw.length, into, at, room);
    // With room left there is nothing more to come.
    return _writeState[0] === 0 || _writeState[1] > 0 ? -1 : room - _writeState[0];
  }

  close(): void {
    this.#engine.close();
  }
}

export class ZstdUnpacker {
  readonly #engine: Engine;

  constructor() {
    this.#engine = listening(createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG } }));
  }

  /**
   * Unpacks all of `packed` into the beginning of `into`, which has room for more than `bytes`. False if it is no zstd, asks for a
   * larger window, or does not give exactly `bytes`; no more than one byte above is ever written. After data that is no zstd the
   * unpacker is spoiled: whoever sent it is not listened to any more.
   */
  unpack(packed: Uint8Array, into: Uint8Array, bytes: number): boolean {
    const { _handle, _writeState } = this.#engine;
    _handle.reset();
    try {
      _handle.writeSync(constants.ZSTD_e_end, packed, 0, packed.length, into, 0, bytes + 1);
    } catch {
      return false;
    }
    return _writeState[0] === 1 && _writeState[1] === 0;
  }

  close(): void {
    this.#engine.close();
  }
}

// Randomness from the system. Called for run names, temporary names, seeds and tokens. Promises: cryptographic quality.

/** `count` random bytes. */
export function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  // One call gives at most 65,536 bytes.
  for (let at = 0; at < count; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

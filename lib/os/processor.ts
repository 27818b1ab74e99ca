// What the processor can do in hardware. Called where a choice depends on it.

/** Whether it has instructions for AES; false where the system does not say. */
export function hasAes(): boolean {
  try {
    // Each core has the same line again: the first one is near the beginning.
    using file = Deno.openSync("/proc/cpuinfo");
    const head = new Uint8Array(16 << 10);
    const count = file.readSync(head) ?? 0;
    return /^(flags|Features)\s*:.*\baes\b/m.test(new TextDecoder().decode(head.subarray(0, count)));
  } catch {
    return false;
  }
}

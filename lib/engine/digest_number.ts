// Numbers inside a content digest, the same on both sides (PROTOCOL.md section 7).

const bytes = new Uint8Array(8);
const view = new DataView(bytes.buffer);

/** Feeds an offset or size into a digest as u64 little-endian. */
export function digestNumber(digester: { update(bytes: Uint8Array): void }, value: number): void {
  view.setUint32(0, value % 4294967296, true);
  view.setUint32(4, Math.floor(value / 4294967296), true);
  digester.update(bytes);
}

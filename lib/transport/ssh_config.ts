// What ssh would do, as `ssh -G` tells it. Called by ciphers.ts and alive.ts. Promises: it is not waited for long.

import { after } from "../os/clock.ts";
import { spawn } from "../os/process.ts";

/** A configuration may run programs of the user's; longer than this they are not waited for, ms. */
const PATIENCE_MS = 300;
/** ssh -G prints some 8 KiB. */
const OUTPUT_BYTES = 64 << 10;

/** Its settings by their names in lower case; null if it fails. `argv` holds -G and the host. Throws what spawn does. */
export async function askSsh(argv: string[]): Promise<Map<string, string> | null> {
  const child = spawn(argv, { stderr: "null" });
  child.stdin.close();
  const cancel = after(PATIENCE_MS, () => child.kill("SIGKILL"));
  const output = new Uint8Array(OUTPUT_BYTES);
  let used = 0;
  for (let count: number | null = 0; count !== null && used < OUTPUT_BYTES; used += count ?? 0) {
    count = await child.stdout.read(output.subarray(used));
  }
  const { code } = await child.ended;
  cancel();
  if (code !== 0) return null;
  const lines = new TextDecoder().decode(output.subarray(0, used)).split("\n");
  return new Map(
    lines.map((line) => /^(\S+) (.*)$/.exec(line)).filter((found) => found !== null).map(([, k, v]) => [k, v]),
  );
}

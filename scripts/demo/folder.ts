// Where the demonstration works: a private folder on a file system with room, from which programs may be started.

import { run } from "./programs.ts";

const PLACES = [Deno.env.get("TMPDIR"), "/tmp", "/var/tmp", new URL("../../build", import.meta.url).pathname];

/** Makes the folder. Throws when no place has `bytes` to spare or lets programs start. */
export async function demoFolder(bytes: number): Promise<string> {
  const reasons: string[] = [];
  for (const place of PLACES) {
    if (place === undefined || place === "") continue;
    // The words of -e are split at spaces.
    const reason = /\s/.test(place) ? "has a space in its name" : await whyNot(place, bytes);
    if (reason === null) return await Deno.makeTempDir({ dir: place, prefix: "tsync-demo-" });
    reasons.push(`${place} ${reason}`);
  }
  throw new Error(`no place for the demonstration: ${reasons.join("; ")}`);
}

async function whyNot(place: string, bytes: number): Promise<string | null> {
  const df = await run("df", ["-Pk", place]);
  const free = Number(new TextDecoder().decode(df.stdout).trim().split("\n").at(-1)?.split(/\s+/)[3]) * 1024;
  if (!(free >= bytes)) return `has less than ${(bytes / 1e9).toFixed(1)} GB free`;
  let probe: string;
  try {
    probe = await Deno.makeTempFile({ dir: place, prefix: "tsync-demo-" });
  } catch {
    return "cannot be written to";
  }
  try {
    await Deno.writeTextFile(probe, "#!/bin/sh\nexit 0\n");
    await Deno.chmod(probe, 0o700);
    return (await run(probe, [])).code === 0 ? null : "does not let programs start";
  } catch {
    return "does not let programs start";
  } finally {
    await Deno.remove(probe);
  }
}

/** Removes it with all that is in it, folders that may not be written to included. */
export async function removeFolder(folder: string): Promise<void> {
  await run("chmod", ["-R", "u+rwX", folder]);
  await run("rm", ["-rf", folder], { stderr: "inherit" });
}

// The trash of a target half (--trash): made by whoever makes that half, and loaded only where it is asked for.

import type { SyncOptions } from "../base/options.ts";
import type { Environment } from "./environment.ts";
import type { TrashOs } from "./trash_os.ts";

/** Null without --trash, and where nothing is changed. */
export async function openTrashOs(options: SyncOptions, env: Environment): Promise<TrashOs | null> {
  if (options.trash === "" || options.dryRun || options.listOnly) return null;
  const { TrashOs } = await import("./trash_os.ts");
  return new TrashOs(env.os, env, options);
}

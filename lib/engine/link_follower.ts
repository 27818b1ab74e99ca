// Following links at the source: made by whoever makes a source half, and loaded only where an option asks for it.

import type { SyncOptions } from "../base/options.ts";
import type { LinkFollower } from "../tree/link_follower.ts";
import type { Environment } from "./environment.ts";

/** Null: links stay links. */
export async function linkFollower(options: SyncOptions, { os }: Environment): Promise<LinkFollower | null> {
  const { copyLinks, copyDirlinks, copyUnsafeLinks } = options;
  if (!copyLinks && !copyDirlinks && !copyUnsafeLinks) return null;
  const { LinkFollower } = await import("../tree/link_follower.ts");
  return new LinkFollower(os, options);
}

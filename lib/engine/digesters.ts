// Digesters for a run: both sides make them from the session's seed, a local run from a seed of its own.

import { randomBytes } from "../os/random.ts";
import type { Digesters } from "./environment.ts";

export interface Seed {
  low: number;
  high: number;
}

export function randomSeed(): Seed {
  const view = new DataView(randomBytes(8).buffer);
  return { low: view.getUint32(0), high: view.getUint32(4) };
}

/** The hash is loaded only now: a run that needs none starts without it. */
export async function seededDigesters({ low, high }: Seed): Promise<Digesters> {
  const { ContentHash } = await import("../hash/content_hash.ts");
  return {
    seed: { low, high },
    list: await ContentHash.create(low, high),
    content: await ContentHash.create(low, high),
    another: () => ContentHash.create(low, high),
  };
}

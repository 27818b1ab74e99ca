// Picks the implementation of the door for this process.

import { openLinux } from "./linux.ts";
import type { Os } from "./os.ts";

export function openOs(): Os {
  return openLinux();
}

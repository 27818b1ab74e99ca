// The WebAssembly modules in lib belong to the AssemblyScript beside them.

import assert from "node:assert/strict";
import { outdatedModules } from "../../scripts/kernels.ts";

Deno.test("the kernels' committed modules belong to the source beside them", async () => {
  assert.deepEqual(await outdatedModules(), [], "run deno task kernels");
});

// A real file system that folds names (NTFS by lowntfs-3g, M11): what tests/property/folding_test.ts shows in memory, on a mount.

import assert from "node:assert/strict";
import { AS_ROOT, quietly, run, tsync, withPlace } from "../support/run.ts";
import { layout } from "../support/manifest.ts";

Deno.test({
  name:
    "F06: a mounted file system that folds names is found out with nothing made to probe, and both names of a collision are told",
  ignore: !AS_ROOT,
  fn: () =>
    withPlace(async (place) => {
      const [image, mounted, source] = [`${place}/image`, `${place}/mounted`, `${place}/s`];
      await Deno.mkdir(`${source}/sub`, { recursive: true });
      await Deno.mkdir(mounted);
      for (const name of ["README", "readme", "other", "sub/x"]) await Deno.writeTextFile(`${source}/${name}`, name);
      for (
        const words of [
          ["truncate", "-s", "8M", image],
          ["mkntfs", "-q", "-F", image],
          ["lowntfs-3g", "-o", "ignore_case,streams_interface=none", image, mounted],
        ]
      ) {
        const { code, err } = await run(words);
        assert.equal(code, 0, `${words.join(" ")}: ${err}`);
      }
      try {
        // The root of the mount holds nothing: the first file that is staged tells.
        const first = await tsync(["-rt", `${source}/`, mounted]);
        assert.equal(first.code, 23, first.err);
        assert.match(first.err, /skip ".*README" failed: .*\n.*skip ".*readme" failed: .*\n.*2 failures: 2 collision/);
        const names = (await layout(mounted)).map((line) => line.split(" ")[0]);
        assert.deepEqual(names, ["other", "sub/", "sub/x"]);
        await Deno.remove(`${source}/README`);
        const second = await tsync(["-rti", `${source}/`, mounted]);
        assert.equal(second.code, 0, second.err);
        await Deno.rename(`${source}/readme`, `${source}/ReadMe`);
        await quietly(tsync(["-rt", "--delete", `${source}/`, mounted]));
        assert.equal(await Deno.readTextFile(`${mounted}/ReadMe`), "readme");
        const quiet = await quietly(tsync(["-rti", "--delete", `${source}/`, mounted]));
        assert.equal(quiet.out, "");
      } finally {
        await run(["umount", mounted]);
      }
    }, "disk"),
});

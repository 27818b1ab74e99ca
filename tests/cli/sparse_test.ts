// Holes (C07): kept always, in every direction, whatever the file system can say about them; made of zeros with -S. Where a file
// system cannot tell holes, content is right all the same.

import assert from "node:assert/strict";
import { sparse } from "../support/nasty_tree.ts";
import { manifest, same } from "../support/manifest.ts";
import { quietly, run, withPlace } from "../support/run.ts";
import { testEach, useOtherMachine } from "../support/topology.ts";
import { file, folder, plant } from "../support/trees.ts";

useOtherMachine();

const MB = 1 << 20;

testEach("holes stay holes: in front, between, at the end, a file that is nothing else, a small file", async (way) => {
  await withPlace(async (place) => {
    await Deno.mkdir(`${place}/s`);
    plant(`${place}/s`, sparse("f"));
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/over`));
    const large = new Uint8Array(6_000_000).fill(7);
    plant(`${place}/over`, [file("all", large), file("f2", large)]);
    await quietly(way.sync(["-aI"], `${place}/s/f/`, `${place}/over/f`));
    await same(`${place}/s/f`, `${place}/over/f`);
  });
});

testEach("holes: 4 GiB with 10 MB of data take seconds and 10 MB, and the size is exact", async (way) => {
  await withPlace(async (place) => {
    const piece = new Uint8Array(MB).fill(0xa5);
    const data = Array.from({ length: 10 }, (_, i) => ({ at: i * 409 * MB + 12_288, bytes: piece }));
    const when = { sec: 1_600_000_000, ns: 5 };
    await Deno.mkdir(`${place}/s`);
    plant(`${place}/s`, [
      folder("", when),
      file("large", "", { data, size: 4 * 1024 * MB, ...when }),
      file("nothing", "", { size: 3 * 1024 * MB + 1, ...when }),
    ]);
    const started = performance.now();
    const { out } = await quietly(way.sync(["-a", "--stats"], `${place}/s/`, `${place}/d`));
    assert.ok(performance.now() - started < 20_000);
    assert.match(out, /^Literal data: 10,485,760 bytes$/m);
    await same(`${place}/s`, `${place}/d`, { content: false });
    const differs = await run(["cmp", "-n", String(410 * MB), `${place}/s/large`, `${place}/d/large`]);
    assert.equal(differs.code, 0);
    const end = 9 * 409 * MB;
    assert.equal((await run(["cmp", "-i", String(end), `${place}/s/large`, `${place}/d/large`])).code, 0);
  });
});

testEach("holes: an island of one byte in each MiB", async (way) => {
  await withPlace(async (place) => {
    const data = Array.from({ length: 64 }, (_, i) => ({ at: i * MB + i * 17, bytes: new Uint8Array([i + 1]) }));
    await Deno.mkdir(`${place}/s`);
    plant(`${place}/s`, [file("islands", "", { data, size: 64 * MB })]);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`);
  });
});

testEach("-S makes holes of zeros, and only of zeros", async (way) => {
  await withPlace(async (place) => {
    const bytes = new Uint8Array(3 * MB);
    bytes.fill(9, 100_000, 100_001);
    bytes.fill(8, 2 * MB, 2 * MB + 4096);
    await Deno.mkdir(`${place}/s`);
    const zeros = new Uint8Array(MB + 5);
    plant(`${place}/s`, [
      file("mixed", bytes),
      file("zeros", zeros),
      file("small", new Uint8Array(50_000)),
      file("one", "1"),
    ]);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/dense`));
    await quietly(way.sync(["-aS"], `${place}/s/`, `${place}/thin`));
    await same(`${place}/s`, `${place}/thin`);
    const [dense, thin] = [await manifest(`${place}/dense`), await manifest(`${place}/thin`)];
    assert.ok(dense.get("mixed")!.allocated >= 3 * MB, "without -S zeros are written");
    assert.ok(thin.get("mixed")!.allocated <= 4 * 4096, `${thin.get("mixed")!.allocated}`);
    assert.equal(thin.get("zeros")!.allocated, 0);
    assert.equal(thin.get("small")!.allocated, 0);
  });
});

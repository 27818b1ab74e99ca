// Compression seen from outside: -z and its kin over a real connection, in both directions; what crosses is counted by --stats and
// by a proxy. By default a slow line is compressed.

import assert from "node:assert/strict";
import { TcpProxy } from "../support/cutproxy.ts";
import { same } from "../support/manifest.ts";
import { quietly, tsync, withPlace } from "../support/run.ts";
import { Random } from "../support/random.ts";
import { otherMachine, PULL, PUSH, testEach, type Topology, useOtherMachine } from "../support/topology.ts";
import { file, folder, plant } from "../support/trees.ts";

useOtherMachine();

/** Lines that no one has seen before, of words that everyone has: a third to a fifth of it is left by zstd. */
function text(bytes: number, seed: number): Uint8Array {
  const random = new Random(seed);
  const words = Array.from({ length: 2000 }, () => random.below(2 ** 31).toString(36));
  const lines: string[] = [];
  for (let used = 0; used < bytes;) {
    const line = `${used} ${Array.from({ length: 8 }, () => random.pick(words)).join(" ")}\n`;
    lines.push(line);
    used += line.length;
  }
  return new TextEncoder().encode(lines.join("")).subarray(0, bytes);
}

function number(out: string, label: string): number {
  const value = new RegExp(`^${label}: ([0-9,]+)`, "m").exec(out)?.[1];
  assert.ok(value !== undefined, `no "${label}" in:\n${out}`);
  return Number(value.replaceAll(",", ""));
}

/** Content bytes and bytes that crossed from source to target. */
async function run(way: Topology, options: string[], place: string): Promise<{ literal: number; crossed: number }> {
  await Deno.remove(`${place}/d`, { recursive: true }).catch(() => {});
  const { out } = await quietly(way.sync(["-a", "--stats", ...options], `${place}/s/`, `${place}/d`));
  await same(`${place}/s`, `${place}/d`);
  const label = way === PUSH ? "Total bytes sent" : "Total bytes received";
  return { literal: number(out, "Literal data"), crossed: number(out, label) };
}

testEach("-z: text crosses as less than half of it, and counts as what it is; noise as it is", async (way) => {
  await withPlace(async (place) => {
    await Deno.mkdir(`${place}/s`);
    const small = Array.from({ length: 200 }, (_, i) => file(`d/${i}`, text(5000, i)));
    plant(`${place}/s`, [folder("d"), ...small, file("large", text(5_000_000, 1))]);
    const plain = await run(way, ["--no-z"], place);
    assert.equal(plain.literal, 6_000_000);
    assert.ok(plain.crossed > 6_000_000 && plain.crossed < 6_100_000, `${plain.crossed}`);
    const sizes: number[] = [];
    for (const options of [["-z"], ["--compress", "--zl=9"], ["--zc=zstd", "--compress-level=1"]]) {
      const { literal, crossed } = await run(way, options, place);
      assert.equal(literal, 6_000_000);
      assert.ok(crossed < plain.crossed / 2, `${options}: ${crossed}`);
      sizes.push(crossed);
    }
    assert.ok(sizes[1] < sizes[2], `level 9 is smaller than level 1: ${sizes}`);
    assert.ok((await run(way, ["-z", "--zc=none"], place)).crossed > 6_000_000);

    await Deno.remove(`${place}/s`, { recursive: true });
    await Deno.mkdir(`${place}/s`);
    plant(`${place}/s`, [file("noise", new Random(1).bytes(6_000_000))]);
    const noise = await run(way, ["-z"], place);
    assert.ok(noise.crossed > 6_000_000 && noise.crossed < 6_010_000, `${noise.crossed}`);
  });
}, [PUSH, PULL]);

for (const way of [PUSH, PULL]) {
  Deno.test(`by default a line of 80 Mbit/s is compressed, and --no-z is obeyed on it (${way.name})`, async () => {
    await withPlace(async (place) => {
      await Deno.mkdir(`${place}/s`);
      plant(`${place}/s`, [file("text", text(30_000_000, 1))]);
      const { rsh, host } = otherMachine();
      const port = await portOf(rsh, host);
      for (const [options, most] of [[[], 22_000_000], [["--no-z"], Infinity]] as [string[], number][]) {
        const proxy = await TcpProxy.start(port, { bytesPerSecond: 10_000_000 });
        try {
          const words = ["-e", proxy.rsh(rsh, port), "-a", ...options];
          const [source, target] = way === PUSH
            ? [`${place}/s/`, `${host}:${place}/d`]
            : [`${host}:${place}/s/`, `${place}/d`];
          await Deno.remove(`${place}/d`, { recursive: true }).catch(() => {});
          await quietly(tsync([...words, source, target]));
          await same(`${place}/s`, `${place}/d`);
          const passed = proxy.passed[way === PUSH ? "up" : "down"];
          if (most === Infinity) assert.ok(passed > 30_000_000, `${passed}`);
          else assert.ok(passed < most, `${passed} of 30,000,000 bytes crossed`);
        } finally {
          await proxy.close();
        }
      }
    });
  });
}

/** The port that ssh would connect to. */
async function portOf(rsh: string, host: string): Promise<number> {
  const [program, ...args] = [...rsh.split(" "), "-G", host];
  const { stdout } = await new Deno.Command(program, { args }).output();
  return Number(/^port ([0-9]+)$/m.exec(new TextDecoder().decode(stdout))![1]);
}

Deno.test("--zc of a name that tsync does not have ends with code 4, before anything happens", async () => {
  const { code, err } = await tsync(["-a", "--zc=lz4", "nowhere", "x:y"]);
  assert.equal(code, 4);
  assert.match(err, /--zc: "lz4" is not known here; give zstd, none or auto/);
});

// What an option to follow links gives away, and no more: each option follows its own links alone, also where a file or folder turned
// into a link after it was listed; a FIFO or device behind a link is never opened; a loop of folder links ends.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { defaultOptions, type SyncOptions } from "../../lib/base/options.ts";
import { Errno, type Handle, Kind } from "../../lib/os/os.ts";
import { LinkFollower } from "../../lib/tree/link_follower.ts";
import { withPlace } from "../support/run.ts";
import { disk, file, link, plant, special } from "../support/trees.ts";

const TREE = [
  file("root/sub/in", "inside"),
  link("root/to file", "sub/in"),
  link("root/to folder", "sub"),
  file("out/secret", "secret"),
  link("root/out file", "../out/secret"),
  link("root/out folder", "../out"),
  special("out/fifo", Kind.fifo),
  link("root/to fifo", "../out/fifo"),
  link("root/self", "."),
  link("root/dangling", "../nowhere"),
];

/** Whether a file, and a folder, of that name is opened under `options`. */
async function opened(options: Partial<SyncOptions>, names: readonly string[]): Promise<string[]> {
  const results: string[] = [];
  await withPlace((place) => {
    plant(place, TREE);
    const os = disk();
    const root = os.openRoot(utf8(`${place}/root`));
    const follower = new LinkFollower(os, { ...defaultOptions(), ...options });
    const told = (handle: Handle) => {
      if (handle >= 0) os.close(handle);
      return handle >= 0 ? "open" : handle === -Errno.ENXIO ? "not one" : "refused";
    };
    for (const name of names) {
      const [asFile, asFolder] = [follower.openFile(root, utf8(name), 0), follower.openBeneath(root, utf8(name))];
      results.push(`${name}: ${told(asFile)}, ${told(asFolder)}`);
    }
    os.close(root);
    return Promise.resolve();
  });
  return results;
}

const NAMES = ["to file", "to folder", "out file", "out folder", "to fifo", "dangling"];

Deno.test("followed links: -L follows all to files and folders, and opens no FIFO", async () => {
  assert.deepEqual(await opened({ copyLinks: true }, NAMES), [
    "to file: open, refused",
    "to folder: not one, open",
    "out file: open, refused",
    "out folder: not one, open",
    "to fifo: not one, refused",
    "dangling: refused, refused",
  ]);
});

Deno.test("followed links: -k follows those to folders, and never opens a file through one", async () => {
  assert.deepEqual(await opened({ copyDirlinks: true }, NAMES), [
    "to file: refused, refused",
    "to folder: refused, open",
    "out file: refused, refused",
    "out folder: refused, open",
    "to fifo: refused, refused",
    "dangling: refused, refused",
  ]);
});

Deno.test("followed links: --copy-unsafe-links follows those that may lead out, and no others", async () => {
  assert.deepEqual(await opened({ copyUnsafeLinks: true }, NAMES), [
    "to file: refused, refused",
    "to folder: refused, refused",
    "out file: open, refused",
    "out folder: not one, open",
    "to fifo: not one, refused",
    "dangling: refused, refused",
  ]);
});

Deno.test("followed links: a link to its own folder leads 40 levels down, as in the kernel", async () => {
  const deep = (levels: number) => new Array(levels).fill("self").join("/");
  const [last, beyond] = await levels(deep(40), deep(41));
  assert.deepEqual([last, beyond], [true, -Errno.ELOOP]);
});

async function levels(...paths: string[]): Promise<(true | number)[]> {
  const results: (true | number)[] = [];
  await withPlace((place) => {
    plant(place, TREE);
    const os = disk();
    const root = os.openRoot(utf8(`${place}/root`));
    const follower = new LinkFollower(os, { ...defaultOptions(), copyLinks: true });
    for (const path of paths) {
      const handle = follower.openBeneath(root, utf8(path));
      if (handle >= 0) os.close(handle);
      results.push(handle >= 0 ? true : handle);
    }
    os.close(root);
    return Promise.resolve();
  });
  return results;
}

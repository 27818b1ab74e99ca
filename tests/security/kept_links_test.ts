// -K: which links at a target are used as folders, and that none of them leads out of it (law 2, R8): not one that a peer sent in the
// same run or an earlier one, not one that is exchanged meanwhile. What is used through a link is not deleted.

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { KeptLinks } from "../../lib/engine/kept_links.ts";
import { Errno, Kind } from "../../lib/os/os.ts";
import type { Way } from "../fault/ways.ts";
import { bareWorkload } from "../fault/workload.ts";
import { besiege } from "../support/race.ts";
import { AS_ROOT, run, withPlace } from "../support/run.ts";
import { disk, file, folder, link, plant } from "../support/trees.ts";

const TREE = [
  file("root/real/in", "inside"),
  folder("root/real/deep"),
  file("root/file", "x"),
  folder("out/deep"),
  link("root/plain", "real"),
  link("root/dots", "./real/../real/./deep"),
  link("root/chain", "first"),
  link("root/first", "real/second"),
  link("root/real/second", "deep"),
  link("root/up", "../out"),
  link("root/back", "../root/real"),
  link("root/absolute", "/"),
  link("root/real/out", "../../out"),
  link("root/by out", "real/out/deep"),
  link("root/to file", "file"),
  link("root/self", "self"),
  link("root/dangling", "nowhere"),
  link("root/here", "."),
  link("root/foreign", "real", AS_ROOT ? { uid: 1 } : {}),
];

async function withLinks(use: (links: KeptLinks, root: number, list: FileList) => void): Promise<void> {
  await withPlace((place) => {
    plant(place, TREE);
    const root = disk().openRoot(utf8(`${place}/root`));
    const list = new FileList();
    list.add(new Uint8Array(0), 0, 0, 0, Kind.folder << 12, 0, 0, 0, 0, 0, 0, null);
    use(new KeptLinks(disk(), list, Deno.uid()!), root, list);
    disk().close(root);
    return Promise.resolve();
  });
}

function addFolder(list: FileList, name: string): void {
  list.add(utf8(name), 0, name.length, 0, Kind.folder << 12, 0, 0, 0, 0, 0, 0, null);
}

Deno.test("kept links: those inside of the root are used, from any other nothing is opened", async () => {
  await withLinks((links, root) => {
    const told = (name: string) => {
      const handle = links.use(root, utf8(name));
      if (handle < 0) return Object.entries(Errno).find(([, errno]) => errno === -handle)?.[0];
      disk().close(handle);
      return "used";
    };
    const found = Object.fromEntries(
      TREE.filter(({ kind, path }) => kind === Kind.link && path.startsWith("root/")).map(({ path }) => {
        const name = path.slice("root/".length);
        return [name, told(name)];
      }),
    );
    assert.deepEqual(found, {
      plain: "used",
      dots: "used",
      chain: "used",
      first: "used",
      "real/second": "used",
      up: "EXDEV",
      back: "EXDEV",
      absolute: "EXDEV",
      "real/out": "EXDEV",
      "by out": "EXDEV",
      "to file": "ELOOP",
      self: "ELOOP",
      dangling: "ENOENT",
      here: "used",
      foreign: AS_ROOT ? "ELOOP" : "used",
    });
  });
});

Deno.test("kept links: only a link that is used is followed, and as it was when it was read", async () => {
  await withPlace((place) => {
    plant(place, TREE);
    const os = disk();
    const root = os.openRoot(utf8(`${place}/root`));
    const links = new KeptLinks(os, new FileList(), Deno.uid()!);
    assert.ok(links.openBeneath(root, utf8("plain")) < 0);
    os.close(links.use(root, utf8("plain")));
    Deno.removeSync(`${place}/root/plain`);
    Deno.symlinkSync("../out", `${place}/root/plain`);
    const deep = links.openBeneath(root, utf8("plain/deep"));
    assert.ok(deep >= 0);
    os.close(deep);
    // The folder itself turns into a link: that was never read.
    Deno.renameSync(`${place}/root/real`, `${place}/root/gone`);
    Deno.symlinkSync("../out", `${place}/root/real`);
    assert.ok(links.openBeneath(root, utf8("plain/deep")) < 0);
    os.close(root);
    return Promise.resolve();
  });
});

Deno.test("kept links: what is used, lies on the way, or is shared with another listed folder, stays", async () => {
  await withLinks((links, root, list) => {
    for (const name of ["plain", "chain"]) {
      disk().close(links.use(root, utf8(name)));
      addFolder(list, name);
    }
    const keeps = (...names: string[]) => names.filter((name) => links.keeps(utf8(name)));
    assert.deepEqual(keeps("real", "first", "real/deep", "real/second", "plain/deep", "plain/second"), [
      ...["real", "first", "real/deep", "real/second", "plain/deep", "plain/second"],
    ]);
    assert.deepEqual(keeps("file", "plain/in", "real/in", "chain/x", "dots", "rea", "out"), []);
  });
  await withLinks((links, root, list) => {
    for (const name of ["plain", "real"]) addFolder(list, name);
    disk().close(links.use(root, utf8("plain")));
    assert.deepEqual(["plain/in", "real/in", "file"].map((name) => links.keeps(utf8(name))), [true, true, false]);
    assert.equal(latin1(list.name(1)), "plain");
  });
});

for (const way of ["local", "push", "pull"] as Way[]) {
  Deno.test(`-K: links that lead out and back, thousands of times, lead no call outside (${way})`, async () => {
    await withPlace(async (place) => {
      const work = bareWorkload(place);
      const old = [file("f", "old"), file("inner/h", "old"), file("extra", "old"), file("extras/e", "old")];
      const canary = `${place}/canary`;
      const pairs: string[][] = [];
      Deno.mkdirSync(`${place}/aside`);
      for (const at of ["canary", "target/kept", "target/more"]) {
        plant(place, old.map((e) => ({ ...e, path: `${at}/${e.path}` })));
      }
      for (const name of ["a", "b"]) {
        Deno.symlinkSync(name === "a" ? "kept" : "more", `${work.target}/${name}`);
        Deno.symlinkSync(canary, `${place}/aside/${name}`);
        pairs.push([`${work.target}/${name}`, `${place}/aside/${name}`]);
      }
      // Of the second also the folder that it leads to.
      Deno.symlinkSync("../canary", `${place}/aside/more`);
      pairs.push([`${work.target}/more`, `${place}/aside/more`]);
      await besiege({
        ...{ work, way, canary, groups: pairs },
        prepare: async (round) => {
          await run(["rm", "-rf", `${work.source}/a`, `${work.source}/b`]);
          for (const name of ["a", "b"]) {
            for (const path of ["f", "inner/h", `made ${round}/k`]) {
              plant(place, [file(`source/${name}/${path}`, `new ${round}`)]);
            }
          }
          return round % 2 ? ["-aK", "--delete", "--no-guard"] : ["-acK"];
        },
      });
    });
  });
}

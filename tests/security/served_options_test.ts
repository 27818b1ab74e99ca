// Options that name other places, or write in other ways, against a served root: what leads out of it or breaks its mode is refused in words that
// name the option, and nothing is written; what is allowed works, and the canary beside the root is untouched either way.

import assert from "node:assert/strict";
import { withField } from "../support/served_field.ts";
import { AS_ROOT, run } from "../support/run.ts";

const OLD = "old content\n";
const NEW = "a newer content, longer\n";

const text = (path: string) => Deno.readTextFileSync(path);

/** Pushes the own tree over data/ with the option; `says`: what is refused, null: it is done. */
async function push(mode: string[], words: string[], code: number, says: RegExp | null, file: string): Promise<void> {
  await withField(async (f) => {
    const given = words.map((word) => word.replace("CANARY", f.canary));
    const ran = await f.sync(mode, "-a", "--no-whole-file", ...given, "own/", "host:data");
    const what = `${mode} ${words}: exit ${ran.code} ${ran.err}`;
    assert.equal(ran.code, code, what);
    if (says === null) assert.equal(ran.err, "", what);
    else assert.match(ran.err, says, what);
    assert.equal(text(`${f.root}/data/file`), file, what);
  });
}

const OUT = /leads out of the (served root|root that the other side serves)/;

Deno.test("served options: what leads out of the root is refused, or passed over and told, and nothing is kept or read there", async () => {
  // A file that cannot be backed up keeps its content.
  await push([], ["-b", "--backup-dir=../../canary/inner"], 23, OUT, OLD);
  await push([], ["-b", "--backup-dir=/out/inner"], 23, OUT, OLD);
  await push(
    [],
    ["--temp-dir=../../canary/inner"],
    1,
    /--temp-dir: cannot use .*: it leads out of the served root \(/,
    OLD,
  );
  await push([], ["--temp-dir=CANARY/inner"], 1, /--temp-dir: cannot use .*No such file.*make it first/, OLD);
  for (const kind of ["copy", "link", "compare"]) {
    await push(
      [],
      [`--${kind}-dest=/out/inner`],
      0,
      new RegExp(`--${kind}-dest arg .*leads out of the served root`),
      NEW,
    );
  }
  await push([], ["--trash=/out/inner"], 3, /served root|cannot open/, OLD);
});

Deno.test("served options: what lies inside works", async () => {
  for (
    const words of [
      ["-b", "--backup-dir=../kept"],
      ["--delay-updates"],
      ["--delay-updates", "--partial-dir=parts"],
      ["--temp-dir=/names"],
      ["--inplace"],
      ["--append-verify"],
      ["--copy-dest=../names", "-y"],
      ["--link-dest=/names", "-H"],
      ["--trash=/kept", "--delete", "--no-guard"],
    ]
  ) await push([], words, 0, null, NEW);
});

Deno.test("served options: what a mode does not allow is refused as a whole, by its name, before anything is done", async () => {
  const keeps = /keeps what is there: (--[a-z-]+) is not allowed/;
  for (const option of ["--inplace", "--append", "--append-verify", "--delay-updates", "--delete", "--trash"]) {
    const mode = option === "--append" ? "--append-new" : "--no-delete";
    const name = option === "--append-verify" ? "--append" : option;
    await push([mode], [option], 4, new RegExp(keeps.source.replace("(--[a-z-]+)", name)), OLD);
  }
  await push(["--write-only"], ["--trash"], 4, /write-only: --trash would read what is there/, OLD);
  for (const mode of [[], ["--write-only"]]) {
    await push(mode, ["--write-devices"], 4, /takes no device for a file: --write-devices is not allowed/, OLD);
  }
});

Deno.test("served options: what a mode allows works in it", async () => {
  await push(["--no-delete"], ["-b", "--backup-dir=../kept"], 0, null, NEW);
  await push(["--no-delete"], ["--temp-dir=../names", "--link-dest=../names"], 0, null, NEW);
  await push(["--write-only"], ["--inplace", "--delete", "--no-guard"], 0, null, NEW);
  await push(["--write-only"], ["--delay-updates", "--copy-dest=../names"], 0, null, NEW);
  // New names come, with a second link of what is there where that is equal; what is there is told.
  await push(["--append-new"], ["--temp-dir=../names", "-b"], 23, /takes new names only/, OLD);
});

Deno.test("served options: -M--fake-super notes at the served side what only root can set, and gives it back", async () => {
  await withField(async (f) => {
    await Deno.chmod(`${f.own}/new`, 0o4755);
    if (AS_ROOT) await Deno.chown(`${f.own}/file`, 12345, 12345);
    for (const mode of [[], ["--no-delete"]]) {
      const ran = await f.sync(mode, "-a", "-M--fake-super", "own/", `host:fake${mode.length}`);
      assert.equal(`${ran.code} ${ran.err}`, "0 ");
      const stat = Deno.statSync(`${f.root}/fake${mode.length}/file`);
      assert.equal(stat.uid, Deno.uid());
      const back = await f.sync(
        ["--read-only"],
        "-a",
        "-M--fake-super",
        `host:fake${mode.length}/`,
        `back${mode.length}`,
      );
      assert.equal(`${back.code} ${back.err}`, "0 ");
      assert.equal(Deno.statSync(`${f.place}/back${mode.length}/new`).mode! & 0o7777, 0o4755);
      if (!AS_ROOT) continue;
      assert.equal(Deno.statSync(`${f.place}/back${mode.length}/file`).uid, 12345);
      const { out } = await run(["getfattr", "-d", "-m", "user.rsync", `${f.root}/fake${mode.length}/file`]);
      assert.match(out, /user\.rsync\.%stat/);
    }
  });
});

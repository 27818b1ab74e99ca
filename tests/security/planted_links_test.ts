// Links planted at the target before a privileged run (F24, D22): at the names of files, folders, partials and of what looks like our
// temporary files. They are replaced or refused, never followed; the operator's own link to the target still works.

import assert from "node:assert/strict";
import { sync, type Way } from "../fault/ways.ts";
import { bareWorkload, look, type Workload } from "../fault/workload.ts";
import { photograph } from "../support/race.ts";
import { run, withPlace } from "../support/run.ts";

function plant(place: string): { work: Workload; canary: string } {
  const work = bareWorkload(place);
  const canary = `${place}/canary`;
  for (const folder of [`${work.source}/sub/deep`, `${work.source}/gone`, work.target, `${canary}/deep`]) {
    Deno.mkdirSync(folder, { recursive: true });
  }
  Deno.removeSync(`${work.source}/gone`);
  for (const name of ["f", "deep/g", "extra"]) Deno.writeTextFileSync(`${canary}/${name}`, "canary");
  for (const name of ["f", "hard", "sub/f", "sub/deep/g"]) {
    Deno.writeTextFileSync(`${work.source}/${name}`, `new ${name}`);
  }
  Deno.symlinkSync(`${canary}/f`, `${work.target}/f`);
  // A second name of a canary file: its content must not be written over in place.
  Deno.linkSync(`${canary}/extra`, `${work.target}/hard`);
  Deno.symlinkSync(canary, `${work.target}/sub`);
  Deno.symlinkSync(canary, `${work.target}/gone`);
  Deno.symlinkSync(canary, `${work.target}/.tsync-partial`);
  Deno.symlinkSync(`${canary}/f`, `${work.target}/.tsync-01234567-0123456789abcdef01234567`);
  return { work, canary };
}

for (const way of ["local", "push", "pull"] as Way[]) {
  for (const options of [["-a"], ["-a", "--delete"], ["-ac", "--delete"]]) {
    Deno.test(`planted links are replaced or refused, never followed (${way}, ${options.join(" ")})`, async () => {
      await withPlace(async (place) => {
        const { work, canary } = plant(place);
        const before = await photograph(canary);
        const { code, err } = await sync(work, way, { options });
        assert.ok([0, 23].includes(code), `exit ${code}: ${err}`);
        const now = look(work.target);
        for (const name of ["/f", "/hard", "/sub/f", "/sub/deep/g"]) {
          assert.equal(now.get(name), `f new ${name.slice(1)}`);
        }
        assert.equal(now.has("/gone"), !options.includes("--delete"));
        // The second name is gone from one canary file, which is no touch of the canary: all else is as it was.
        const unlinked = (text: string) => text.replaceAll(/^extra\|.*$/gm, "");
        assert.equal(unlinked(await photograph(canary)), unlinked(before));
        assert.equal(Deno.readTextFileSync(`${canary}/extra`), "canary");
      });
    });
  }

  Deno.test(`a target that is the operator's own link to a folder is used (${way})`, async () => {
    await withPlace(async (place) => {
      const { work } = plant(place);
      await Deno.mkdir(`${place}/real`);
      await Deno.symlink(`${place}/real`, `${place}/link`);
      const { code, err } = await sync({ ...work, target: `${place}/link` }, way);
      assert.equal(`${code} ${err}`, "0 ");
      assert.ok(Deno.lstatSync(`${place}/link`).isSymlink);
      const { out } = await run(["diff", "-r", work.source, `${place}/real`]);
      assert.equal(out, "");
    });
  });
}

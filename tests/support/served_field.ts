// A folder that an agent serves, what lies beside it, and a client that reaches it through a forced command. Used by the tests of served
// roots.

import assert from "node:assert/strict";
import { photograph } from "./race.ts";
import { type Ran, tsync, withPlace } from "./run.ts";

/** The agent as users have it. TSYNC_TEST_AGENT names another one (words separated by spaces). */
export const AGENT = Deno.env.get("TSYNC_TEST_AGENT")?.split(" ") ??
  [new URL("../../dist/tsync-remote", import.meta.url).pathname];

/** A served folder with old entries, a canary beside it, and an own tree; the served folder has links of all sorts. */
export class Field {
  readonly root: string;
  readonly canary: string;
  readonly own: string;

  constructor(readonly place: string) {
    this.root = `${place}/served`;
    this.canary = `${place}/canary`;
    this.own = `${place}/own`;
    for (const folder of [`${this.root}/data/sub`, `${this.root}/names`, `${this.canary}/inner`, `${this.own}/sub`]) {
      Deno.mkdirSync(folder, { recursive: true });
    }
    const write = (path: string, content: string) => Deno.writeTextFileSync(`${place}/${path}`, content);
    write("canary/secret", "canary secret\n");
    write("canary/inner/f", "canary f\n");
    write("served/data/file", "old content\n");
    write("served/data/extra", "extra\n");
    write("served/data/sub/deep", "deep\n");
    write("served/names/list", "file\nsub/deep\n");
    write("own/file", "a newer content, longer\n");
    write("own/new", "new\n");
    write("own/sub/deep", "deep\n");
    for (const side of ["own", "served/data"]) Deno.utimeSync(`${place}/${side}/sub/deep`, 1e9, 1e9);
    const link = (target: string, path: string) => Deno.symlinkSync(target, `${place}/served/${path}`);
    link("data", "in");
    link("../canary", "out");
    link(this.canary, "absolute");
    link(`${this.root}/data`, "absolute in");
    link("../sub", "data/sub/again");
    link("../../names", "data/sub/up");
  }

  /** Runs tsync against the root served with `mode`; "SERVED:path" in the words is the other side. */
  async sync(mode: string[], ...words: string[]): Promise<Ran> {
    const rsh = `${this.place}/rsh`;
    const command = [...AGENT, "serve", "--root", this.root, ...mode].map((word) => `'${word}'`).join(" ");
    // What was asked for stands only where sshd puts it.
    await Deno.writeTextFile(
      rsh,
      `#!/bin/sh\nwhile test $# -gt 1; do shift; done\nSSH_ORIGINAL_COMMAND=$1 HOME=${this.canary} TSYNC_OS=portable ` +
        `TSYNC_LAUNCH=x exec ${command}\n`,
      { mode: 0o755 },
    );
    return await tsync([...words.slice(0, -2), "-e", rsh, ...words.slice(-2)], { cwd: this.place });
  }
}

/** A field for one test, whose canary is as before when that has ended. */
export async function withField(test: (field: Field) => Promise<void>): Promise<void> {
  await withPlace(async (place) => {
    const field = new Field(place);
    const before = await photograph(field.canary);
    await test(field);
    assert.equal(await photograph(field.canary), before, "the canary was touched");
  });
}

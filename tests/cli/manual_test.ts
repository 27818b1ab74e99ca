// The manual and the completions that the program prints: no roff reader and no shell finds fault with them, and a shell that has
// taken them completes options, local paths and, over ssh, paths on another machine.

import { assert, assertEquals } from "@std/assert";
import { OPTIONS } from "../../lib/cli/option_table.ts";
import { run, tsync, withPlace } from "../support/run.ts";

async function has(program: string): Promise<boolean> {
  return (await run(["sh", "-c", `command -v ${program}`])).code === 0;
}

async function printed(kind: string): Promise<string> {
  const { code, out, err } = await tsync([`--help=${kind}`]);
  assertEquals([code, err], [0, ""]);
  return out;
}

Deno.test("--help=man is a manual page without a warning, and names every option", async () => {
  const page = await printed("man");
  await withPlace(async (place) => {
    await Deno.writeTextFile(`${place}/tsync.1`, page);
    for (const check of [["groff", "-man", "-wall", "-z"], ["mandoc", "-Tlint", "-Wwarning"]]) {
      if (!await has(check[0])) continue;
      const { out, err } = await run([...check, "tsync.1"], { cwd: place });
      assertEquals(out + err, "", check[0]);
    }
  });
  const text = page.replaceAll("\\-", "-");
  for (const { name, short, help } of OPTIONS) {
    assert(text.includes(name === "" ? `-${short}` : `--${name}`), name);
    assert(text.replaceAll("\\(dq", '"').replaceAll("\\(ti", "~").includes(help.split("\n")[0]), name);
  }
});

Deno.test("--help=WORD: another word is a usage error", async () => {
  const { code, out, err } = await tsync(["--help=tcsh"]);
  assertEquals([code, out], [1, ""]);
  assert(err.startsWith("tsync: --help=tcsh: give man, bash, zsh or fish"), err);
});

Deno.test("the completions are scripts that bash, zsh and fish can read", async () => {
  await withPlace(async (place) => {
    for (const shell of ["bash", "zsh", "fish"]) {
      await Deno.writeTextFile(`${place}/c`, await printed(shell));
      if (!await has(shell)) continue;
      assertEquals(await run([shell, "-n", "c"], { cwd: place }), { code: 0, out: "", err: "" }, shell);
    }
  });
});

Deno.test("bash completes options, local paths, and paths on another machine that it asks by ssh", async () => {
  await withPlace(async (place) => {
    await Deno.writeTextFile(`${place}/c`, await printed("bash"));
    await Deno.mkdir(`${place}/here/folder`, { recursive: true });
    await Deno.writeTextFile(`${place}/here/file one`, "x");
    await Deno.mkdir(`${place}/far`);
    for (const name of ["a b", "it's", "$(touch PWNED)", "plain"]) {
      await Deno.writeTextFile(`${place}/far/${name}`, "x");
    }
    await Deno.mkdir(`${place}/far/sub`);
    // Runs its last word as a far shell would, and notes who was asked.
    const ssh =
      `#!/bin/sh\nfor last; do :; done\necho "$@" >>'${place}/log'\ncd '${place}/far' && exec sh -c "$last"\n`;
    await Deno.writeTextFile(`${place}/ssh`, ssh, { mode: 0o755 });
    const complete = async (line: string) => {
      const script = `. ./c; COMP_LINE=$1 COMP_POINT=\${#1}; _tsync; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const env = { PATH: `${place}:${Deno.env.get("PATH")}` };
      const { out, err } = await run(["bash", "-c", script, "bash", line], { cwd: place, env });
      assertEquals(err, "", line);
      return out.split("\n").filter((word) => word !== "").sort();
    };
    assertEquals(await complete("tsync --archi"), ["--archive"]);
    assertEquals(await complete("tsync -a --bwl"), ["--bwlimit="]);
    assertEquals(await complete("tsync --no-pe"), ["--no-perms"]);
    assertEquals(await complete("tsync -a here/f"), ["here/file one", "here/folder/"]);
    assertEquals(await complete("tsync -a here/file\\ o"), ["here/file one"]);
    assertEquals(await complete("tsync --exclude-from=here/fi"), ["here/file one"]);
    assertEquals(await complete("tsync u@h:pl"), ["plain"]);
    assertEquals(await complete("tsync h:a\\ "), ["a b"]);
    assertEquals(await complete("tsync h:su"), ["sub/"]);
    assertEquals(await complete("tsync h:it'"), ["it's"]);
    assertEquals(await complete("tsync h:$("), ["$(touch PWNED)"]);
    assertEquals((await complete("tsync h:")).length, 5);
    assertEquals(await complete("tsync ./h:"), []);
    const log = await Deno.readTextFile(`${place}/log`);
    assert(log.startsWith("-o BatchMode=yes -o ConnectTimeout=5 -- u@h ls -1dp -- "), log);
    assertEquals((await run(["find", ".", "-name", "PWNED"], { cwd: place })).out, "");
  });
});

Deno.test("fish completes options, where it is installed", async () => {
  if (!await has("fish")) return;
  await withPlace(async (place) => {
    await Deno.writeTextFile(`${place}/c`, await printed("fish"));
    const { out } = await run(["fish", "--no-config", "-c", "source c; complete -C 'tsync --bwlim'"], { cwd: place });
    assert(out.startsWith("--bwlimit"), out);
  });
});

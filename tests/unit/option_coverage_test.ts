// Which tests name which option: a table, made from the option table and the texts of all tests, and printed by
// `sh scripts/deno.sh run --allow-read tests/unit/option_coverage_test.ts`. An option that no test gives
// a program by one of its names fails here: a row without a test is a promise that nobody has looked at.

import assert from "node:assert/strict";
import type { Option } from "../../lib/cli/option.ts";
import { OPTIONS } from "../../lib/cli/option_table.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const SELF = "unit/option_coverage_test.ts";

async function* sources(folder = ""): AsyncGenerator<[string, string]> {
  for await (const item of Deno.readDir(ROOT + folder)) {
    const path = folder + item.name;
    if (item.isDirectory) yield* sources(`${path}/`);
    else if (path.endsWith("_test.ts") && path !== SELF) yield [path, await Deno.readTextFile(ROOT + path)];
  }
}

/** What finds the option in a test: a long name (also taken back), or its letter among others behind one dash. */
function finder({ name, short, aliases = [] }: Option): RegExp {
  const longs = [name, ...aliases].filter((long) => long !== "").map((long) => `--(?:no-|ts-)?${long}(?![a-z0-9-])`);
  const letter = short?.replace(/[^a-zA-Z0-9]/, "\\$&");
  const shorts = letter === undefined
    ? []
    : [`(?<=["'\`\\s])-[a-zA-Z0-9]*${letter}(?![\\w-]*:)`, `--no-${letter}(?![a-z0-9-])`];
  return new RegExp([...longs, ...shorts].join("|"));
}

/** A line for each option: its name, how many test files name it, the first of them; and the options that none names. */
async function coverage(): Promise<{ lines: string[]; untested: string[] }> {
  const tests = await Array.fromAsync(sources());
  const untested: string[] = [];
  const lines = OPTIONS.map((option) => {
    const found = tests.filter(([, text]) => finder(option).test(text)).map(([path]) => path.replace("_test.ts", ""));
    const name = option.name === "" ? `-${option.short}` : `--${option.name}`;
    if (found.length === 0) untested.push(name);
    return `${name.padEnd(24)} ${String(found.length).padStart(3)}  ${found.sort().slice(0, 4).join(" ")}`;
  });
  return { lines, untested };
}

if (import.meta.main) console.log((await coverage()).lines.join("\n"));

Deno.test("every option is named by a test", async () => {
  const { lines, untested } = await coverage();
  console.log(lines.join("\n"));
  assert.deepEqual(untested, []);
});

Deno.test("an option that no test names is found", () => {
  const find = (option: Partial<Option>, text: string) => finder(option as Option).test(text);
  assert.equal(find({ name: "delete" }, '"--delete-limit=5"'), false);
  assert.equal(find({ name: "delete" }, '"--delete", "s"'), true);
  assert.equal(find({ name: "perms", short: "p" }, '"-avn"'), false);
  assert.equal(find({ name: "perms", short: "p" }, '"-apv"'), true);
  assert.equal(find({ name: "perms", short: "p" }, '"--no-p"'), true);
  assert.equal(find({ name: "modify-window", short: "@" }, '"-@1"'), true);
});

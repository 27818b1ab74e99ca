// --help and --version are made from the option table.

import { assert, assertEquals } from "@std/assert";
import { helpText, versionJson, versionText } from "../../lib/cli/help.ts";
import { OPTIONS } from "../../lib/cli/option_table.ts";
import { VERSION } from "../../lib/base/version.ts";
import deno from "../../deno.json" with { type: "json" };

Deno.test("--help names every option and every --no- word, in lines that fit a terminal of 100 columns", () => {
  const help = helpText();
  for (const { name, short, argument, isOptional, unset } of OPTIONS) {
    const value = argument === undefined ? "" : isOptional ? `[=${argument}]` : `=${argument}`;
    const long = name === "" ? "" : `--${name}${value}`;
    const line = help.split("\n").find((line) => line.trim().startsWith(short === undefined ? long : `-${short}`));
    assert(line !== undefined && line.includes(long), name || short);
    if (unset !== undefined) assert(help.includes(` --no-${name || short}`), name || short);
  }
  for (const line of help.split("\n")) assert(line.length <= 100, line);
});

Deno.test("-VV is JSON with rsync's keys", () => {
  const said = JSON.parse(versionJson());
  assertEquals([said.program, said.version], ["tsync", VERSION]);
  assert(said.capabilities.options.includes("out-format") && said.compress_list.includes("zstd"));
});

Deno.test("--version begins like rsync's, with the version of deno.json", () => {
  assertEquals(VERSION, deno.version);
  assert(/^tsync {2}version \d+\.\d+\.\d+ {2}protocol version \d+\.\d+\nCopyright /.test(versionText()));
});

// The house rules that can be executed: who may import whom, who may touch the system, who may print, and that each third-party
// package has one door. Reads every file of main.ts, remote/ and lib/ as a syntax tree, so that comments and strings do not count.

import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

/** Imports point from a higher level to a lower one; rooms on one level do not import each other. */
const LEVELS = [
  ["lib/base"],
  ["lib/hash", "lib/codec", "lib/filter", "lib/os"],
  ["lib/delta", "lib/plan", "lib/transport"],
  ["lib/wire", "lib/tree"],
  ["lib/session"],
  ["lib/engine", "lib/rsync", "lib/deploy"],
  ["lib/job"],
  ["lib/cli", "lib/api", "remote"],
  ["main.ts"],
];

/** What the agent leaves out although it stands below it. */
const NOT_IN_AGENT = ["lib/deploy", "lib/job"];

/** Modules of the runtime that compute and touch nothing. Everything else named node: belongs to lib/os. */
const PURE_NODE_MODULES: Record<string, string[] | "anywhere"> = {
  "node:assert": "anywhere",
  "node:buffer": "anywhere",
  "node:events": "anywhere",
  "node:stream": "anywhere",
  "node:zlib": ["lib/codec"],
  "node:crypto": ["lib/hash"],
};

/** Globals that read a clock, wait, draw random numbers, open a connection or start a thread: lib/os's business. */
const SYSTEM_CALLS = ["setTimeout", "setInterval", "fetch"];
const SYSTEM_CLASSES = ["Worker", "WebSocket", "EventSource", "BroadcastChannel"];
const SYSTEM_MEMBERS = [
  ["Date", "now"],
  ["performance", "now"],
  ["Math", "random"],
  ["crypto", "getRandomValues"],
  ["crypto", "randomUUID"],
  ["AbortSignal", "timeout"],
  ["globalThis", "Deno"],
];

interface Reading {
  /** What the file imports, as written. */
  imports: string[];
  /** The names of the system and of the console that the file uses. */
  system: string[];
  prints: string[];
}

/** Reads one source text. */
function read(path: string, source: string): Reading {
  const reading: Reading = { imports: [], system: [], prints: [] };
  const note = (from: { value: unknown } | null | undefined) => {
    if (typeof from?.value === "string") reading.imports.push(from.value);
  };
  const nameOf = (node: Deno.lint.Node): string => node.type === "Identifier" ? node.name : "";
  const plugin: Deno.lint.Plugin = {
    name: "house",
    rules: {
      read: {
        create: () => ({
          ImportDeclaration: (node) => note(node.source),
          ExportNamedDeclaration: (node) => note(node.source),
          ExportAllDeclaration: (node) => note(node.source),
          ImportExpression(node) {
            if (node.source.type === "Literal") note(node.source);
            else reading.imports.push("(an import of something computed)");
          },
          TSImportType(node) {
            if (node.argument.type === "TSLiteralType" && node.argument.literal.type === "Literal") {
              note(node.argument.literal);
            }
          },
          Identifier(node) {
            if (node.name !== "Deno") return;
            const user = node.parent;
            const member = user.type === "MemberExpression" && user.object === node ? nameOf(user.property) : "";
            reading.system.push(member === "" ? "Deno" : `Deno.${member}`);
          },
          MemberExpression(node) {
            const [object, property] = [nameOf(node.object), nameOf(node.property)];
            if (object === "console") reading.prints.push(`console.${property}`);
            if (SYSTEM_MEMBERS.some(([o, p]) => o === object && p === property)) {
              reading.system.push(`${object}.${property}`);
            }
          },
          CallExpression(node) {
            const name = nameOf(node.callee);
            if (SYSTEM_CALLS.includes(name)) reading.system.push(name);
          },
          NewExpression(node) {
            const name = nameOf(node.callee);
            if (SYSTEM_CLASSES.includes(name)) reading.system.push(`new ${name}`);
            if (name === "Date" && node.arguments.length === 0) reading.system.push("new Date()");
          },
        }),
      },
    },
  };
  Deno.lint.runPlugin(plugin, path, source);
  return reading;
}

/** The room of a path below the root: "lib/os", "remote", "main.ts". */
function roomOf(path: string): string {
  const parts = path.split("/");
  return parts[0] === "lib" ? parts.slice(0, 2).join("/") : parts[0];
}

const levelOf = (room: string): number => LEVELS.findIndex((rooms) => rooms.includes(room));

function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** Each broken rule as a sentence. `sources` maps a path below the root to its text; `known` is the import map. */
function brokenRules(sources: Map<string, string>, known: string[]): string[] {
  const broken: string[] = [];
  const doors = new Map<string, Set<string>>();
  for (const [path, source] of sources) {
    const room = roomOf(path);
    const isMain = path === "main.ts" || path === "remote/main.ts";
    if (levelOf(room) < 0) broken.push(`${path}: ${room} has no level`);
    const { imports, system, prints } = read(path, source);

    for (const specifier of imports) {
      if (specifier.startsWith("node:")) {
        const rooms = PURE_NODE_MODULES[specifier.split("/")[0]];
        if (room !== "lib/os" && rooms !== "anywhere" && !rooms?.includes(room)) {
          broken.push(`${path}: imports ${specifier}, which belongs to lib/os`);
        }
      } else if (specifier.startsWith("./") || specifier.startsWith("../")) {
        const target = new URL(specifier, new URL(path, "file:///")).pathname.slice(1);
        const to = roomOf(target);
        if (to === room) continue;
        if (levelOf(to) < 0) broken.push(`${path}: imports ${target}, which is in no room`);
        else if (levelOf(to) >= levelOf(room)) broken.push(`${path}: ${room} does not import ${to}`);
        else if (room === "remote" && NOT_IN_AGENT.includes(to)) broken.push(`${path}: the agent does not use ${to}`);
        else if (room === "main.ts" && to === "remote") {
          broken.push(`${path}: the client does not use the agent's rooms`);
        }
      } else if (known.includes(specifier)) {
        const name = packageOf(specifier);
        doors.set(name, (doors.get(name) ?? new Set()).add(path));
      } else {
        broken.push(`${path}: imports ${specifier}, which deno.json does not name`);
      }
    }

    const allowed = (name: string) => room === "lib/os" || (isMain && name === "Deno.exit");
    for (const name of new Set(system)) {
      if (!allowed(name)) broken.push(`${path}: uses ${name}, which belongs to lib/os`);
    }
    if (room !== "lib/cli") {
      for (const name of new Set(prints)) broken.push(`${path}: calls ${name}; only lib/cli prints`);
    }
  }
  for (const [name, paths] of doors) {
    if (paths.size > 1) broken.push(`${name} is imported in ${[...paths].sort().join(" and ")}; one file is its door`);
  }
  return broken;
}

async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const item of Deno.readDir(new URL(`${folder}/`, ROOT))) {
    const path = `${folder}/${item.name}`;
    if (item.isDirectory) yield* sourceFiles(path);
    else if (/\.[cm]?[jt]sx?$/.test(item.name)) yield path;
  }
}

const importMap = async (): Promise<string[]> =>
  Object.keys(JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))).imports);

/** The source texts below `lib`, and of what else is named. */
async function sourcesOf(...paths: string[]): Promise<Map<string, string>> {
  const files = [...paths];
  for await (const path of sourceFiles("lib")) files.push(path);
  const texts = files.map(async (path) => [path, await Deno.readTextFile(new URL(path, ROOT))] as const);
  return new Map(await Promise.all(texts));
}

Deno.test("the house: every import, system name and print in lib/ keeps the rules", async () => {
  assert.deepEqual(brokenRules(await sourcesOf(), await importMap()), []);
});

Deno.test("the house: main.ts and remote/ keep the rules together with lib/", async () => {
  const remote = await Array.fromAsync(sourceFiles("remote"));
  assert.deepEqual(brokenRules(await sourcesOf("main.ts", ...remote), await importMap()), []);
});

/** What the rules say of one file. */
const judge = (path: string, source: string) => brokenRules(new Map([[path, source]]), ["zod", "@std/fmt/colors"]);

Deno.test("the house: an import upwards or sideways is found, however it is written", () => {
  for (
    const source of [
      `import { x } from "../session/x.ts";`,
      `import type { X } from "../session/x.ts";`,
      `import "../session/x.ts";`,
      `export { x } from "../session/x.ts";`,
      `export * from "../session/x.ts";`,
      `const x = await import("../session/x.ts");`,
      `let x: import("../session/x.ts").X;`,
      `import { x } from "../tree/x.ts";`,
      `import { x } from "../wonder/x.ts";`,
      `import { x } from "../../tests/x.ts";`,
      `const where = "../base/x.ts"; await import(where);`,
    ]
  ) assert.equal(judge("lib/wire/x.ts", source).length, 1, source);
  assert.deepEqual(judge("lib/wire/x.ts", `import { x } from "../base/x.ts"; import { y } from "./y.ts";`), []);
  assert.equal(judge("lib/wonder/x.ts", "").length, 1, "a room without a level");
});

Deno.test("the house: the agent uses neither deploy nor job nor cli, and the client none of the agent's rooms", () => {
  for (const room of ["deploy", "job", "cli"]) {
    assert.equal(judge("remote/x.ts", `import "../lib/${room}/x.ts";`).length, 1, room);
  }
  assert.deepEqual(judge("remote/x.ts", `import "../lib/engine/x.ts";`), []);
  assert.equal(judge("main.ts", `import "./remote/x.ts";`).length, 1);
});

Deno.test("the house: only lib/os names Deno, clocks, randomness, threads and the system's modules", () => {
  for (
    const source of [
      `Deno.exit(1);`,
      `let x: Deno.FileInfo;`,
      `const { stat } = Deno;`,
      `globalThis.Deno;`,
      `import "node:fs";`,
      `import "node:fs/promises";`,
      `import { spawn } from "node:child_process";`,
      `import { randomBytes } from "node:crypto";`,
      `Date.now();`,
      `new Date();`,
      `performance.now();`,
      `Math.random();`,
      `crypto.getRandomValues(x);`,
      `setTimeout(f, 1);`,
      `new Worker(u);`,
      `await fetch(u);`,
    ]
  ) {
    assert.notDeepEqual(judge("lib/engine/x.ts", source), [], source);
    assert.deepEqual(judge("lib/os/x.ts", source), [], source);
  }
  assert.deepEqual(judge("lib/engine/x.ts", `// Deno.exit\nconst x = "Deno.exit"; new Date(x); Math.max(1, 2);`), []);
  assert.deepEqual(judge("main.ts", `Deno.exit(1);`), []);
  assert.deepEqual(judge("remote/main.ts", `Deno.exit(1);`), []);
  assert.equal(judge("main.ts", `Deno.args;`).length, 1);
});

Deno.test("the house: only lib/cli prints", () => {
  assert.equal(judge("lib/engine/x.ts", `console.error("x");`).length, 1);
  assert.equal(judge("main.ts", `console.error("x");`).length, 1);
  assert.deepEqual(judge("lib/cli/x.ts", `console.error("x");`), []);
});

Deno.test("the house: a third-party package is imported in one file, under its name in deno.json", () => {
  const two = new Map([["lib/cli/a.ts", `import { z } from "zod";`], ["lib/cli/b.ts", `import { z } from "zod";`]]);
  assert.equal(brokenRules(two, ["zod"]).length, 1);
  assert.deepEqual(judge("lib/cli/a.ts", `import { z } from "zod"; import { bold } from "@std/fmt/colors";`), []);
  for (const specifier of ["npm:zod", "jsr:@std/fmt", "https://example.com/x.ts", "left-pad"]) {
    assert.equal(judge("lib/cli/a.ts", `import "${specifier}";`).length, 1, specifier);
  }
});

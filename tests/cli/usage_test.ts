// The program's words as a user meets them, on the compiled program: what is refused touches nothing and connects nowhere,
// odd names are names, and output that cannot be written or is read slowly neither hangs nor crashes a run.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { tsyncWords } from "../support/program.ts";
import { exists, run, tsync } from "../support/run.ts";

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tsync-usage-" });
  try {
    await Deno.mkdir(`${folder}/s`);
    await Deno.writeTextFile(`${folder}/s/f`, "one");
    await Deno.writeTextFile(`${folder}/rsh`, `#!/bin/sh\n: >'${folder}/connected'\nexit 9\n`, { mode: 0o755 });
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a line of sh with tsync as "$@". */
function shell(line: string, args: string[], cwd: string) {
  return run(["sh", "-c", line, "sh", ...tsyncWords(), ...args], { cwd });
}

Deno.test("A11: words that make no sense end with code 1, a sentence, no connection and nothing touched", async () => {
  await withFolder(async (folder) => {
    const lines = [
      ["--nonsense", "s/", "d"],
      ["-aQ", "s/", "d"],
      ["-a", "--timeout=x", "s/", "d"],
      ["-a", "--delete-limit=x", "s/", "d"],
      ["--delete", "s/", "d"],
      ["-a", "--delete", "--no-guard", "--delete-limit=5", "s/", "d"],
      ["-a", "--info=nonsense", "s/", "d"],
      ["-a"],
      [],
      ["-a", "", "d"],
      ["-a", "s/", ""],
      ["-a", "h:a", "i:b"],
      ["-a", "s/", "-oProxyCommand=x:d"],
      ["-a", "--", "s/", "-oProxyCommand=x:d"],
      ["-a", "s/", "h;id:d"],
      ["-a", "s/", "$(id):d"],
      ["-a", "-e", "'open", "s/", "h:d"],
      ["-a", "--exclude", "x\n", "--nonsense", "s/", "h:d"],
      ["-a", "--exclude-from=-", "--include-from=-", "s/", "h:d"],
      ["agent"],
      ["agent", "list"],
      ["agent", "frobnicate", "h"],
      ["agent", "list", "h:x"],
      ["agent", "list", "./x"],
      ["-a", "agent", "list", "h"],
    ];
    for (const line of lines) {
      const { code, out, err } = await tsync(line, { cwd: folder, env: { TSYNC_RSH: `${folder}/rsh` } });
      assertEquals([code, out], [1, ""], `${line}: ${err}`);
      assertMatch(err, /^tsync: .+ \(see tsync --help\)\ntsync error: syntax or usage error \(code 1\)\n$/s);
      if (line[0] === "agent" || line[1] === "agent") assertMatch(err, /\.\/agent/);
    }
    assertEquals([exists(`${folder}/connected`), exists(`${folder}/d`)], [false, false]);
  });
});

Deno.test("other refusals before a connection have rsync's codes: 4 for a daemon and for what Linux cannot do, 11 for a rule file that is not there", async () => {
  await withFolder(async (folder) => {
    const env = { TSYNC_RSH: `${folder}/rsh` };
    assertEquals((await tsync(["-a", "s/", "h::m"], { cwd: folder, env })).code, 4);
    assertEquals((await tsync(["-a", "rsync://h/m", "d"], { cwd: folder, env })).code, 4);
    for (const option of ["-aN", "--crtimes"]) {
      assertEquals((await tsync([option, "s/", "h:d"], { cwd: folder, env })).code, 4);
    }
    const missing = await tsync(["-a", "--exclude-from=nowhere", "s/", "h:d"], { cwd: folder, env });
    assertEquals(missing.code, 11);
    assertMatch(missing.err, /^tsync: --exclude-from: open "nowhere" failed: No such file or directory \(2\)\n/);
    assertEquals([exists(`${folder}/connected`), exists(`${folder}/d`)], [false, false]);
  });
});

Deno.test("--help, -h and --version end with code 0 and print on standard output only", async () => {
  for (
    const [word, beginning] of [["--help", "tsync makes"], ["-h", "tsync makes"], ["--version", "tsync  version "], [
      "-V",
      "tsync",
    ]]
  ) {
    const { code, out, err } = await tsync([word]);
    assertEquals([code, err, out.startsWith(beginning)], [0, "", true], word);
  }
});

Deno.test("agent is a path as ./agent, and a file of that name is never mistaken", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/agent`, "content");
    const refused = await tsync(["agent", "list"], { cwd: folder });
    assertEquals(refused.code, 1);
    assertMatch(refused.err, /a file here; write \.\/agent/);
    assertEquals((await tsync(["./agent", "list"], { cwd: folder })).code, 0);
    assertEquals(await Deno.readTextFile(`${folder}/list`), "content");
  });
});

const ODD_NAMES = [
  ...["new\nline", "tab\tbed", "cr\r", "trail ", "-n", "--delete", "*", "?", "[a]", "~", "#", "'", '"', "back\\slash"],
  ...["`id`", "$(touch PWNED)", ";id", "a&b", "@x", "{a,b}", "!", "ü", "\u202e", "%s", "a=b"],
];

Deno.test("B02: odd names are only names, as source words and in a tree", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/odd`);
    for (const name of ODD_NAMES) await Deno.writeTextFile(`${folder}/odd/${name}`, name);
    const all = await tsync(["-a", "--", ...ODD_NAMES, "../words"], { cwd: `${folder}/odd` });
    assertEquals([all.code, all.err], [0, ""]);
    assertEquals((await tsync(["-a", "odd/", "tree"], { cwd: folder })).code, 0);
    for (const copy of ["words", "tree"]) {
      const names = [...Deno.readDirSync(`${folder}/${copy}`)].map(({ name }) => name).sort();
      assertEquals(names, [...ODD_NAMES].sort());
      for (const name of names) assertEquals(await Deno.readTextFile(`${folder}/${copy}/${name}`), name);
    }
    assertEquals(exists(`${folder}/odd/PWNED`), false);
    const shown = await tsync(["-aiI", "odd/", "tree"], { cwd: folder });
    assertEquals(shown.out.split("\n").length - 1, ODD_NAMES.length);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\x00-\x08\x0b-\x1f\x7f\u202e]/.test(shown.out), false);
  });
});

Deno.test("A03: a source with and without slash, a target that is missing, a folder, a file, a link: as rsync lays it out", async () => {
  await withFolder(async (folder) => {
    const prepare =
      `rm -rf d real; case $1 in missing) ;; folder) mkdir d; : >d/x ;; file) : >d ;; link) mkdir real; ln -s real d ;; esac`;
    const look = `find d real 2>/dev/null | LC_ALL=C sort`;
    for (const source of ["s", "s/", "s/.", "s/f"]) {
      for (const state of ["missing", "folder", "file", "link"]) {
        for (const target of ["d", "d/"]) {
          const layout = async (program: string[]) => {
            await run(["sh", "-c", prepare, "sh", state], { cwd: folder });
            const { code } = await run([...program, "-a", source, target], { cwd: folder });
            return [code === 0, (await run(["sh", "-c", look], { cwd: folder })).out];
          };
          assertEquals(await layout(tsyncWords()), await layout(["rsync"]), `${source} ${target} ${state}`);
        }
      }
    }
  });
});

Deno.test("rules are read from standard input with --exclude-from=-", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/s/g`, "two");
    const { code } = await tsync(["-a", "--exclude-from=-", "s/", "d"], { cwd: folder, stdin: "# no rule\nf\n" });
    assertEquals([code, exists(`${folder}/d/f`), exists(`${folder}/d/g`)], [0, false, true]);
  });
});

/** A remote shell that runs its command here, in a home of its own, and counts its runs. */
async function loopbackShell(folder: string): Promise<string> {
  const script = `#!/bin/sh
    while [ "$1" = -l ]; do shift 2; done
    shift; HOME='${folder}/home'; export HOME; mkdir -p "$HOME"; cd "$HOME"; exec sh -c "$*"`;
  await Deno.writeTextFile(`${folder}/loopback`, script, { mode: 0o755 });
  return `${folder}/loopback`;
}

Deno.test("B10: remote paths with spaces, quotes and dollars are the paths that were typed, in both directions", async () => {
  await withFolder(async (folder) => {
    const shell = await loopbackShell(folder);
    for (
      const path of [
        "a b",
        "it's",
        'say "so"',
        "$HOME",
        "`id`",
        "$(touch PWNED)",
        "back\\slash",
        "*",
        "~root",
        "a;id",
        "-n",
      ]
    ) {
      const push = await tsync(["-r", "-e", shell, "s/", `u@h:${path}`], { cwd: folder });
      assertEquals([push.code, push.err], [0, ""], path);
      assertEquals(await Deno.readTextFile(`${folder}/home/${path}/f`), "one", path);
      const pull = await tsync(["-r", "-e", shell, `h:${path}/f`, `back-${path.length}`], { cwd: folder });
      assertEquals([pull.code, pull.err], [0, ""], path);
      assertEquals(await Deno.readTextFile(`${folder}/back-${path.length}`), "one");
      await Deno.remove(`${folder}/back-${path.length}`);
    }
    assertEquals((await run(["find", ".", "-name", "PWNED"], { cwd: folder })).out, "");
  });
});

Deno.test("the remote shell runs with the user's umask, so that what it writes is no more open than elsewhere", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/rsh`, `#!/bin/sh\numask >'${folder}/mask'\nexit 9\n`, { mode: 0o755 });
    await shell('umask 027; "$@"', ["-a", "-e", `${folder}/rsh`, "s/", "h:d"], folder);
    assertEquals(await Deno.readTextFile(`${folder}/mask`), "0027\n");
  });
});

Deno.test("agent list, verify and remove tell of the agents on a host; a damaged one is exit 23", async () => {
  await withFolder(async (folder) => {
    const shell = await loopbackShell(folder);
    const agent = (verb: string) => tsync(["agent", verb, "-e", shell, "u@h"], { cwd: folder });
    assertEquals(await agent("list"), { code: 0, out: "no tsync-remote on h\n", err: "" });
    assertEquals((await tsync(["-r", "-e", shell, "s/", "h:d"], { cwd: folder })).code, 0);
    const listed = await agent("list");
    assertMatch(listed.out, /^tsync-remote-[0-9a-f]{64} {2}[0-9,]+ bytes {2}\S.+\n$/);
    assertMatch((await agent("verify")).out, / {2}good/);
    const name = /^tsync-remote-[0-9a-f]{64}/.exec(listed.out)![0];
    await Deno.writeTextFile(`${folder}/home/.tsync/bin/${name}`, "x", { append: true });
    const damaged = await agent("verify");
    assertEquals(damaged.code, 23);
    assertMatch(damaged.out, / {2}damaged/);
    assertMatch(damaged.err, /^tsync: .*tsync agent remove h .*\n$/);
    assertMatch((await agent("remove")).out, / {2}removed/);
    assertEquals(exists(`${folder}/home/.tsync/bin/${name}`), false);
  });
});

/** A source of `count` small files, so that the run has something to say. */
async function manyFiles(folder: string, count: number): Promise<void> {
  const line =
    `cd s && i=0 && while [ $i -lt ${count} ]; do echo $i >a-file-with-a-rather-long-name-to-fill-a-pipe-$i; i=$((i + 1)); done`;
  assertEquals((await run(["sh", "-c", line], { cwd: folder })).code, 0);
}

Deno.test("D20: standard output that is closed, full or gone does not hang or crash a run; what is lost is exit 13", async () => {
  await withFolder(async (folder) => {
    await manyFiles(folder, 3000);
    const closed = await shell('"$@" >&-', ["-av", "s/", "closed"], folder);
    assert(closed.code === 0 || closed.code === 13, closed.err);
    const full = await shell('"$@" >/dev/full', ["-av", "s/", "full"], folder);
    assertEquals(full.code, 13);
    assertMatch(
      full.err,
      /^tsync: write to standard output failed: No space left on device \(28\)\ntsync error: .*\(code 13\)\n$/,
    );
    const gone = await shell('{ "$@"; echo $? >code; } | head -n 1', ["-av", "s/", "gone"], folder);
    assertEquals(await Deno.readTextFile(`${folder}/code`), "13\n");
    assertEquals(gone.out, "sending incremental file list\n");
    assertMatch(gone.err, /Broken pipe \(32\)/);
    const progress = await shell('"$@" >/dev/full', ["-a", "--progress", "--stats", "s/", "progress"], folder);
    assertEquals(progress.code, 13, progress.err);
    const errors = await shell('"$@" 2>/dev/full', ["-a", "s/", "missing", "d"], folder);
    assert(errors.code !== 0 && errors.code !== 14, String(errors.code));
    const mute = await shell('"$@" >&- 2>&-', ["-av", "s/", "mute"], folder);
    assert(mute.code === 0 || mute.code === 13, String(mute.code));
    assertEquals((await shell('"$@" <&-', ["-a", "s/", "stdin"], folder)).code, 0);
    assertEquals((await tsync(["-a", "s/", "quiet"], { cwd: folder })).out, "");
    // A run that ended early leaves nothing of its own, least of all at the source.
    assertEquals((await run(["find", ".", "-name", ".tsync*"], { cwd: folder })).out, "");
  });
});

Deno.test("D20: a slow reader gets every line, and the run ends well", async () => {
  await withFolder(async (folder) => {
    await manyFiles(folder, 3000);
    const slow = await shell('{ "$@"; echo $? >code; } | { sleep 1; cat; }', ["-ai", "s/", "d"], folder);
    assertEquals(await Deno.readTextFile(`${folder}/code`), "0\n");
    assertEquals(slow.out.match(/^>f\+{9} /gm)?.length, 3001);
  });
});

/** Runs tsync on a terminal of its own (util-linux's script) and returns what the terminal was sent. */
async function onTerminal(
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<{ code: number; out: string }> {
  const quoted = [...tsyncWords(), ...args].map((word) => `'${word}'`).join(" ");
  const { code, out } = await run(["script", "-qec", `stty cols 60; ${quoted}`, "/dev/null"], {
    cwd,
    env: { TERM: "xterm", ...env },
  });
  return { code, out };
}

Deno.test("progress appears on a terminal, within its columns, and is gone at the end", async () => {
  await withFolder(async (folder) => {
    // A far side that says nothing for a while holds the run in its first phase.
    await Deno.writeTextFile(`${folder}/rsh`, "#!/bin/sh\nsleep 1\nexit 9\n", { mode: 0o755 });
    const shown = async (options: string[], env: Record<string, string> = {}) => {
      const words = [
        ...options,
        "-e",
        "./rsh",
        "s/",
        "a-host-with-a-name-that-is-longer-than-the-terminal-is-wide.example:d",
      ];
      return (await onTerminal(words, folder, env)).out.replace(/tsync(: | error).*/gs, "");
    };
    const frames = (await shown(["-a"])).split("\r");
    assertEquals(frames.filter((frame) => frame.trim() !== "").length >= 1, true, frames.join("|"));
    for (const frame of frames) assert(/^ *$|^connecting to a-host-with/.test(frame) && frame.length <= 59, frame);
    assertEquals(frames.slice(-2).map((frame) => frame.trim()), ["", ""]);
    assertEquals(await shown(["-aq"]), "");
    assertEquals(await shown(["-ai"]), "");
    assertEquals(await shown(["-a"], { TERM: "dumb" }), "");
  });
});

Deno.test("F16: names with escape sequences reach a terminal escaped, in lists and in problems", async () => {
  await withFolder(async (folder) => {
    const hostile = ["\x1b]52;c;eA==\x07", "\u009b2J", "\u202egpj", "a\nb", "x\x1b[8m"];
    for (const name of hostile) {
      await Deno.writeTextFile(`${folder}/s/${name}`, "x");
      await Deno.mkdir(`${folder}/d/${name}/full`, { recursive: true });
    }
    const { out } = await onTerminal(["-ai", "s/", "d"], folder);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f\u202e]/.test(out), false, JSON.stringify(out));
    assertMatch(out, /\\#033\]52;c;eA==\\#007/);
  });
});

/** A run that waits for a far side that says nothing, and has started its remote shell. */
async function waiting(folder: string, before: string): Promise<Deno.ChildProcess> {
  const rsh = `#!/bin/sh\n: >'${folder}/connected'\nexec sleep 60\n`;
  await Deno.writeTextFile(`${folder}/rsh`, rsh, { mode: 0o755 });
  const words = ["-c", `${before} exec "$@"`, "sh", ...tsyncWords(), "-a", "-e", `${folder}/rsh`, "s/", "h:d"];
  const child = new Deno.Command("sh", { args: words, cwd: folder, stdin: "null", stdout: "null", stderr: "piped" })
    .spawn();
  while (!exists(`${folder}/connected`)) await new Promise((resolve) => setTimeout(resolve, 20));
  return child;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`${signal} ends a run within 2 s with code 20`, async () => {
    await withFolder(async (folder) => {
      const child = await waiting(folder, "");
      const start = performance.now();
      child.kill(signal);
      const { code, stderr } = await child.output();
      assertEquals(code, 20);
      assert(performance.now() - start < 2000);
      assertMatch(
        new TextDecoder().decode(stderr),
        /stopped by SIG[A-Z]+\ntsync error: received SIGINT, SIGTERM, or SIGHUP \(code 20\)\n$/,
      );
    });
  });
}

Deno.test("a hang-up that was ignored when tsync was started (nohup) stays ignored", async () => {
  await withFolder(async (folder) => {
    const child = await waiting(folder, "trap '' HUP;");
    child.kill("SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill("SIGTERM");
    const { code, stderr } = await child.output();
    assertEquals(code, 20);
    assertMatch(new TextDecoder().decode(stderr), /stopped by SIGTERM/);
  });
});

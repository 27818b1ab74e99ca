// The launcher's text, and the command made of it. What it does is proved in tests/cli/shells_test.ts and tests/security.

import assert from "node:assert/strict";
import { AGENTS_COMMAND } from "../../lib/deploy/agents.ts";
import { remoteCommand } from "../../lib/deploy/command.ts";
import { joinLines, LAUNCHER } from "../../lib/deploy/launcher.ts";

Deno.test("LAUNCHER: has no character that a login shell reads inside single quotes", () => {
  for (const character of ["'", "\\", "!", "\n", "\r", "\t", "\0"]) {
    assert.equal(LAUNCHER.indexOf(character), -1, JSON.stringify(character));
  }
  assert.match(LAUNCHER, /^[ -~]+$/);
});

Deno.test("LAUNCHER: is the same in every run and short enough for every command line", () => {
  assert.equal(remoteCommand(null).text, `exec /bin/sh -c '${LAUNCHER}'`);
  assert.ok(LAUNCHER.length < 8000, `${LAUNCHER.length}`);
  for (const private_ of [Deno.env.get("HOME")!, Deno.cwd()]) assert.ok(!LAUNCHER.includes(private_));
});

Deno.test("AGENTS_COMMAND: one line inside one pair of single quotes", () => {
  assert.match(AGENTS_COMMAND, /^exec \/bin\/sh -c '[^'\\!\n\r\t]+'$/);
});

for (const shell of ["sh", "dash", "bash", "zsh --emulate sh"]) {
  Deno.test(`LAUNCHER: is a program to ${shell}`, async () => {
    const [program, ...words] = shell.split(" ");
    for (const text of [LAUNCHER, AGENTS_COMMAND]) {
      const { success, stderr } = await new Deno.Command(program, { args: [...words, "-n", "-c", text] }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
    }
  });
}

Deno.test("joinLines: drops comments and empty lines, keeps a # inside a line", () => {
  assert.equal(joinLines("\n  a;\n  # no\n\n  test $# = 1;\n"), "a; test $# = 1;");
});

Deno.test("--rsync-path: words before rsync or tsync-remote are kept in front of the launcher", () => {
  const launcher = `/bin/sh -c '${LAUNCHER}'`;
  const cases: [string | null, string, boolean][] = [
    [null, `exec ${launcher}`, true],
    ["", `exec ${launcher}`, true],
    ["rsync", `exec ${launcher}`, true],
    ["/usr/bin/rsync", `exec ${launcher}`, true],
    ["tsync-remote", `exec ${launcher}`, true],
    ["sudo rsync", `sudo ${launcher}`, true],
    ["sudo  -u web tsync-remote ", `sudo  -u web ${launcher}`, true],
    ["mkdir -p /srv/x && rsync", `mkdir -p /srv/x && ${launcher}`, true],
    ["/opt/tsync/tsync-remote", "/opt/tsync/tsync-remote", false],
    ["sudo /opt/agent", "sudo /opt/agent", false],
    ["my-rsync", "my-rsync", false],
  ];
  for (const [given, text, deploys] of cases) assert.deepEqual(remoteCommand(given), { text, deploys }, `${given}`);
});

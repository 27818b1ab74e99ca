// The words of -e, against the installed rsync: the same words, user, host and order reach the remote shell.

import assert from "node:assert/strict";
import { TsyncError } from "../../lib/base/errors.ts";
import { remoteShellArguments } from "../../lib/transport/remote_shell.ts";

/** What rsync starts for `rsh` and `remote`: its arguments before the remote command; null if it refuses the words. */
async function rsyncWords(probe: string, rsh: string, remote: string): Promise<string[] | null> {
  const { stderr, code } = await new Deno.Command("rsync", {
    args: ["-n", "-e", rsh, probe, `${remote}:x`],
    env: { RSYNC_OLD_ARGS: "0" },
    stdin: "null",
  }).output();
  if (code === 1) return null;
  const words = new TextDecoder().decode(stderr).split("\n").filter((line) => line.startsWith("word:"));
  const given = words.map((line) => line.slice("word:".length));
  return given.slice(0, given.indexOf("rsync"));
}

Deno.test("-e: words are split, and user and host follow them, as the installed rsync does it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "tsync-rsh-" });
  const probe = `${folder}/probe`;
  await Deno.writeTextFile(probe, `#!/bin/sh\nfor word; do printf "word:%s\\n" "$word" >&2; done\nexit 1\n`, {
    mode: 0o755,
  });
  const forms = [
    probe,
    `${probe} -p 22`,
    `  ${probe}   -p  22  `,
    `'${probe}' 'a b'`,
    `"${probe}" "c'd" 'e"f'`,
    `${probe} 'e''f' "g""h" i'j'k`,
    `${probe} '' "" ''''  """"`,
    `${probe} a\\ b \\'c d' e`,
    `${probe} a\tb 'c\td'`,
    `${probe} é 'ü ü'`,
    `${probe} 'open`,
    `${probe} "open 'x'`,
    `${probe} 'a''`,
  ];
  for (const rsh of forms) {
    for (const [user, host] of [[null, "there"], ["me", "there"], ["a@b", "there"], [null, "[::1]"]] as const) {
      const theirs = await rsyncWords(probe, rsh, user === null ? host : `${user}@${host}`);
      let ours: string[] | null = null;
      try {
        ours = remoteShellArguments({ host: host.replace(/[[\]]/g, ""), user, rsh }, "rsync").slice(1, -1);
      } catch (error) {
        assert.ok(error instanceof TsyncError && error.exitCode === 1, `${error}`);
      }
      assert.deepEqual(ours, theirs, `${rsh} for ${user} at ${host}`);
    }
  }
  await Deno.remove(folder, { recursive: true });
});

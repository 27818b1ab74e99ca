// Words of -e, and what may be a host or a user. tests/interop compares the splitting with the installed rsync.

import assert from "node:assert/strict";
import { TsyncError } from "../../lib/base/errors.ts";
import { checkRemote, remoteShellArguments, splitWords } from "../../lib/transport/remote_shell.ts";

Deno.test("splitWords: splits at spaces only, and a doubled quote inside quotes stands for one", () => {
  const cases: [string, string[]][] = [
    ["ssh", ["ssh"]],
    ["  ssh   -p 22  ", ["ssh", "-p", "22"]],
    [`ssh 'a b' "c'd" 'e''f' g'h'i '' j`, ["ssh", "a b", "c'd", "e'f", "ghi", "", "j"]],
    [`x 'p"q' "r""s"`, ["x", 'p"q', 'r"s']],
    ["ssh\ttab a\\ b", ["ssh\ttab", "a\\", "b"]],
    ["", []],
    ["   ", []],
  ];
  for (const [text, words] of cases) assert.deepEqual(splitWords(text), words, text);
});

Deno.test("splitWords: a missing quote is a usage error that shows the words escaped", () => {
  for (const text of ["ssh 'a", 'ssh "a', "ssh 'a''", "ssh '\x1b"]) {
    assert.throws(() => splitWords(text), (error: unknown) => {
      return error instanceof TsyncError && error.exitCode === 1 && !error.message.includes("\x1b");
    }, text);
  }
});

Deno.test("checkRemote: refuses what ssh or a shell could take for something else", () => {
  const bad = ["-oProxyCommand=x", "-", "a b", "$(id)", "x\ny", "a\tb", "a\\b", "a;b", "a'b", 'a"b', "a`b", "a&b"];
  bad.push("a<b", "a>b", "a(b", "a)b", "a{b", "a}b", "a|b", "a\0b", "a\x7fb", "a\u0085b", "a\u202eb", "%h", "");
  for (const word of bad) {
    const refused = (error: unknown) => error instanceof TsyncError && error.exitCode === 1;
    assert.throws(() => checkRemote({ host: word, user: null, rsh: null }), refused, `host ${JSON.stringify(word)}`);
    assert.throws(() => checkRemote({ host: "h", user: word, rsh: null }), refused, `user ${JSON.stringify(word)}`);
  }
});

Deno.test("checkRemote: takes what real hosts and users are called", () => {
  for (const host of ["web1", "web-1.example.org", "10.0.0.1", "::1", "fe80::1%eth0", "bücher.example", "a_b", "h*"]) {
    checkRemote({ host, user: null, rsh: null });
  }
  for (const user of ["root", "a.b-c_d", "u@realm", "vault@target#domain", "_x"]) {
    checkRemote({ host: "h", user, rsh: null });
  }
});

Deno.test("remoteShellArguments: words, -l USER, host, and the command as one argument", () => {
  assert.deepEqual(remoteShellArguments({ host: "h", user: null, rsh: null }, "exec sh"), ["ssh", "h", "exec sh"]);
  assert.deepEqual(
    remoteShellArguments({ host: "::1", user: "u@r", rsh: "ssh -p 22 -o 'A b'" }, "c d"),
    ["ssh", "-p", "22", "-o", "A b", "-l", "u@r", "::1", "c d"],
  );
  for (const rsh of ["", "  ", "''"]) {
    assert.throws(() => remoteShellArguments({ host: "h", user: null, rsh }, "c"), TsyncError, rsh);
  }
});

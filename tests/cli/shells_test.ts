// First and second contact through every login shell people have, over the real sshd and over ssh2's server: one connection,
// one authentication, no SFTP, nothing outside ~/.tsync. The agent is a small script; tests/cli/deploy_test.ts has the real one.

import assert from "node:assert/strict";
import { TsyncError } from "../../lib/base/errors.ts";
import { remoteCommand } from "../../lib/deploy/command.ts";
import { launchAgent } from "../../lib/deploy/launch.ts";
import { openSsh } from "../../lib/transport/openssh.ts";
import { Account, cannotHave, COMMAND, contact, HELLO, scriptAgent, unshared } from "../support/account.ts";
import { startSshServer } from "../support/ssh_server.ts";
import { startSshd } from "../support/sshd.ts";

const SHELLS = ["/bin/sh", "/bin/dash", "/bin/bash", "/usr/bin/zsh", "/usr/bin/fish", "/usr/bin/tcsh"];
const NOISE = "Welcome to this machine. ".repeat(400);

/** The start-up files that these shells read when they run a command, each printing 10 KB first. */
const PROFILES: Record<string, string> = {
  ".bashrc": `echo '${NOISE}'\n`,
  ".zshenv": `echo '${NOISE}'\n`,
  ".config/fish/config.fish": `echo '${NOISE}'\n`,
  ".tcshrc": `echo '${NOISE}'\n`,
};
const NOISY = ["/bin/bash", "/usr/bin/zsh", "/usr/bin/fish", "/usr/bin/tcsh"];

async function writeProfiles(home: string): Promise<void> {
  await Deno.mkdir(`${home}/.config/fish`, { recursive: true });
  for (const [name, text] of Object.entries(PROFILES)) await Deno.writeTextFile(`${home}/${name}`, text);
}

/** What a contact added to the home, apart from what shells keep for themselves. */
function added(before: string[], after: string[]): string[] {
  const known = new Set(before.map((line) => line.split(" ")[2]));
  return after.filter((line) => {
    const name = line.split(" ")[2];
    return !known.has(name) && !/^\.(config|local|cache)(\/|$)/.test(name);
  });
}

const ALWAYS = ["drwx------ 4096 .tsync", "drwx------ 4096 .tsync/bin"];

for (const shell of SHELLS) {
  Deno.test({
    name: `first contact: one connection of sshd with ${shell} as login shell, and 10 KB from its start-up files`,
    ignore: cannotHave("sshd") || cannotHave(shell),
    fn: async () => {
      const account = await Account.open();
      await writeProfiles(account.home);
      const server = await startSshd({ home: account.home, shell: [shell, "-c"] });
      try {
        const agent = await scriptAgent(200_000);
        const before = await account.listing();
        const open = () => openSsh({ host: server.host, user: null, rsh: server.rsh }, COMMAND, () => {});
        const first = await contact(open(), agent.store);
        assert.deepEqual(await server.counts(), { connections: 1, authentications: 1, subsystems: 0 });
        assert.ok(first.uploadedBytes > 50_000);
        assert.deepEqual([first.folder, first.hello, first.echo], [account.home, "a hello", "tail \0\xff\n"]);
        assert.equal(first.noise.startsWith("Welcome to this machine."), NOISY.includes(shell), first.noise);
        const after = await account.listing();
        assert.deepEqual(added(before, after), [
          `-rwx------ ${agent.bytes.length} .tsync/bin/${agent.name}`,
          ...ALWAYS,
        ]);

        const second = await contact(open(), agent.store);
        assert.equal(second.uploadedBytes, 0);
        assert.equal(second.echo, "tail \0\xff\n");
        assert.deepEqual(added(after, await account.listing()), []);
        assert.deepEqual(await server.counts(), { connections: 2, authentications: 2, subsystems: 0 });
      } finally {
        await server.close();
        await account.close();
      }
    },
  });

  Deno.test({
    name: `first contact: without root over ssh2's server, which refuses SFTP, with ${shell}`,
    ignore: cannotHave(shell),
    // ssh2 leaves the ciphers of a closed connection to the garbage collector.
    sanitizeResources: false,
    fn: async () => {
      const account = await Account.open();
      const server = await startSshServer({ home: account.home, shell: [shell, "-c"] });
      try {
        const agent = await scriptAgent(200_000);
        const open = () => openSsh({ host: server.host, user: null, rsh: server.rsh }, COMMAND, () => {});
        const first = await contact(open(), agent.store);
        const second = await contact(open(), agent.store);
        assert.ok(first.uploadedBytes > 50_000);
        assert.equal(second.uploadedBytes, 0);
        assert.equal(first.echo + second.echo, "tail \0\xff\ntail \0\xff\n");
        const { connections, authentications, sftp, commands } = server.counts;
        assert.deepEqual({ connections, authentications, sftp }, { connections: 2, authentications: 2, sftp: 0 });
        assert.deepEqual(commands, [COMMAND, COMMAND]);
      } finally {
        await server.close();
        await account.close();
      }
    },
  });

  for (const umask of ["000", "077"]) {
    Deno.test({
      name: `first contact: umask ${umask} and a PATH without anything, with ${shell}; the agent gets the umask`,
      ignore: cannotHave(shell),
      fn: async () => {
        const account = await Account.open({
          shell: [shell, "-c"],
          env: { PATH: "/nonexistent" },
          before: `umask ${umask}`,
        });
        const agent = await scriptAgent();
        const first = await contact(account.connect(COMMAND), agent.store);
        assert.deepEqual([first.umask, first.echo], [`0${umask}`, "tail \0\xff\n"]);
        assert.ok(first.uploadedBytes > 0);
        assert.equal((await contact(account.connect(COMMAND), agent.store)).uploadedBytes, 0);
        const files = (await account.listing()).filter((line) => / \.tsync/.test(line));
        assert.deepEqual(files, [`-rwx------ ${agent.bytes.length} .tsync/bin/${agent.name}`, ...ALWAYS]);
        await account.close();
      },
    });
  }
}

/** The launcher's own shell is /bin/sh; these stand in for other systems' /bin/sh. */
for (
  const sh of [
    "bash --posix",
    "bash",
    "zsh --emulate sh",
    "sh -eux",
    "bash -eu -o pipefail -o noclobber",
    "busybox sh",
    "mksh",
  ]
) {
  const [program, ...words] = sh.split(" ");
  Deno.test({
    name: `launcher: works where /bin/sh is ${sh}`,
    ignore: cannotHave(program),
    fn: async () => {
      const account = await Account.open({ shell: ["/bin/sh", "-c"] });
      const command = COMMAND.replace("/bin/sh", sh);
      assert.ok(command.includes(`exec ${[program, ...words].join(" ")} -c`));
      const agent = await scriptAgent(100_000);
      const first = await contact(account.connect(command), agent.store);
      const second = await contact(account.connect(command), agent.store);
      assert.deepEqual([first.echo, second.echo, second.uploadedBytes], ["tail \0\xff\n", "tail \0\xff\n", 0]);
      assert.deepEqual([first.umask, await account.installed()], ["0022", [agent.name]]);
      await account.close();
    },
  });
}

Deno.test("first contact: a home behind a link, with spaces and quotes in its name, gets the agent", async () => {
  const account = await Account.open();
  const real = `${account.folder}/a b 'c' "d" $(touch PWNED) ; é`;
  await Deno.mkdir(real, { mode: 0o700 });
  await Deno.symlink(real, `${account.folder}/link`);
  const linked = await Account.open({ home: `${account.folder}/link` });
  const agent = await scriptAgent();
  assert.ok((await contact(linked.connect(COMMAND), agent.store)).uploadedBytes > 0);
  assert.equal((await contact(linked.connect(COMMAND), agent.store)).uploadedBytes, 0);
  assert.ok((await Deno.stat(`${real}/.tsync/bin/${agent.name}`)).isFile);
  const names = [...Deno.readDirSync(account.folder)].map((entry) => entry.name).sort();
  assert.deepEqual(names, [real.slice(account.folder.length + 1), "home", "link", "rsh"].sort());
  await linked.close();
  await account.close();
});

Deno.test({
  name: "first contact: where HOME is another user's, as under sudo, the home of our own name gets the agent",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    const other = await Account.open();
    await Deno.chown(other.home, 12345, 12345);
    const own = await Account.open();
    await Deno.writeTextFile(`${own.folder}/passwd`, `root:x:0:0:root:${own.home}:/bin/sh\n`);
    const account = await Account.open({
      home: other.home,
      before: unshared(`mount --bind ${own.folder}/passwd /etc/passwd`),
    });
    const agent = await scriptAgent();
    assert.equal((await contact(account.connect(COMMAND), agent.store)).folder, other.home);
    assert.deepEqual([await own.installed(), await other.installed()], [[agent.name], []]);
    assert.deepEqual(await other.listing(), []);
    for (const each of [account, own, other]) await each.close();
  },
});

Deno.test("--rsync-path: words before rsync run the launcher, and its folder is the agent's", async () => {
  const account = await Account.open();
  const agent = await scriptAgent();
  const command = remoteCommand("mkdir -p deep/er && cd deep && env FOO=1 rsync").text;
  const { folder, echo } = await contact(account.connect(command), agent.store);
  assert.deepEqual([folder, echo], [`${account.home}/deep`, "tail \0\xff\n"]);
  assert.ok((await account.listing()).some((line) => line.endsWith("deep/er")));
  await account.close();
});

Deno.test("--rsync-path: another program is run as given, reads the launch line itself, and nothing is deployed", async () => {
  const account = await Account.open();
  await Deno.writeTextFile(
    `${account.home}/agent`,
    `#!/bin/sh\nread -r line\nTSYNC_LAUNCH=$line; ${(await scriptText()).slice(10)}`,
    {
      mode: 0o755,
    },
  );
  const { text, deploys } = remoteCommand("./agent");
  assert.equal(deploys, false);
  const met = await contact(account.connect(text), null);
  assert.deepEqual([met.uploadedBytes, met.hello, met.echo], [0, "a hello", "tail \0\xff\n"]);
  assert.deepEqual(await account.installed(), []);
  await account.close();
});

async function scriptText(): Promise<string> {
  return new TextDecoder().decode((await scriptAgent()).bytes);
}

Deno.test("login shells that run nothing: the message quotes them and says what to do", async () => {
  const cases: [string, string[], number[], RegExp][] = [
    ["nologin", ["/usr/sbin/nologin", "-c"], [5], /This account is currently not available.*may run commands/],
    ["a restricted bash", ["/bin/bash", "-r", "-c"], [5, 126, 127], /restricted.*normal shell/],
    ["false", ["/bin/false"], [5], /closed the connection \(code 1\)/],
    ["a shell that does not exist", ["/no/such/shell"], [127], /found no such program/],
  ];
  for (const [name, shell, codes, words] of cases) {
    const account = await Account.open({ shell });
    const error = await account.refusal((await scriptAgent()).store);
    await account.close();
    assert.ok(
      codes.includes(error.exitCode) && words.test(error.message),
      `${name}: ${error.exitCode} ${error.message}`,
    );
  }
});

Deno.test("--rsync-path: a program that does not exist or may not run gives the shell's own 127 and 126", async () => {
  for (const [path, code] of [["/no/such/agent", 127], ["/etc/passwd", 126]] as const) {
    const account = await Account.open();
    const error = await account.refusal(null, remoteCommand(path).text);
    await account.close();
    assert.ok(error.exitCode === code && error.message.includes("--rsync-path"), error.message);
  }
});

Deno.test("ssh that cannot connect: exit 255 and ssh's own words", async () => {
  const said: string[] = [];
  const transport = openSsh(
    { host: "there", user: null, rsh: "ssh -F none -o ProxyCommand=false" },
    COMMAND,
    (line) => said.push(line),
  );
  await assert.rejects(launchAgent(transport, HELLO, { agents: (await scriptAgent()).store }), (error: unknown) => {
    return error instanceof TsyncError && error.exitCode === 255 && error.message.includes(said.at(-1)!);
  });
});

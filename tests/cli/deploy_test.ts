// Deployment with the compiled programs: one file on the client, an empty account at the far side, one connection.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { AGENTS_COMMAND } from "../../lib/deploy/agents.ts";
import { Account, cannotHave, COMMAND, quote } from "../support/account.ts";
import { startSshServer } from "../support/ssh_server.ts";
import { startSshd } from "../support/sshd.ts";

/** The programs under test. */
const DIST = Deno.env.get("TSYNC_TEST_DIST") ?? new URL("../../dist/", import.meta.url).pathname;
const AGENT_BYTES = await Deno.readFile(`${DIST}tsync-remote`);
const HASH = new Uint8Array(await crypto.subtle.digest("SHA-256", AGENT_BYTES));
const NAME = "tsync-remote-" + Array.from(HASH, (byte) => byte.toString(16).padStart(2, "0")).join("");

interface Run {
  code: number;
  out: string;
  err: string;
}

interface RunOptions {
  program?: string;
  env?: Record<string, string>;
}

function start(args: string[], options: RunOptions = {}): Deno.ChildProcess {
  const { program = `${DIST}tsync`, env = {} } = options;
  return new Deno.Command(program, { args, env, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
}

async function tsync(args: string[], options: RunOptions = {}): Promise<Run> {
  const { code, stdout, stderr } = await start(args, options).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** A small tree to send, in the account's private folder but not in its home. */
async function makeSource(account: Account): Promise<string> {
  const source = `${account.folder}/source`;
  await Deno.mkdir(`${source}/folder`, { recursive: true });
  await Deno.writeTextFile(`${source}/folder/file`, "content\n");
  return source;
}

/** Exactly the built agent is installed, byte for byte. */
async function agentIsThere(account: Account): Promise<void> {
  assert.deepEqual(await account.installed(), [NAME]);
  const installed = await Deno.readFile(`${account.home}/.tsync/bin/${NAME}`);
  assert.equal(Buffer.compare(installed, AGENT_BYTES), 0, "the installed agent is dist/tsync-remote");
}

/** Inode, size and times of the installed agent: the same as long as nobody replaced it. */
async function identity(account: Account): Promise<string> {
  const { ino, size, mtime } = await Deno.lstat(`${account.home}/.tsync/bin/${NAME}`);
  return `${ino} ${size} ${mtime?.getTime()}`;
}

const ALWAYS = [
  `-rwx------ ${AGENT_BYTES.length} .tsync/bin/${NAME}`,
  "drwx------ 4096 .tsync",
  "drwx------ 4096 .tsync/bin",
];

Deno.test({
  name: "first contact over sshd: one connection, one authentication, nothing outside ~/.tsync but the target",
  ignore: cannotHave("sshd"),
  fn: async () => {
    const account = await Account.open();
    const source = await makeSource(account);
    await Deno.writeTextFile(`${account.home}/.bashrc`, `echo '${"Welcome. ".repeat(1100)}'\n`);
    const server = await startSshd({ home: account.home, shell: ["/bin/bash", "-c"] });
    try {
      const before = await account.listing();
      const push = () => tsync(["-a", "-e", server.rsh, `${source}/`, `${server.host}:target`]);
      const first = await push();
      assert.equal(first.code, 0, first.err);
      assert.match(first.err, /login printed before the agent started: Welcome\. Welcome/);
      assert.deepEqual(await server.counts(), { connections: 1, authentications: 1, subsystems: 0 });
      await agentIsThere(account);
      const after = (await account.listing()).filter((line) => !before.includes(line) && !/ target(\/|$)/.test(line));
      assert.deepEqual(after, ALWAYS);
      assert.equal(await Deno.readTextFile(`${account.home}/target/folder/file`), "content\n");

      const there = await identity(account);
      const second = await push();
      assert.equal(second.code, 0, second.err);
      assert.equal(await identity(account), there);
      assert.deepEqual(await server.counts(), { connections: 2, authentications: 2, subsystems: 0 });
      const pull = await tsync(["-a", "-e", server.rsh, `${server.host}:target/`, `${account.folder}/back`]);
      assert.equal(pull.code, 0, pull.err);
      assert.equal(await Deno.readTextFile(`${account.folder}/back/folder/file`), "content\n");
    } finally {
      await server.close();
      await account.close();
    }
  },
});

Deno.test({
  name:
    "first contact over ssh2's server, from one file alone: the agent crosses once, compressed; the second contact sends none",
  // ssh2 leaves the ciphers of a closed connection to the garbage collector.
  sanitizeResources: false,
  fn: async () => {
    const account = await Account.open();
    const source = await makeSource(account);
    const server = await startSshServer({ home: account.home });
    const program = `${account.folder}/tsync`;
    await Deno.copyFile(`${DIST}tsync`, program);
    try {
      const push = () => tsync(["-a", "-e", server.rsh, `${source}/`, `${server.host}:target`], { program });
      assert.deepEqual(await push(), { code: 0, out: "", err: "" });
      await agentIsThere(account);
      const first = server.counts.receivedBytes;
      assert.ok(first > 20e6 && first < 60e6, `${first} bytes`);
      assert.deepEqual(await push(), { code: 0, out: "", err: "" });
      assert.ok(server.counts.receivedBytes - first < 5000, `${server.counts.receivedBytes - first} bytes`);
      const { connections, authentications, sftp, commands } = server.counts;
      assert.deepEqual({ connections, authentications, sftp }, { connections: 2, authentications: 2, sftp: 0 });
      assert.deepEqual(commands, [COMMAND, COMMAND]);
    } finally {
      await server.close();
      await account.close();
    }
  },
});

Deno.test("two first contacts at once both work and leave one agent", async () => {
  const account = await Account.open();
  const source = await makeSource(account);
  const runs = await Promise.all(
    ["one", "two"].map((target) => tsync(["-a", "-e", account.rsh, `${source}/`, `there:${target}`])),
  );
  assert.deepEqual(runs, [{ code: 0, out: "", err: "" }, { code: 0, out: "", err: "" }]);
  await agentIsThere(account);
  for (const target of ["one", "two"]) {
    assert.equal(await Deno.readTextFile(`${account.home}/${target}/folder/file`), "content\n");
  }
  await account.close();
});

Deno.test("a client killed in the midst of the upload leaves no agent and no temporary file; the next run is a success", async () => {
  const account = await Account.open();
  const source = await makeSource(account);
  const args = ["-a", "-e", account.rsh, `${source}/`, "there:target"];
  const child = start(args);
  const upload = await firstUpload(account, child.status);
  child.kill("SIGKILL");
  await child.output();
  await gone(upload);
  assert.deepEqual(await account.installed(), []);
  assert.equal((await tsync(args)).code, 0);
  await agentIsThere(account);
  await account.close();
});

/** Waits for the upload to have some bytes; its path. */
async function firstUpload(account: Account, ended: Promise<unknown>): Promise<string> {
  let over = false;
  ended.then(() => over = true);
  while (!over) {
    for (const name of await account.installed()) {
      const path = `${account.home}/.tsync/bin/${name}`;
      const size = await Deno.stat(path).then((found) => found.size, () => 0);
      if (name.startsWith("new-") && size > 1_000_000 && size < AGENT_BYTES.length / 2) return path;
    }
    await new Promise((resume) => setTimeout(resume, 2));
  }
  throw new Error("the run was over before the upload was seen");
}

async function gone(path: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (!await Deno.stat(path).then(() => true, () => false)) return;
    await new Promise((resume) => setTimeout(resume, 20));
  }
  assert.fail(`${path} is still there`);
}

Deno.test("a client whose program file was changed does not send its agent: exit 5, and nothing is installed", async () => {
  const account = await Account.open();
  const source = await makeSource(account);
  const program = `${account.folder}/tsync`;
  const bytes = await Deno.readFile(`${DIST}tsync`);
  bytes[15] ^= 1; // Padding of the ELF header: nothing reads it, so the program runs.
  await Deno.writeFile(program, bytes, { mode: 0o755 });
  const run = await tsync(["-a", "-e", account.rsh, `${source}/`, "there:target"], { program });
  assert.equal(run.code, 5);
  assert.match(run.err, /program file of this tsync was changed.*install it anew/);
  assert.deepEqual(await account.installed(), []);
  await account.close();
});

Deno.test("another machine type: without its agent at hand the message says where to put it, and a wrong one is not sent", async () => {
  const account = await Account.open();
  const source = await makeSource(account);
  const other = Deno.build.arch === "x86_64" ? "aarch64" : "x86_64";
  // The far side says that it is the other machine, and has what that machine's programs need.
  const rsh = `${account.folder}/other-rsh`;
  const edits = `s/$(uname -sm)/$(echo Linux ${other})/; s,-e /lib[0-9a-z/._-]*,-e /dev/null,g`;
  await Deno.writeTextFile(
    rsh,
    `#!/bin/sh\nwhile test $# -gt 1; do shift; done\nexec ${
      quote(account.rsh)
    } there "$(printf '%s' "$1" | sed '${edits}')"\n`,
    { mode: 0o755 },
  );
  const home = `${account.folder}/client-home`;
  await Deno.mkdir(`${home}/.tsync/agents`, { recursive: true });
  const program = `${account.folder}/tsync`;
  await Deno.copyFile(`${DIST}tsync`, program);
  const push = () => tsync(["-a", "-e", rsh, `${source}/`, "there:target"], { program, env: { HOME: home } });
  for (const planted of [false, true]) {
    if (planted) await Deno.writeTextFile(`${home}/.tsync/agents/tsync-remote-${other}`, "#!/bin/sh\ntouch MARK\n");
    const run = await push();
    assert.equal(run.code, 5);
    assert.ok(
      run.err.includes(`a ${other} machine`) && run.err.includes(`${home}/.tsync/agents/tsync-remote-${other}`),
      run.err,
    );
    assert.deepEqual(await account.installed(), []);
  }
  await account.close();
});

Deno.test("tsync agent: lists, verifies and removes what is installed, and touches nothing else", async () => {
  const account = await Account.open();
  const source = await makeSource(account);
  const agent = (verb: string) => tsync(["agent", verb, "there"], { env: { TSYNC_RSH: account.rsh } });
  assert.match((await agent("list")).out, /no tsync-remote/);
  await tsync(["-a", "-e", account.rsh, `${source}/`, "there:target"]);
  const bin = `${account.home}/.tsync/bin`;
  const old = `tsync-remote-${"0".repeat(64)}`;
  await Deno.writeTextFile(`${bin}/${old}`, "an old one");
  await Deno.writeTextFile(`${bin}/mine`, "a user's");
  await Deno.writeTextFile(`${account.folder}/outside`, "far away");
  const linked = `tsync-remote-${"1".repeat(64)}`;
  await Deno.symlink(`${account.folder}/outside`, `${bin}/${linked}`);

  const list = await agent("list");
  assert.equal(list.code, 0);
  for (const name of [NAME, old, linked]) assert.ok(list.out.includes(name), list.out);
  assert.match(list.out.split("\n").find((line) => line.startsWith(NAME))!, /of this tsync/);
  const verify = await agent("verify");
  const states = Object.fromEntries(
    verify.out.split("\n").filter((line) => line !== "").map((
      line,
    ) => [line.split(" ")[0], /good|damaged/.exec(line)?.[0]]),
  );
  assert.deepEqual(states, { [NAME]: "good", [old]: "damaged", [linked]: "damaged" });
  const remove = await agent("remove");
  assert.equal(remove.code, 0, remove.err);
  assert.deepEqual(await account.installed(), ["mine"]);
  assert.equal(await Deno.readTextFile(`${account.folder}/outside`), "far away");
  await account.close();
});

Deno.test("tsync agent: a link at ~/.tsync or ~/.tsync/bin is not followed", async () => {
  for (const name of [".tsync", ".tsync/bin"]) {
    const account = await Account.open();
    const real = `${account.folder}/real`;
    await Deno.mkdir(`${real}/bin`, { recursive: true });
    for (const folder of [real, `${real}/bin`]) {
      await Deno.writeTextFile(`${folder}/tsync-remote-${"0".repeat(64)}`, "");
    }
    if (name === ".tsync/bin") await Deno.mkdir(`${account.home}/.tsync`, { mode: 0o700 });
    await Deno.symlink(real, `${account.home}/${name}`);
    const run = await tsync(["agent", "remove", "there"], { env: { TSYNC_RSH: account.rsh } });
    assert.equal(run.code, 5);
    assert.match(run.err, /is a link/);
    assert.ok(await Deno.stat(`${real}/bin/tsync-remote-${"0".repeat(64)}`));
    await account.close();
  }
  assert.ok(!AGENTS_COMMAND.includes("$(touch"));
});

Deno.test("host and user that ssh or a shell could misread are refused before anything is started", async () => {
  const account = await Account.open();
  const mark = `${account.folder}/MARK`;
  const rsh = `${account.folder}/marking-rsh`;
  await Deno.writeTextFile(rsh, `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
  await Deno.writeTextFile(`${account.folder}/f`, "");
  const remotes = [
    "a b",
    "$(id)",
    "x\ny",
    "%h",
    "a;b",
    "a'b",
    'a"b',
    "a`b",
    "a&b",
    "a|b",
    "a\\b",
    "-x@h",
    "u v@h",
    "$u@h",
  ];
  for (const remote of remotes) {
    const run = await tsync(["-e", rsh, `${account.folder}/f`, `${remote}:x`]);
    assert.equal(run.code, 1, `${remote}: ${run.err}`);
  }
  for (
    const args of [["--", `${account.folder}/f`, "-oProxyCommand=x:y"], [
      "-e",
      `${rsh} 'x`,
      `${account.folder}/f`,
      "h:x",
    ]]
  ) {
    assert.equal((await tsync(["-e", rsh, ...args])).code, 1, args.join(" "));
  }
  assert.equal(await Deno.stat(mark).then(() => true, () => false), false, "something was started");
  // The twin: a harmless host is passed on.
  await tsync(["-e", rsh, `${account.folder}/f`, "u@h-1.example:x"]);
  assert.ok(await Deno.stat(mark));
  await account.close();
});

Deno.test("no remote shell, ssh's own failure, and a missing --rsync-path have their codes and say what to do", async () => {
  const account = await Account.open();
  await Deno.writeTextFile(`${account.folder}/f`, "");
  const file = `${account.folder}/f`;
  const missing = await tsync([file, "there:x"], { env: { PATH: account.folder } });
  assert.equal(missing.code, 5);
  assert.match(missing.err, /cannot start the remote shell: ssh: .*install the OpenSSH client/);
  const refused = await tsync(["-e", "ssh -F none -o ProxyCommand=false", file, "there:x"]);
  assert.equal(refused.code, 255);
  assert.match(refused.err, /ssh could not connect or log in/);
  const absent = await tsync(["-e", account.rsh, "--rsync-path=/no/such/agent", file, "there:x"]);
  assert.equal(absent.code, 127);
  assert.match(absent.err, /--rsync-path/);
  await account.close();
});

Deno.test("--rsync-path: an agent installed by hand is run as given, and nothing is deployed", async () => {
  const account = await Account.open();
  const source = await makeSource(account);
  const run = await tsync(["-a", "-e", account.rsh, `--rsync-path=${DIST}tsync-remote`, `${source}/`, "there:target"]);
  assert.deepEqual(run, { code: 0, out: "", err: "" });
  assert.deepEqual(await account.installed(), []);
  assert.equal(await Deno.readTextFile(`${account.home}/target/folder/file`), "content\n");
  await account.close();
});

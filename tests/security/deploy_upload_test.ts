// G10, G11, F18: the upload of the agent when the link, the disk or the far side misbehaves. Only what has the right SHA-256 ever
// gets the agent's name, and no temporary file outlives its shell.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import type { LaunchLimits } from "../../lib/deploy/launch.ts";
import type { Transport } from "../../lib/transport/transport.ts";
import { Account, COMMAND, contact, quote, scriptAgent, storeOf, testAgent, unshared } from "../support/account.ts";

const ROOT = Deno.uid() === 0;

/** Lets the launch line pass, then shows every byte of the upload to `spoil`, which may change it; false cuts the stream there. */
function tamper(transport: Transport, spoil: (bytes: Uint8Array, offset: number) => boolean): Transport {
  let offset = -1;
  let cut = false;
  return {
    ...transport,
    source: transport.source,
    sink: {
      async write(bytes) {
        if (offset < 0) offset = 0;
        else if (!cut) {
          const copy = bytes.slice();
          cut = !spoil(copy, offset);
          offset += bytes.length;
          if (!cut) return await transport.sink.write(copy);
          await transport.sink.write(copy.subarray(0, copy.length >> 1)).catch(() => {});
          transport.sink.close();
        } else return;
        await transport.sink.write(bytes);
      },
      close: () => transport.sink.close(),
    },
  };
}

Deno.test("upload: one changed byte anywhere in the stream never gives a file its final name", async () => {
  const agent = await scriptAgent(40_000);
  const account = await Account.open();
  const length = (await contact(account.connect(COMMAND), agent.store)).uploadedBytes;
  await Deno.remove(`${account.home}/.tsync/bin/${agent.name}`);
  let refused = 0;
  for (let at = 0; at < length; at += Math.ceil(length / 60)) {
    const limits: LaunchLimits = { wholeMs: 5000, phaseMs: 5000, uploadIdleMs: 700 };
    const transport = tamper(account.connect(COMMAND), (bytes, offset) => {
      if (at >= offset && at < offset + bytes.length) bytes[at - offset] ^= 0x10;
      return true;
    });
    const error = await contact(transport, agent.store, "", { limits }).then(() => null, (error) => error);
    for (const name of await account.installed()) {
      if (name.startsWith("new-")) continue; // The shell that waits for a piece which never comes is still ending.
      assert.deepEqual(await Deno.readFile(`${account.home}/.tsync/bin/${name}`), agent.bytes, `byte ${at}`);
      await Deno.remove(`${account.home}/.tsync/bin/${name}`);
    }
    // gzip's own header has bits that mean nothing for the content.
    if (error !== null) refused++;
    else assert.ok(at < 16, `byte ${at} was changed and nobody noticed`);
  }
  assert.ok(refused >= 55, `${refused}`);
  await account.close();
});

Deno.test("upload: content other than the announced one is refused by its SHA-256 and removed", async () => {
  const agent = await scriptAgent(1000);
  const account = await Account.open();
  const other = agent.bytes.slice();
  other[other.length - 2] ^= 1;
  for (const bytes of [other, agent.bytes.subarray(0, -1), new Uint8Array([...agent.bytes, 0x0a]), new Uint8Array(0)]) {
    const error = await account.refusal(storeOf([agent.entry], () => bytes));
    assert.match(error.message, /damaged on the way/);
    assert.deepEqual(await account.installed(), []);
  }
  await account.close();
});

Deno.test("upload: cut off anywhere, it leaves neither the agent's name nor a temporary file", async () => {
  const agent = await scriptAgent(2_000_000);
  const account = await Account.open();
  for (let round = 0; round < 12; round++) {
    let pieces = 0;
    const transport = tamper(account.connect(COMMAND), () => pieces++ < round % 4);
    await assert.rejects(contact(transport, agent.store));
    assert.deepEqual(await account.installed(), [], `round ${round}`);
  }
  await account.close();
});

/** Waits until no process of the account runs any more. */
async function quiet(account: Account): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", `grep -lsz ${quote("HOME=" + account.home)} /proc/[0-9]*/environ | wc -l`],
    }).output();
    if (Number(new TextDecoder().decode(stdout)) === 0) return;
    await new Promise((resume) => setTimeout(resume, 20));
  }
  assert.fail("processes of the account still run");
}

Deno.test("upload: clients killed in the midst of it, many times, leave nothing; the next contact is a success", async () => {
  const agent = await scriptAgent(600_000);
  const account = await Account.open();
  const rounds = Deno.env.get("TSYNC_TEST_LONG") ? 100 : 25;
  for (let round = 0; round < rounds; round++) {
    const transport = account.connect(COMMAND);
    let seen = 0;
    const dying = tamper(transport, (_, offset) => {
      // A killed client: its ends of the pipes are closed by the system, at some byte.
      if (offset >= seen) seen = offset;
      return offset < (round * 37_000) % 300_000;
    });
    await contact(dying, agent.store).catch(() => {});
    if ((await account.installed()).includes(agent.name)) {
      assert.deepEqual(await Deno.readFile(`${account.home}/.tsync/bin/${agent.name}`), agent.bytes);
      await Deno.remove(`${account.home}/.tsync/bin/${agent.name}`);
    }
  }
  await quiet(account);
  assert.deepEqual(await account.installed(), []);
  assert.ok((await contact(account.connect(COMMAND), agent.store)).uploadedBytes > 0);
  assert.deepEqual(await account.installed(), [agent.name]);
  await account.close();
});

Deno.test("upload: a launcher that is killed leaves a temporary file at most, and a later contact sweeps it", async () => {
  const agent = await scriptAgent(600_000);
  const account = await Account.open();
  const transport = account.connect(COMMAND);
  const killed = tamper(transport, (_, offset) => {
    if (offset > 0) transport.kill();
    return true;
  });
  await contact(killed, agent.store).catch(() => {});
  await quiet(account);
  const left = `${account.home}/.tsync/bin/new-0123456789abcdef0123456789abcdef`;
  await Deno.writeTextFile(left, "half an agent", { mode: 0o600 });
  const fresh = `${account.home}/.tsync/bin/new-fedcba9876543210fedcba9876543210`;
  await Deno.writeTextFile(fresh, "another client's, at work now", { mode: 0o600 });
  await Deno.utime(left, new Date(Date.now() - 49 * 3600e3), new Date(Date.now() - 49 * 3600e3));
  await contact(account.connect(COMMAND), agent.store);
  assert.deepEqual(await account.installed(), [fresh.slice(fresh.lastIndexOf("/") + 1), agent.name]);
  await account.close();
});

Deno.test("upload: several first contacts at once all work and leave one agent", async () => {
  const agent = await scriptAgent(300_000);
  for (let round = 0; round < 5; round++) {
    const account = await Account.open();
    const met = await Promise.all(
      Array.from({ length: 4 }, () => contact(account.connect(COMMAND), agent.store)),
    );
    for (const each of met) assert.equal(each.echo, "tail \0\xff\n");
    assert.deepEqual(await account.installed(), [agent.name]);
    assert.deepEqual(await Deno.readFile(`${account.home}/.tsync/bin/${agent.name}`), agent.bytes);
    await account.close();
  }
});

Deno.test({
  name: "upload: a full disk is named, the room is given back, and the message says what to do",
  ignore: !ROOT,
  fn: async () => {
    const account = await Account.open();
    const mount = async (...args: string[]) => {
      const { success, stderr } = await new Deno.Command(args[0], { args: args.slice(1) }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
    };
    await mount("mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", account.home);
    try {
      const big = await testAgent(utf8("#!/bin/sh\n" + "x".repeat(3_000_000)));
      const error = await account.refusal(big.store);
      assert.match(error.message, /cannot unpack the agent: .*No space left on device; the agent needs 100 MB/);
      assert.deepEqual(await account.installed(), []);
    } finally {
      await mount("umount", account.home);
      await account.close();
    }
  },
});

Deno.test({
  name: "upload: a read-only home and a noexec home are refused with what to do, the first before anything is sent",
  ignore: !ROOT,
  fn: async () => {
    const agent = await scriptAgent();
    const home = (await Account.open()).home;
    const readOnly = await Account.open({
      home,
      before: unshared(`mount --bind ${home} ${home} && mount -o remount,bind,ro ${home} && cd ${home}`),
    });
    const error = await readOnly.refusal({ find: agent.store.find, open: () => assert.fail("asked for the agent") });
    assert.match(
      error.message,
      /cannot write to the home folder: .*Read-only file system; make it writable.*--rsync-path/,
    );
    const noexec = await Account.open({
      home,
      before: unshared(`mount --bind ${home} ${home} && mount -o remount,bind,noexec ${home} && cd ${home}`),
    });
    assert.match((await noexec.refusal(agent.store)).message, /cannot run here: .*ermission denied; .*noexec/);
    assert.deepEqual(await noexec.installed(), []);
    for (const account of [readOnly, noexec]) await account.close();
    await Deno.remove(home.slice(0, -"/home".length), { recursive: true });
  },
});

Deno.test("upload: an agent that does not start here never gets its name, and the reason is quoted", async () => {
  const account = await Account.open();
  const broken = await testAgent(utf8("#!/bin/sh\necho \"version 'GLIBC_2.27' not found\" >&2\nexit 1\n"));
  assert.match(
    (await account.refusal(broken.store)).message,
    /cannot run here: version 'GLIBC_2.27' not found; .*glibc 2.27 or later/,
  );
  assert.deepEqual(await account.installed(), []);
  const musl = COMMAND.replace(/\/lib(64)?\/ld-linux-[a-z0-9_-]+\.so\.[12]/g, "/nonexistent");
  assert.notEqual(musl, COMMAND);
  const error = await account.refusal((await scriptAgent()).store, musl);
  assert.match(error.message, /no glibc on this machine; .*musl/);
  await account.close();
});

/** The launcher with a PATH that has only `tools`: the names of programs, or name=path of another one. */
async function withTools(account: Account, tools: string[]): Promise<string> {
  const folder = `${account.folder}/tools${Math.random()}`;
  await Deno.mkdir(folder);
  for (const tool of tools) {
    const [name, path] = tool.split("=");
    const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${path ?? name}`] }).output();
    await Deno.symlink(new TextDecoder().decode(stdout).trim(), `${folder}/${name}`);
  }
  const command = COMMAND.replace("PATH=/usr/bin:/bin:/usr/sbin:/sbin${PATH:+:$PATH};", `PATH=${folder};`);
  assert.notEqual(command, COMMAND);
  return command;
}

const BASIC = ["ls", "id", "uname", "mkdir", "cat", "chmod", "mv", "rm", "find"];

Deno.test("upload: works with each hash tool, and where head or dd take more than they were asked for", async () => {
  const agent = await scriptAgent(3000);
  const account = await Account.open();
  const greedy = `${account.folder}/greedy`;
  await Deno.writeTextFile(greedy, "#!/bin/sh\nexec cat\n", { mode: 0o755 });
  const sets = [
    ["gzip", "head", "sha256sum"],
    ["gzip", "head", "shasum", "perl", "env"],
    ["gzip", "head", "openssl"],
    ["gzip", "dd", "sha256sum"],
    ["gzip", `head=${greedy}`, "dd", "sha256sum"],
  ];
  const old = `${account.folder}/old-dd`;
  await Deno.writeTextFile(old, `#!/bin/sh\ncase "$*" in *iflag*) exit 1 ;; esac\nexec /bin/dd "$@"\n`, {
    mode: 0o755,
  });
  sets.push(["gzip", `head=${greedy}`, `dd=${old}`, "sha256sum"]);
  for (const tools of sets) {
    const met = await contact(account.connect(await withTools(account, [...BASIC, ...tools])), agent.store);
    assert.ok(met.uploadedBytes > 0 && met.echo === "tail \0\xff\n", tools.join(" "));
    await Deno.remove(`${account.home}/.tsync/bin/${agent.name}`);
  }
  for (
    const [tools, words] of [[["head", "sha256sum"], /gzip is missing; install it/], [
      ["gzip", "head"],
      /sha256sum, shasum and openssl are missing/,
    ]] as const
  ) {
    assert.match((await account.refusal(agent.store, await withTools(account, [...BASIC, ...tools]))).message, words);
  }
  await account.close();
});

Deno.test("another machine type: the agent for it is asked for by a second line, on the same stream", async () => {
  const here = Deno.build.arch;
  const there = here === "x86_64" ? "aarch64" : "x86_64";
  const agent = await scriptAgent(1000);
  const foreign = await testAgent(utf8("#!/bin/sh\nexit 1\n"), here);
  // The far side says it is the other machine; the client's first line was for its own.
  const account = await Account.open();
  const command = COMMAND.replace("$(uname -sm)", `$(echo Linux ${there})`);
  const entries = [foreign.entry, { ...agent.entry, machine: there }];
  const loader = there === "aarch64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";
  const store = storeOf(entries, (asked) => asked.machine === there ? agent.bytes : assert.fail("the wrong agent"));
  const runnable = command.replace(loader, "/dev/null");
  const first = await contact(account.connect(runnable), store);
  assert.ok(first.uploadedBytes > 0 && first.echo === "tail \0\xff\n");
  assert.equal((await contact(account.connect(runnable), store)).uploadedBytes, 0);
  assert.deepEqual(await account.installed(), [agent.name]);
  for (
    const [machine, words] of [["riscv64", /a riscv64 machine; there is no agent/], [
      "Darwin",
      /this is Darwin arm64/,
    ]] as const
  ) {
    const other = COMMAND.replace(
      "$(uname -sm)",
      machine === "Darwin" ? "$(echo Darwin arm64)" : `$(echo Linux ${machine})`,
    );
    assert.match((await account.refusal(store, other)).message, words);
  }
  await account.close();
});

const SHORT: LaunchLimits = { wholeMs: 600, phaseMs: 250, uploadIdleMs: 300 };

/** Contacts with a far side that runs `script` instead of the launcher. */
async function farSide(
  script: string,
  limits?: LaunchLimits,
): Promise<{ message: string; exitCode: number; ms: number }> {
  const account = await Account.open();
  const agent = await scriptAgent(2_000_000);
  const started = performance.now();
  const error = await account.refusal(agent.store, script, { limits });
  const ms = performance.now() - started;
  await account.close();
  return { message: error.message, exitCode: error.exitCode, ms };
}

Deno.test("a far side that speaks and falls silent, drips, or never takes the agent ends by a limit", async () => {
  const cases: [string, string, RegExp][] = [
    ["silent after a word", "echo hi; exec sleep 100", /fell silent during the handshake for 0.25 s/],
    ["drips", "while :; do echo x; sleep 0.05; done", /(fell silent|did not finish)/],
    [
      "needs and drips",
      `read -r a m r; echo "$m NEED ${Deno.build.arch}"; exec sleep 100`,
      /upload of the agent stood still for 0.3 s/,
    ],
    [
      "takes all and says nothing",
      `read -r a m r; echo "$m NEED ${Deno.build.arch}"; cat >/dev/null; sleep 100`,
      /stood still/,
    ],
  ];
  for (const [name, script, words] of cases) {
    const { message, exitCode, ms } = await farSide(script, SHORT);
    assert.match(message, words, name);
    assert.equal(exitCode, 5);
    assert.ok(ms < 8000, `${name}: ${ms} ms`);
  }
});

Deno.test("noise: 64 KiB before the agent are borne, endless noise is refused with what to do", async () => {
  const account = await Account.open({
    shell: ["/bin/sh", "-c", 'head -c 65536 /dev/zero | tr "\\0" "x"; eval "$1"', "sh"],
  });
  const agent = await scriptAgent();
  const met = await contact(account.connect(COMMAND), agent.store);
  assert.equal(met.echo, "tail \0\xff\n");
  assert.match(met.noise, /^x{400}\.\.\. \(65536 bytes\)$/);
  await account.close();
  for (const script of ["exec yes", "exec cat /dev/zero", `read -r a m r; while :; do echo "$m MAYBE"; done`]) {
    const { message, exitCode } = await farSide(script);
    assert.match(message, /printed more than 64 KiB.*start-up files silent/, script);
    assert.equal(exitCode, 5);
  }
});

Deno.test("hostile far side: asks twice, answers before it has the agent, names nonsense: refused", async () => {
  const need = `read -r a m r; echo "$m NEED ${Deno.build.arch}"`;
  const cases: [string, RegExp][] = [
    // It takes nothing for a while, so that the upload cannot be through before the answer is seen.
    [`${need}; echo "$m OK"; sleep 1; cat >/dev/null`, /answered before it had the agent/],
    [
      `${need}; while read -r n && test "$n" -gt 0; do head -c $n >/dev/null; done; echo "$m NEED ${Deno.build.arch}"; cat`,
      /a second time/,
    ],
    [`read -r a m r; echo "$m NEED mips"; cat`, /a mips machine; there is no agent/],
    [`read -r a m r; printf "%s FAIL \\033[2Jgone\\n" "$m"`, /cannot start the agent: \\#033\[2Jgone/],
  ];
  for (const [script, words] of cases) assert.match((await farSide(script)).message, words, script);
});

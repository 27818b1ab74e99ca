// R18, G10: which file at the agent's place is executed. A planted file is a canary that leaves a mark when it runs.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { Account, COMMAND, contact, scriptAgent, type TestAgent, unshared } from "../support/account.ts";

const ROOT = Deno.uid() === 0;

class Place {
  private constructor(
    readonly account: Account,
    readonly agent: TestAgent,
    /** Where the agent belongs. */
    readonly file: string,
    readonly bin: string,
    readonly mark: string,
  ) {}

  /** A home with ~/.tsync/bin and, unless `bare`, a canary at the agent's place that passes every check. */
  static async open(bare = false): Promise<Place> {
    const account = await Account.open();
    const agent = await scriptAgent(5000);
    const bin = `${account.home}/.tsync/bin`;
    await Deno.mkdir(bin, { recursive: true, mode: 0o700 });
    const place = new Place(account, agent, `${bin}/${agent.name}`, bin, `${account.folder}/MARK`);
    if (!bare) await place.plant(place.file);
    return place;
  }

  /** Writes a canary of the agent's size, or of `bytes`. */
  async plant(path: string, bytes = this.agent.bytes.length): Promise<void> {
    const script =
      `#!/bin/sh\necho ran >>${this.mark}\nset -- $TSYNC_LAUNCH\necho "$2 OK"\necho\necho\necho\nexec cat\n`;
    await Deno.writeFile(path, utf8(script + "#".repeat(bytes - script.length)), { mode: 0o700 });
    await Deno.chmod(path, 0o700);
  }

  async ran(): Promise<boolean> {
    return await Deno.stat(this.mark).then(() => true, () => false);
  }

  /** One contact: uploads what must be uploaded and never runs the canary. */
  async replaces(what: string): Promise<void> {
    const met = await contact(this.account.connect(COMMAND), this.agent.store);
    assert.ok(met.uploadedBytes > 0, `${what}: nothing was uploaded`);
    assert.equal(met.echo, "tail \0\xff\n", what);
    assert.equal(await this.ran(), false, `${what}: the canary ran`);
    const found = await Deno.lstat(this.file);
    assert.ok(found.isFile && found.nlink === 1 && found.mode! % 0o10000 === 0o700, what);
    assert.deepEqual(await Deno.readFile(this.file), this.agent.bytes, what);
    const again = await contact(this.account.connect(COMMAND), this.agent.store);
    assert.equal(again.uploadedBytes, 0, what);
  }

  /** One contact that must be refused, before anything is sent, run or written. */
  async refuses(what: string, words: RegExp): Promise<void> {
    const before = await this.account.listing();
    const error = await this.account.refusal({
      find: this.agent.store.find,
      open: () => assert.fail(`${what}: the agent was asked for`),
    });
    assert.equal(error.exitCode, 5);
    assert.match(error.message, words, what);
    assert.equal(await this.ran(), false, `${what}: the canary ran`);
    assert.deepEqual(await this.account.listing(), before, what);
  }

  async close(): Promise<void> {
    await this.account.close();
  }
}

Deno.test("agent file: one that passes every check is executed without an upload (twin of all that follows)", async () => {
  const place = await Place.open();
  const met = await contact(place.account.connect(COMMAND), {
    find: place.agent.store.find,
    open: () => assert.fail("the agent was asked for"),
  });
  assert.equal(met.echo, "tail \0\xff\n");
  assert.equal(await place.ran(), true);
  await place.close();
});

const BAD_FILES: [string, (place: Place) => Promise<void>][] = [
  ["truncated by one byte", (p) => p.plant(p.file, p.agent.bytes.length - 1)],
  ["longer by one byte", (p) => p.plant(p.file, p.agent.bytes.length + 1)],
  ["empty", async (p) => await Deno.truncate(p.file, 0)],
  ["writable by its group", async (p) => await Deno.chmod(p.file, 0o720)],
  ["writable by others", async (p) => await Deno.chmod(p.file, 0o702)],
  ["open to all", async (p) => await Deno.chmod(p.file, 0o777)],
  ["readable by others", async (p) => await Deno.chmod(p.file, 0o755)],
  ["not executable", async (p) => await Deno.chmod(p.file, 0o600)],
  ["set-user-id", async (p) => await Deno.chmod(p.file, 0o4700)],
  ["a hard link of another file", async (p) => await Deno.link(p.file, `${p.account.folder}/other`)],
  ["a link to a canary that passes", async (p) => {
    await Deno.rename(p.file, `${p.account.folder}/other`);
    await Deno.symlink(`${p.account.folder}/other`, p.file);
  }],
  ["a dangling link", async (p) => {
    await Deno.remove(p.file);
    await Deno.symlink(`${p.account.folder}/nowhere`, p.file);
  }],
  ["a link to a folder", async (p) => {
    await Deno.remove(p.file);
    await Deno.symlink(p.account.folder, p.file);
  }],
  ["a FIFO", async (p) => {
    await Deno.remove(p.file);
    await new Deno.Command("mkfifo", { args: ["-m", "700", p.file] }).output();
  }],
];

for (const [what, spoil] of BAD_FILES) {
  Deno.test(`agent file: ${what} is never executed, and a good one takes its place`, async () => {
    const place = await Place.open();
    await spoil(place);
    const outside = (await names(place.account.folder)).filter((name) => name !== "MARK");
    await place.replaces(what);
    // Nothing went through a link, and what stood at its end is as it was.
    assert.deepEqual(await names(place.account.folder), outside);
    const other = await Deno.readTextFile(`${place.account.folder}/other`).catch(() => "#!/bin/sh\necho ran");
    assert.ok(other.startsWith("#!/bin/sh\necho ran"));
    await place.close();
  });
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name).sort();
}

for (const [owner, uid, gid] of [["another user", 12345, 0], ["another user and group", 12345, 12345]] as const) {
  Deno.test({
    name: `agent file: one that belongs to ${owner} is never executed`,
    ignore: !ROOT,
    fn: async () => {
      const place = await Place.open();
      await Deno.chown(place.file, uid, gid);
      await place.replaces(owner);
      await place.close();
    },
  });
}

Deno.test("agent file: a folder at its place is refused by name", async () => {
  const place = await Place.open(true);
  await Deno.mkdir(place.file);
  await place.refuses("a folder", /tsync-remote-[0-9a-f]{64} is a folder; remove it/);
  await place.close();
});

const BAD_FOLDERS: [string, (place: Place, tsync: string) => Promise<void>, RegExp][] = [
  ["~/.tsync is open to its group", (_, tsync) => Deno.chmod(tsync, 0o750), /\.tsync is open to others.*chmod 700/],
  ["~/.tsync is open to others", (_, tsync) => Deno.chmod(tsync, 0o701), /\.tsync is open to others/],
  ["~/.tsync is open to all and sticky", (_, tsync) => Deno.chmod(tsync, 0o1777), /\.tsync is open to others/],
  ["~/.tsync/bin is open to others", (p) => Deno.chmod(p.bin, 0o755), /\.tsync\/bin is open to others/],
  ["~/.tsync is a link", async (_, tsync) => {
    await Deno.rename(tsync, `${tsync}-real`);
    await Deno.symlink(`${tsync}-real`, tsync);
  }, /\.tsync.* is a (link|not a folder)/],
  ["~/.tsync/bin is a link", async (p) => {
    await Deno.rename(p.bin, `${p.bin}-real`);
    await Deno.symlink("bin-real", p.bin);
  }, /bin.* is a link/],
  ["~/.tsync is a file", async (_, tsync) => {
    await Deno.remove(tsync, { recursive: true });
    await Deno.writeTextFile(tsync, "");
  }, /\.tsync is not a folder/],
  ["the home is writable by all", (p) => Deno.chmod(p.account.home, 0o777), /others may change .*home; run: chmod o-w/],
  [
    "the folder above the home is writable by all",
    (p) => Deno.chmod(p.account.folder, 0o757),
    /others may change .*; run: chmod o-w/,
  ],
];

for (const [what, spoil, words] of BAD_FOLDERS) {
  Deno.test(`agent folders: ${what}: nothing is executed, sent or written`, async () => {
    const place = await Place.open();
    await spoil(place, `${place.account.home}/.tsync`);
    await place.refuses(what, words);
    await place.close();
  });
}

const FOREIGN: [string, (place: Place, tsync: string) => Promise<void>, RegExp][] = [
  [
    "~/.tsync belongs to another user",
    (_, tsync) => Deno.chown(tsync, 12345, 0),
    /\.tsync belongs to user 12345, not to 0/,
  ],
  ["~/.tsync/bin belongs to another user", (p) => Deno.chown(p.bin, 12345, 0), /bin belongs to user 12345/],
  ["the home is writable by a group of others", async (p) => {
    await Deno.chown(p.account.home, 0, 12345);
    await Deno.chmod(p.account.home, 0o770);
  }, /group 12345 may change .*chmod g-w/],
];

for (const [what, spoil, words] of FOREIGN) {
  Deno.test({
    name: `agent folders: ${what}: nothing is executed, sent or written`,
    ignore: !ROOT,
    fn: async () => {
      const place = await Place.open();
      await spoil(place, `${place.account.home}/.tsync`);
      await place.refuses(what, words);
      await place.close();
    },
  });
}

Deno.test("agent folders: sticky folders above, a group of one's own and set-group-id folders are no reason to refuse", async () => {
  for (const [path, mode] of [["", 0o1777], ["/home", 0o775], ["/home/.tsync", 0o2700]] as const) {
    const place = await Place.open(true);
    await Deno.chmod(place.account.folder + path, mode);
    await place.replaces(`${path} with mode ${mode.toString(8)}`);
    await place.close();
  }
});

Deno.test({
  name: "agent file: where the file system was remounted noexec, the second contact says so",
  ignore: !ROOT,
  fn: async () => {
    const place = await Place.open(true);
    await place.replaces("the first contact");
    const home = place.account.home;
    const noexec = await Account.open({
      home,
      before: unshared(`mount --bind ${home} ${home} && mount -o remount,bind,noexec ${home} && cd ${home}`),
    });
    for (const sh of ["/bin/sh", "bash"]) {
      const error = await noexec.refusal(place.agent.store, COMMAND.replace("/bin/sh", sh));
      assert.match(error.message, /cannot run here: exec of .* was refused; .*noexec.*--rsync-path/, sh);
    }
    await noexec.close();
    await place.close();
  },
});

// The real OpenSSH server on a loopback port, with its own configuration, host key and authorized key. Used by tests and
// the benchmark. Promises: it runs as whoever runs the test and lets only that user in; the shell and the home folder are
// those the test names; nothing of it is left after close().

import { freePort, waitForPort } from "./ports.ts";

export interface SshdOptions {
  /** HOME of the sessions and the folder they start in; default: the user's own. */
  home?: string;
  /** The login shell and its words before the command; default: the user's own. Needs `home`. */
  shell?: string[];
  /** What stands before the key in authorized_keys: `restrict,command="..."`. */
  keyOptions?: string;
  /** More lines for sshd_config. */
  config?: string[];
}

export interface Sshd {
  readonly port: number;
  /** For -e: the system's ssh with a private configuration that knows this server's host key and our key. */
  readonly rsh: string;
  /** A host name of that configuration. */
  readonly host: string;
  /** What sshd has noted so far. */
  counts(): Promise<{ connections: number; authentications: number; subsystems: number }>;
  log(): Promise<string>;
  close(): Promise<void>;
}

const HOST = "throwaway";

/** Starts sshd and waits until it takes connections. Throws with what to install when there is none. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const program = await findSshd();
  const folder = await Deno.makeTempDir({ prefix: "tsync-sshd-" });
  for (const name of ["host_key", "key"]) {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", `${folder}/${name}`]);
  }
  const key = await Deno.readTextFile(`${folder}/key.pub`);
  await Deno.writeTextFile(`${folder}/authorized_keys`, options.keyOptions ? `${options.keyOptions} ${key}` : key);
  // sshd refuses to start as root without the folder it confines itself to.
  if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const port = freePort();
  const user = await run("id", ["-un"]);
  await Deno.writeTextFile(`${folder}/sshd_config`, serverConfig(folder, port, user, options));
  await Deno.writeTextFile(`${folder}/config`, await clientConfig(folder, port, user));
  const server = new Deno.Command(program, {
    args: ["-D", "-f", `${folder}/sshd_config`, "-E", `${folder}/log`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const log = () => Deno.readTextFile(`${folder}/log`).catch(() => "");
  const close = async () => {
    server.kill("SIGTERM");
    await server.status;
    await Deno.remove(folder, { recursive: true });
  };
  const probe = await waitForPort(port, server.status);
  if (probe === 0) {
    const said = await log();
    await Deno.remove(folder, { recursive: true });
    throw new Error(`sshd does not start: ${said}`);
  }
  return {
    port,
    rsh: `ssh -F ${folder}/config`,
    host: HOST,
    counts: async () => countLines((await log()).split("\n"), probe),
    log,
    close,
  };
}

async function findSshd(): Promise<string> {
  for (const program of ["/usr/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd"]) {
    if (await Deno.stat(program).then((found) => found.isFile, () => false)) return program;
  }
  throw new Error("there is no sshd: install openssh-server (sh scripts/setup.sh --tests as root does)");
}

function serverConfig(folder: string, port: number, user: string, options: SshdOptions): string {
  const lines = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${folder}/host_key`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    `PidFile ${folder}/pid`,
    `AllowUsers ${user}`,
    "PermitRootLogin prohibit-password",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    // The temporary folder above the key belongs to everyone.
    "StrictModes no",
    "UsePAM no",
    "PrintMotd no",
    "UseDNS no",
    "LogLevel VERBOSE",
    "MaxStartups 100",
    ...options.config ?? [],
  ];
  const { home, shell } = options;
  if (home !== undefined) {
    // bash reads its start-up file only in what it takes for the outermost shell.
    const words = [...shell ?? ["/bin/sh", "-c"]].map(quote).join(" ");
    lines.push(
      `ForceCommand cd ${quote(home)} && exec env -u SHLVL HOME=${quote(home)} ${words} "$SSH_ORIGINAL_COMMAND"`,
    );
  }
  return lines.join("\n") + "\n";
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

async function clientConfig(folder: string, port: number, user: string): Promise<string> {
  const [type, key] = (await Deno.readTextFile(`${folder}/host_key.pub`)).split(" ");
  await Deno.writeTextFile(`${folder}/known_hosts`, `[127.0.0.1]:${port} ${type} ${key}\n`);
  return [
    `Host ${HOST}`,
    "  HostName 127.0.0.1",
    `  Port ${port}`,
    `  User ${user}`,
    `  IdentityFile ${folder}/key`,
    "  IdentitiesOnly yes",
    "  IdentityAgent none",
    `  UserKnownHostsFile ${folder}/known_hosts`,
    "  GlobalKnownHostsFile none",
    "  StrictHostKeyChecking yes",
    "  BatchMode yes",
    "  ControlPath none",
    "  LogLevel ERROR",
    "",
  ].join("\n");
}

/** `probe`: the port from which we looked whether sshd is there. */
function countLines(lines: string[], probe: number) {
  const count = (form: RegExp) =>
    lines.filter((line) => form.test(line) && !line.includes(` port ${probe} on `)).length;
  return {
    connections: count(/^Connection from /),
    authentications: count(/^Accepted publickey for /),
    subsystems: count(/subsystem|sftp/i),
  };
}

async function run(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`${program}: ${text(stderr)}`);
  return text(stdout);
}

// A real sshd on loopback with its own configuration, keys and home, and ssh's configuration to reach it: directly as host "bench", or
// over a line of links.ts. Started once by main.ts; nothing of the user's or the system's is changed.

import { type LinkName, LINKS, NO_LIMIT, type OpenLink, openLink } from "./links.ts";
import type { CpuAccount } from "./meter.ts";

/** "counted": loopback, through a line without a limit that counts bytes. */
export type Way = LinkName | "counted";

export interface FarSide {
  /** The words of -e, for all tools. */
  rsh: string;
  /** A folder with an `ssh` that reaches the hosts without options. */
  bin: string;
  /** The home of the far account; it exists and is empty. */
  home: string;
  /** The listener and the lines. */
  pids(): number[];
  /** The host's name over this way; a line is opened, and checked, when it is first asked for. */
  host(way: Way): Promise<string>;
  /** Bytes that crossed since the last call. */
  takeCounts(way: Exclude<Way, "loopback">): Promise<{ upBytes: number; downBytes: number }>;
  close(): Promise<void>;
}

export async function openFarSide(folder: string, account: CpuAccount, say: (text: string) => void): Promise<FarSide> {
  const home = `${folder}/home`;
  Deno.mkdirSync(home, { recursive: true, mode: 0o700 });
  for (const name of ["host_key", "user_key"]) {
    await must("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", `${folder}/${name}`]);
  }
  const port = freePort();
  Deno.writeTextFileSync(
    `${folder}/sshd_config`,
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${folder}/host_key`,
      `AuthorizedKeysFile ${folder}/user_key.pub`,
      "PidFile none",
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "PermitRootLogin prohibit-password",
      "PrintMotd no",
      "PrintLastLog no",
      "UseDNS no",
      "MaxStartups 100",
      "Subsystem sftp internal-sftp",
      "LogLevel ERROR",
      `SetEnv HOME=${home}`,
    ].join("\n") + "\n",
  );
  if (Deno.uid() === 0) Deno.mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const sshd = ["/usr/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd"].find((path) => exists(path));
  if (sshd === undefined) throw new Error("sshd is missing: install openssh-server");
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      'echo $$ >"$0" && exec "$@"',
      account.entrance,
      sshd,
      "-D",
      "-E",
      `${folder}/log`,
      "-f",
      `${folder}/sshd_config`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();

  const hostKey = Deno.readTextFileSync(`${folder}/host_key.pub`);
  Deno.writeTextFileSync(`${folder}/known_hosts`, `bench ${hostKey}`);
  const ports = new Map<Way, number>([["loopback", port]]);
  writeClientFiles(folder, ports);
  await listening(port);
  const links = new Map<Way, OpenLink>();
  const linkOf = async (way: Exclude<Way, "loopback">): Promise<OpenLink> => {
    const known = links.get(way);
    if (known !== undefined) return known;
    const link = await openLink(way === "counted" ? NO_LIMIT : LINKS[way], port, say);
    links.set(way, link);
    ports.set(way, link.port);
    writeClientFiles(folder, ports);
    return link;
  };
  return {
    rsh: `ssh -F ${folder}/ssh_config`,
    bin: `${folder}/bin`,
    home,
    pids: () => [child.pid, ...[...links.values()].map((link) => link.pid)],
    async host(way) {
      if (way !== "loopback") await linkOf(way);
      return hostOf(way);
    },
    takeCounts: async (way) => await (await linkOf(way)).takeCounts(),
    async close() {
      for (const link of links.values()) await link.close();
      try {
        child.kill();
      } catch {
        // An interrupt of the terminal has ended it.
      }
      await child.status;
    },
  };
}

function hostOf(way: Way): string {
  return way === "loopback" ? "bench" : `bench-${way}`;
}

/** ssh's configuration, and an ssh that takes it by itself. */
function writeClientFiles(folder: string, ports: Map<Way, number>): void {
  Deno.writeTextFileSync(
    `${folder}/ssh_config`,
    [
      ...[...ports].flatMap(([way, port]) => [`Host ${hostOf(way)}`, `  Port ${port}`]),
      "Host *",
      "  HostName 127.0.0.1",
      "  HostKeyAlias bench",
      `  IdentityFile ${folder}/user_key`,
      "  IdentitiesOnly yes",
      "  IdentityAgent none",
      `  UserKnownHostsFile ${folder}/known_hosts`,
      "  GlobalKnownHostsFile /dev/null",
      "  StrictHostKeyChecking yes",
      "  BatchMode yes",
      "  ControlPath none",
      "  LogLevel ERROR",
    ].join("\n") + "\n",
  );
  Deno.mkdirSync(`${folder}/bin`, { recursive: true });
  const ssh = ["/usr/bin/ssh", "/bin/ssh", "/usr/local/bin/ssh"].find((path) => exists(path)) ?? "ssh";
  Deno.writeTextFileSync(`${folder}/bin/ssh`, `#!/bin/sh\nexec ${ssh} -F ${folder}/ssh_config "$@"\n`, { mode: 0o755 });
}

async function must(program: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function listening(port: number): Promise<void> {
  for (const deadline = performance.now() + 10_000;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

// A real sshd on loopback with its own configuration, keys and home, and ssh's configuration to reach it: directly as host "bench",
// through a pipe that counts bytes as host "bench-counted". Started once by main.ts; nothing of the user's or the system's is changed.

import type { CpuAccount } from "./meter.ts";

export interface FarSide {
  /** The words of -e, for both tools. */
  rsh: string;
  /** The home of the far account; it exists and is empty. */
  home: string;
  pid: number;
  /** Bytes that crossed "bench-counted" since the last call. */
  takeCounts(): { upBytes: number; downBytes: number };
  close(): Promise<void>;
}

export async function openFarSide(folder: string, account: CpuAccount): Promise<FarSide> {
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

  const pipe = openCountingPipe(port);
  const hostKey = Deno.readTextFileSync(`${folder}/host_key.pub`);
  Deno.writeTextFileSync(`${folder}/known_hosts`, `bench ${hostKey}`);
  Deno.writeTextFileSync(
    `${folder}/ssh_config`,
    [
      ...["bench", "bench-counted"].flatMap((host) => [
        `Host ${host}`,
        `  Port ${host === "bench" ? port : pipe.port}`,
      ]),
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
  await listening(port);
  return {
    rsh: `ssh -F ${folder}/ssh_config`,
    home,
    pid: child.pid,
    takeCounts: pipe.take,
    async close() {
      pipe.close();
      child.kill();
      await child.status;
    },
  };
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

/** Passes connections on to a port and counts what crosses. */
function openCountingPipe(to: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let upBytes = 0, downBytes = 0;
  const counting = (count: (bytes: number) => void) =>
    new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, out) {
        count(piece.length);
        out.enqueue(piece);
      },
    });
  (async () => {
    for await (const near of listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: to });
      // A reset at the end of a connection ends the counting, no more.
      near.readable.pipeThrough(counting((n) => upBytes += n)).pipeTo(far.writable).catch(() => {});
      far.readable.pipeThrough(counting((n) => downBytes += n)).pipeTo(near.writable).catch(() => {});
    }
  })();
  return {
    port: listener.addr.port,
    take() {
      const counts = { upBytes, downBytes };
      upBytes = downBytes = 0;
      return counts;
    },
    close: () => listener.close(),
  };
}

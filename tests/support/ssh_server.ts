// A throw-away SSH server on loopback, made of npm:ssh2's Server: no root, no package, no account. Used by the tests, the
// demonstration and wherever sshd cannot run. Promises: it listens on 127.0.0.1 only, takes one key made for it, runs commands
// by the shell it is told, with the home folder it is told, and nothing of it is left after close().

import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import process from "node:process";
import ssh2 from "ssh2";

export interface SshServerOptions {
  /** HOME of the sessions, and the folder they start in. */
  home: string;
  /** The login shell and its words before the command; default ["/bin/sh", "-c"]. */
  shell?: string[];
  /** More variables of the sessions. */
  env?: Record<string, string>;
}

export interface SshCounts {
  connections: number;
  authentications: number;
  /** Commands as they were asked for. */
  commands: string[];
  /** Asks for the file subsystem, which is always refused. */
  sftp: number;
  /** Bytes that the sessions' standard input was given. */
  receivedBytes: number;
}

export interface SshServer {
  readonly port: number;
  /** For -e: the system's ssh with a private configuration that knows this server's host key and our key. */
  readonly rsh: string;
  /** A host name of that configuration. */
  readonly host: string;
  readonly counts: SshCounts;
  /** The sessions' processes that still run. */
  readonly running: Set<ChildProcess>;
  /** Breaks all connections at once, as a dead network does. */
  dropConnections(): void;
  close(): Promise<void>;
}

/** One private key in some four hundred that ssh2 1.17 makes cannot be read, by itself or by ssh: such are thrown away. */
function goodKeyPair(): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}

/** Starts the server. Its keys and the client's configuration lie in a private temporary folder. */
export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  const hostKey = goodKeyPair();
  const clientKey = goodKeyPair();
  const allowed = ssh2.utils.parseKey(clientKey.public);
  if (allowed instanceof Error) throw allowed;
  const counts: SshCounts = { connections: 0, authentications: 0, commands: [], sftp: 0, receivedBytes: 0 };
  const running = new Set<ChildProcess>();
  const connections = new Set<ssh2.Connection>();
  const server = new ssh2.Server({
    hostKeys: [hostKey.private],
    // What Deno's crypto has and is fast.
    algorithms: { cipher: ["aes128-gcm@openssh.com", "aes128-ctr"] },
  }, (connection) => {
    counts.connections++;
    connections.add(connection);
    socketOf(connection).setNoDelay(true);
    connection.on("error", () => {});
    connection.on("close", () => connections.delete(connection));
    connection.on("authentication", (context) => authenticate(context, allowed, counts));
    connection.on("session", (accept) => serveSession(accept(), options, counts, running));
  });
  server.listen(0, "127.0.0.1");
  await once(server as unknown as NodeJS.EventEmitter, "listening");
  const port = (server.address() as AddressInfo).port;
  const folder = await Deno.makeTempDir({ prefix: "tsync-ssh-" });
  const rsh = await writeClientConfig(folder, port, hostKey.public, clientKey.private);
  return {
    port,
    rsh,
    host: HOST,
    counts,
    running,
    dropConnections() {
      for (const connection of connections) socketOf(connection).destroy();
    },
    async close() {
      for (const connection of connections) connection.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const HOST = "throwaway";

/** ssh2 keeps the socket to itself; without a farewell and without delay it can only be had there. */
function socketOf(connection: ssh2.Connection): Socket {
  return (connection as unknown as { _sock: Socket })._sock;
}

function authenticate(context: ssh2.AuthContext, allowed: ssh2.ParsedKey, counts: SshCounts): void {
  if (context.method !== "publickey" || !context.key.data.equals(allowed.getPublicSSH())) {
    return context.reject(["publickey"]);
  }
  if (context.signature === undefined) return context.accept(); // It asks whether this key would do.
  if (allowed.verify(context.blob!, context.signature, context.hashAlgo) !== true) return context.reject(["publickey"]);
  counts.authentications++;
  context.accept();
}

function serveSession(
  session: ssh2.Session,
  options: SshServerOptions,
  counts: SshCounts,
  running: Set<ChildProcess>,
): void {
  session.on("sftp", (_accept, reject) => {
    counts.sftp++;
    reject?.();
  });
  session.on("env", (accept) => accept?.());
  session.on("exec", (accept, _reject, info) => {
    counts.commands.push(info.command);
    runCommand(accept(), info.command, options, counts, running);
  });
}

/** As sshd does without a terminal: three pipes; when the client goes, they close, and the command finds out. */
function runCommand(
  channel: ssh2.ServerChannel,
  command: string,
  options: SshServerOptions,
  counts: SshCounts,
  running: Set<ChildProcess>,
): void {
  const [shell, ...words] = options.shell ?? ["/bin/sh", "-c"];
  const child = spawn(shell, [...words, command], {
    cwd: options.home,
    env: {
      HOME: options.home,
      PATH: "/usr/local/bin:/usr/bin:/bin",
      SHELL: shell,
      USER: process.env.USER ?? "root",
      LOGNAME: process.env.USER ?? "root",
      SSH_CLIENT: "127.0.0.1 1 2",
      SSH_CONNECTION: "127.0.0.1 1 127.0.0.1 2",
      ...options.env,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add(child);
  channel.on("data", (bytes: Buffer) => counts.receivedBytes += bytes.length);
  channel.pipe(child.stdin);
  child.stdin.on("error", () => {});
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  channel.on("error", () => {});
  channel.on("close", () => {
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  });
  child.on("error", (error) => {
    running.delete(child);
    channel.stderr.write(`${error.message}\n`);
    channel.exit(127);
    channel.end();
  });
  child.on("close", (code, signal) => {
    running.delete(child);
    if (code !== null) channel.exit(code);
    else if (signal !== null) channel.exit(signal.replace("SIG", ""));
    channel.end();
  });
}

/** Writes the client's side into `folder`; returns the words for -e. */
async function writeClientConfig(folder: string, port: number, hostKey: string, clientKey: string): Promise<string> {
  await Deno.writeTextFile(`${folder}/key`, clientKey, { mode: 0o600 });
  const [type, key] = hostKey.split(" ");
  await Deno.writeTextFile(`${folder}/known_hosts`, `[127.0.0.1]:${port} ${type} ${key}\n`);
  await Deno.writeTextFile(
    `${folder}/config`,
    [
      `Host ${HOST}`,
      "  HostName 127.0.0.1",
      `  Port ${port}`,
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
    ].join("\n"),
  );
  return `ssh -F ${folder}/config`;
}

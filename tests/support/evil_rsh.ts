// Stands in for ssh: `tsync -e 'DENO run -A evil_rsh.ts SOCKET'`. It passes its standard streams to the test that listens
// on the socket, and ignores host and remote command. Like ssh, it ends when the far side ends, not when its input does.

const connection = await Deno.connect({ transport: "unix", path: Deno.args[0] });

async function up(): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await Deno.stdin.read(buffer)) !== null;) {
    for (let at = 0; at < count;) at += await connection.write(buffer.subarray(at, count));
  }
  await connection.closeWrite();
}

async function down(): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await connection.read(buffer)) !== null;) {
    for (let at = 0; at < count;) at += await Deno.stdout.write(buffer.subarray(at, count));
  }
}

up().catch(() => {});
await down().catch(() => {});
Deno.exit(0);

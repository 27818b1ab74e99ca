// Loopback ports for servers that are other programs. Used by sshd.ts.

/** A port that nobody listens on now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until something takes connections on the port; the port we came from, or 0 when `ended` settles first or 10 s pass. */
export async function waitForPort(port: number, ended: Promise<unknown>): Promise<number> {
  let over = false;
  ended.then(() => over = true);
  for (const start = performance.now(); !over && performance.now() - start < 10_000;) {
    try {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return connection.localAddr.port;
    } catch {
      await new Promise((resume) => setTimeout(resume, 10));
    }
  }
  return 0;
}

// The remote shell as a child: its streams, its standard error, its end. The children are small scripts named by -e.

import assert from "node:assert/strict";
import { TsyncError } from "../../lib/base/errors.ts";
import { openSsh } from "../../lib/transport/openssh.ts";
import { endGently, type Transport } from "../../lib/transport/transport.ts";

/** Runs `script` by sh; host and command are its words. */
function run(script: string, said: string[] = [], command = "the command"): Transport {
  return openSsh({ host: "there", user: "me", rsh: `sh -c '${script.replaceAll("'", "''")}' sh` }, command, (line) => {
    said.push(line);
  });
}

async function readAll(transport: Transport): Promise<string> {
  const into = new Uint8Array(65536);
  const parts: Uint8Array[] = [];
  for (let n = await transport.source.read(into); n !== null; n = await transport.source.read(into)) {
    parts.push(into.slice(0, n));
  }
  return await new Blob(parts as Uint8Array<ArrayBuffer>[]).text();
}

Deno.test("openSsh: passes user, host and the command as single arguments, and no shell of ours reads them", async () => {
  const transport = run(`printf "[%s]" "$@"`, [], `a  'b' "c" $(d) \\ ;`);
  transport.sink.close();
  assert.equal(await readAll(transport), `[-l][me][there][a  'b' "c" $(d) \\ ;]`);
  assert.deepEqual(await transport.closed, { code: 0, signal: null, lastWords: [] });
});

Deno.test("openSsh: carries bytes both ways, more than any pipe holds", async () => {
  const transport = run("cat");
  const piece = new Uint8Array(300_000).map((_, i) => (i * 31) & 255);
  const writing = (async () => {
    for (let i = 0; i < 10; i++) await transport.sink.write(piece);
    transport.sink.close();
  })();
  const into = new Uint8Array(100_000);
  let at = 0;
  for (let n = await transport.source.read(into); n !== null; n = await transport.source.read(into)) {
    for (let i = 0; i < n; i++, at++) if (into[i] !== piece[at % piece.length]) assert.fail(`byte ${at} differs`);
  }
  await writing;
  assert.equal(at, 3_000_000);
  assert.equal((await transport.closed).code, 0);
});

Deno.test("openSsh: a far side that takes nothing holds the writer back", async () => {
  const transport = run("read word; exec cat >/dev/null");
  let written = 0;
  const writing = (async () => {
    for (let i = 0; i < 64; i++, written++) await transport.sink.write(new Uint8Array(65536));
  })();
  await new Promise((resume) => setTimeout(resume, 200));
  assert.ok(written < 40, `${written} of 64 pieces were taken by nobody`);
  transport.kill();
  await assert.rejects(writing);
  await transport.closed;
  await readAll(transport);
});

Deno.test("openSsh: reports standard error line by line, escaped, and keeps the last lines", async () => {
  const said: string[] = [];
  const transport = run(`printf "one\\r\\n\\033]0;x\\007two\\nthree" >&2; exit 42`, said);
  assert.equal(await readAll(transport), "");
  const words = ["one", "\\#033]0;x\\#007two", "three"];
  assert.deepEqual(await transport.closed, { code: 42, signal: null, lastWords: words });
  assert.deepEqual(said, words);
});

Deno.test("openSsh: keeps at most 8 KiB of a talkative standard error, the end of it", async () => {
  let lines = 0;
  const transport = openSsh(
    { host: "h", user: null, rsh: `sh -c "i=0; while test $i -lt 3000; do i=$((i+1)); echo line $i >&2; done"` },
    "c",
    () => lines++,
  );
  await readAll(transport);
  const { lastWords } = await transport.closed;
  assert.equal(lines, 3000);
  assert.equal(lastWords.at(-1), "line 3000");
  assert.ok(lastWords.join("\n").length <= 8192 && lastWords.length > 500);
});

Deno.test({
  name: "openSsh: a standard error that somebody keeps open does not delay the end",
  // The read that nobody waits for any more ends with the process that kept the pipe open.
  sanitizeResources: false,
  sanitizeOps: false,
  fn: async () => {
    const started = performance.now();
    const transport = run("sleep 30 >/dev/null </dev/null & echo $!; echo last >&2; exit 7");
    const pid = Number(await readAll(transport));
    const { code, lastWords } = await transport.closed;
    const elapsed = performance.now() - started;
    Deno.kill(pid);
    assert.deepEqual([code, lastWords], [7, ["last"]]);
    assert.ok(elapsed < 3000, `${elapsed} ms`);
  },
});

// The standard error of the test before may reach its end during this one.
const apart = { sanitizeOps: false, sanitizeResources: false };
Deno.test("openSsh: kill ends a carrier that ignores being asked", apart, async () => {
  const transport = run(`trap "" TERM; echo ready; while :; do sleep 0.05; done`);
  await transport.source.read(new Uint8Array(100));
  transport.kill();
  assert.equal((await transport.closed).signal, "SIGKILL");
  await readAll(transport);
});

Deno.test("openSsh: a remote shell that does not exist or is no program is a start error that says what to do", () => {
  const open = (rsh: string | null) => openSsh({ host: "h", user: null, rsh }, "c", () => {});
  for (const rsh of ["/nonexistent/ssh", "no-such-program-anywhere", "/etc/passwd", "/tmp"]) {
    assert.throws(() => open(rsh), (error: unknown) => {
      return error instanceof TsyncError && error.exitCode === 5 && error.message.includes("check -e");
    }, rsh);
  }
  assert.throws(() => open("sh 'x"), (error: unknown) => error instanceof TsyncError && error.exitCode === 1);
});

Deno.test("endGently: what was written last still arrives, and a carrier that does not end is killed", async () => {
  const folder = await Deno.makeTempDir();
  const gentle = run(`cat >${folder}/got; exit 3`);
  await gentle.sink.write(new TextEncoder().encode("the last word"));
  assert.equal((await endGently(gentle, 10_000)).code, 3);
  assert.equal(await Deno.readTextFile(`${folder}/got`), "the last word");
  await readAll(gentle);
  const stuck = run("exec sleep 100");
  assert.equal((await endGently(stuck, 50)).signal, "SIGTERM");
  await readAll(stuck);
  await Deno.remove(folder, { recursive: true });
});

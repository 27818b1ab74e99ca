// What passes is tried again, as its class of error says, and nothing else is.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { openLinux } from "../../lib/os/linux.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Errno, OpenMode } from "../../lib/os/os.ts";
import { patient } from "../../lib/os/patient.ts";

const F = utf8("f");

/** A memory tree with a file "f" and a folder "d", and how long was waited, ms. */
function made() {
  const memory = openMemory();
  const root = memory.openRoot(utf8("/"));
  memory.close(memory.openFile(root, F, OpenMode.create, 0o644));
  memory.makeFolder(root, utf8("d"), 0o755);
  const waits: number[] = [];
  return { memory, root, waits, os: patient(memory, (ms) => waits.push(ms)) };
}

Deno.test("a stale name is looked up once more, at once, and not twice", () => {
  const { memory, os, root, waits } = made();
  memory.fault({ verb: "openFile", errno: Errno.ESTALE, when: 1 });
  assert.ok(os.openFile(root, F, OpenMode.read, 0) >= 0);
  memory.fault({ verb: "openFolder", errno: Errno.ESTALE });
  const before = memory.calls("openFolder");
  assert.equal(os.openFolder(root, utf8("d")), -Errno.ESTALE);
  assert.equal(memory.calls("openFolder"), before + 2);
  assert.deepEqual(waits, []);
});

for (const errno of ["EAGAIN", "ETXTBSY"] as const) {
  Deno.test(`a file that another program holds is tried again after pauses (${errno})`, () => {
    const { memory, os, root, waits } = made();
    for (const when of [1, 1, 1]) memory.fault({ verb: "openFile", errno: Errno[errno], when });
    assert.ok(os.openFile(root, F, OpenMode.read, 0) >= 0);
    assert.deepEqual(waits, [1, 4, 20]);
  });
}

Deno.test("waiting has an end, for one file and for all of a process", () => {
  const { memory, os, root, waits } = made();
  memory.fault({ verb: "openFile", errno: Errno.EAGAIN });
  for (let i = 0; i < 100; i++) assert.equal(os.openFile(root, F, OpenMode.read, 0), -Errno.EAGAIN);
  assert.deepEqual(waits.slice(0, 5), [1, 4, 20, 75, 200]);
  const sum = waits.reduce((a, b) => a + b);
  assert.ok(sum > 2000 && sum <= 3000, `${sum} ms`);
});

Deno.test("what does not pass is not tried again", () => {
  for (const errno of [Errno.EIO, Errno.EACCES, Errno.ENOENT, Errno.ENOSPC]) {
    const { memory, os, root, waits } = made();
    memory.fault({ verb: "openFile", errno });
    const before = memory.calls("openFile");
    assert.equal(os.openFile(root, F, OpenMode.read, 0), -errno);
    assert.equal(memory.calls("openFile"), before + 1);
    assert.deepEqual(waits, []);
  }
});

Deno.test("a file under a lease is opened when its holder has given it up", async () => {
  const place = await Deno.makeTempDir({ prefix: "tsync-lease-" });
  try {
    await Deno.writeTextFile(`${place}/f`, "x");
    // F_SETLEASE to F_WRLCK. The signal that asks for it back ends a process that does not know it, and with that the lease.
    const code = `const file = Deno.openSync("${place}/f", { read: true, write: true });
      const { symbols } = Deno.dlopen("libc.so.6", {
        open: { parameters: ["buffer", "i32"], result: "i32" },
        fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
      });
      file.close();
      const fd = symbols.open(new TextEncoder().encode("${place}/f\\0"), 2);
      console.log(symbols.fcntl(fd, 1024, 1));
      setInterval(() => {}, 1000);`;
    const args = ["eval", "--no-config", "--no-lock", "--quiet", code];
    const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "null" }).spawn();
    const reader = child.stdout.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "0\n", "the lease is given");
    const plain = openLinux();
    const root = plain.openRoot(utf8(place));
    assert.equal(plain.openFile(root, F, OpenMode.read, 0), -Errno.EAGAIN);
    const os = patient(openLinux());
    assert.ok(os.openFile(root, F, OpenMode.read, 0) >= 0);
    await child.status;
    await reader.cancel();
  } finally {
    await Deno.remove(place, { recursive: true });
  }
});

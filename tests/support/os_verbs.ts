// Runs every verb of the Linux implementation once, between two marker calls, in the folder named by the first argument.
// Started by os_linux_test.ts under strace.

import assert from "node:assert/strict";
import { openLinux } from "../../lib/os/linux.ts";
import { InsideMode, Kind, Listing, OpenMode, Stat } from "../../lib/os/os.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const os = openLinux();
const stat = new Stat();
const bytes = new Uint8Array(8192);
const ok = (result: number) => {
  assert.ok(result >= 0, `unexpected ${result}`);
  return result;
};

const root = ok(os.openRoot(utf8(Deno.args[0])));
os.statPath(utf8("/marker-begin"), true, stat);

ok(os.makeFolder(root, utf8("dir"), 0o755));
const dir = ok(os.openFolder(root, utf8("dir")));
const beneath = ok(os.openBeneath(root, utf8("dir")));
ok(os.close(ok(os.openInside(root, utf8("dir"), InsideMode.folder))));
const file = ok(os.openFile(dir, utf8("file"), OpenMode.create, 0o600));
ok(os.writeAll(file, utf8("0123456789")));
ok(os.writeAllAt(file, utf8("x"), 100_000));
ok(os.truncate(file, 1 << 20));
ok(os.seekData(file, 0));
ok(os.seekHole(file, 0));
ok(os.endOf(file));
ok(os.punchHole(file, 0, 4096));
ok(os.allocate(file, 4096));
ok(os.readAt(file, bytes, 0));
ok(os.sync(file));
ok(os.setOwner(file, -1, -1));
ok(os.setMode(file, 0o644));
ok(os.setTimes(file, 1, 2));
ok(os.setAccessTime(file, 3, 4));
ok(os.readQuietly());
const copy = ok(os.openFile(dir, utf8("copy"), OpenMode.create, 0o600));
os.cloneFile(file, copy);
os.copyRange(file, 0, copy, 0, 4096);
ok(os.close(copy));
ok(os.close(file));
const reader = ok(os.openFile(dir, utf8("file"), OpenMode.read, 0));
ok(os.read(reader, bytes));
const writer = ok(os.openFile(dir, utf8("file"), OpenMode.write, 0));
ok(os.makeLink(dir, utf8("link"), utf8("../../../etc/target")));
ok(os.hardLink(dir, utf8("file"), dir, utf8("second")));
ok(os.setAttribute(writer, utf8("user.x"), utf8("1")));
ok(os.listAttributes(writer, bytes));
ok(os.getAttribute(writer, utf8("user.x"), bytes));
ok(os.removeAttribute(writer, utf8("user.x")));
ok(os.unlink(dir, utf8("second")));
ok(os.readLink(dir, utf8("link"), bytes));
ok(os.makeSpecial(dir, utf8("fifo"), Kind.fifo, 0o600, 0, 0));
ok(os.statAt(dir, utf8("file"), 0, 4, stat));
ok(os.statHandle(reader, stat));
ok(os.readFolder(dir, new Listing()));
assert.equal(typeof os.fileSystem(dir), "object");
ok(os.foldsNames(dir));
const pin = ok(os.pin(dir, utf8("link")));
ok(os.setOwner(pin, -1, -1));
ok(os.setTimes(pin, 1, 2));
ok(os.setAccessTime(pin, 3, 4));
// setMode of a pinned entry is left to the contract: the call depends on the kernel, and strace may not know its name.
ok(os.rename(dir, utf8("copy"), root, utf8("moved")));
ok(os.renameNew(root, utf8("moved"), dir, utf8("copy")));
os.exchange(dir, utf8("copy"), dir, utf8("fifo"));
ok(os.lockShared(root));
ok(os.lockExclusive(root));
ok(os.unlock(root));
for (const name of ["copy", "fifo", "file", "link"]) ok(os.unlink(dir, utf8(name)));
for (const handle of [reader, writer, pin, beneath, dir]) ok(os.close(handle));
ok(os.removeFolder(root, utf8("dir")));

os.statPath(utf8("/marker-end"), true, stat);

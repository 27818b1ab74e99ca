// --chmod's words, against what the installed rsync made of them (each row was seen there): words, mode, umask, a file's
// mode afterwards, a folder's.

import assert from "node:assert/strict";
import { Kind } from "../../lib/os/os.ts";
import { modeChanger } from "../../lib/plan/mode_changes.ts";

const ROWS: [string, number, number, number, number][] = [
  ["+s", 0o755, 0o077, 0o4755, 0o4755],
  ["+t", 0o755, 0o022, 0o1755, 0o1755],
  ["=rwx", 0o7777, 0o027, 0o7750, 0o7750],
  ["-rwx", 0o777, 0o070, 0o070, 0o070],
  ["-s", 0o7777, 0, 0o3777, 0o3777],
  ["=u", 0o7741, 0o077, 0o700, 0o700],
  ["+u", 0o741, 0o027, 0o751, 0o751],
  ["-u", 0o777, 0o077, 0o077, 0o077],
  ["=X", 0o711, 0o070, 0o101, 0o101],
  ["=", 0o7777, 0o022, 0o7000, 0o7000],
  ["=s", 0o777, 0o022, 0o4000, 0o4000],
  ["=t", 0o7777, 0o022, 0o7000, 0o7000],
  ["a=s", 0o7777, 0o022, 0o7000, 0o7000],
  ["a=s", 0o755, 0o022, 0o6000, 0o6000],
  ["a=t", 0o7754, 0o022, 0o1000, 0o1000],
  ["u=t", 0o7754, 0o022, 0o3054, 0o3054],
  ["o=t", 0o7754, 0o022, 0o7750, 0o7750],
  ["g=t", 0o7777, 0o022, 0o5707, 0o5707],
  ["g=s", 0o7754, 0o022, 0o7704, 0o7704],
  ["o+s", 0o7754, 0o022, 0o7754, 0o7754],
  ["go-s", 0o7754, 0o022, 0o5754, 0o5754],
  ["u-t", 0o7754, 0o022, 0o6754, 0o6754],
  ["u=rx", 0o7754, 0o022, 0o7554, 0o7554],
  ["u=g", 0o7754, 0o022, 0o3554, 0o3554],
  ["o=g", 0o7754, 0o022, 0o6755, 0o6755],
  ["a=g", 0o7754, 0o022, 0o555, 0o555],
  ["g-o", 0o755, 0o022, 0o705, 0o705],
  ["g=u,o=g", 0o640, 0o022, 0o666, 0o666],
  ["0755", 0o7754, 0o022, 0o755, 0o755],
  ["07777", 0o755, 0o022, 0o7777, 0o7777],
  ["DD+x", 0o7754, 0o022, 0o7754, 0o7755],
  ["D755,F644", 0o700, 0o022, 0o644, 0o755],
  ["Dg+s,ug+w,Fo-w,+X", 0o640, 0o022, 0o660, 0o2771],
  ["a-x,+X", 0o610, 0o022, 0o711, 0o711],
  ["a-x,+X", 0o640, 0o022, 0o640, 0o751],
  ["u+X", 0o640, 0o022, 0o640, 0o740],
  ["-X", 0o001, 0o022, 0, 0],
  ["u=X", 0o640, 0o022, 0o040, 0o140],
  ["Fa+X,Da-X", 0o750, 0o022, 0o751, 0o640],
  ["uu+x", 0o640, 0o022, 0o740, 0o740],
  ["u+", 0o640, 0o022, 0o640, 0o640],
];

for (const [words, mode, umask, file, folder] of ROWS) {
  Deno.test(`--chmod: ${words} on ${mode.toString(8)} with umask ${umask.toString(8)}`, () => {
    const change = modeChanger([words], umask)!;
    const found = [change(Kind.file, mode), change(Kind.folder, mode)].map((bits) => bits.toString(8));
    assert.deepEqual(found, [file.toString(8), folder.toString(8)]);
  });
}

Deno.test("--chmod: what rsync does not understand is not understood", () => {
  for (
    const words of ["", ",", "u+x,", ",u+x", "u+y", "8", "D", "F", "D 755", "DF755", "D=755", "u-w+x", "u=gx", "u=uu"]
  ) {
    assert.equal(modeChanger([words], 0), null, words);
  }
  for (const words of ["X", "rw", "177777", "u+rX-w", "DFu+x", "a+ugo"]) {
    assert.equal(modeChanger([words], 0), null, words);
  }
});

Deno.test("--chmod: several options are one list", () => {
  const change = modeChanger(["a+w", "o-w"], 0o022)!;
  assert.equal(change(Kind.file, 0o640), 0o660);
});

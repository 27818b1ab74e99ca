// The attacker of the race tests, a process of its own: `deno run -A flipper.ts STOP A B [A B ...]` exchanges each pair of
// names by renameat2(RENAME_EXCHANGE) as fast as it can until the file STOP is there, then prints how often it succeeded. Also runs
// of several names: with `A B C D` as "A=B=C=D" the first name is exchanged with each of the others in turn.

const libc = Deno.dlopen(Deno.build.arch === "x86_64" || Deno.build.arch === "aarch64" ? "libc.so.6" : "libc.so", {
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  access: { parameters: ["buffer", "i32"], result: "i32" },
});

const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;

const bytes = (path: string) => new TextEncoder().encode(path + "\0");
const [stop, ...groups] = Deno.args;
const stopPath = bytes(stop);
const pairs = groups.flatMap((group) => {
  const [first, ...others] = group.split("=").map(bytes);
  return others.map((other) => [first, other] as const);
});

let flips = 0;
while (libc.symbols.access(stopPath, 0) !== 0) {
  for (let round = 0; round < 16; round++) {
    for (const [a, b] of pairs) {
      if (libc.symbols.renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) === 0) flips++;
    }
  }
}
console.log(flips);

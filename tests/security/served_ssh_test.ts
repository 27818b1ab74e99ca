// F21: a forced command of a real sshd. What the client asks sshd for is passed over; the line in authorized_keys alone counts, and a
// client needs no word for it.

import assert from "node:assert/strict";
import { photograph } from "../support/race.ts";
import { run, tsync, withPlace } from "../support/run.ts";
import { LONG } from "../support/random.ts";
import { AGENT, Field } from "../support/served_field.ts";
import { startSshd } from "../support/sshd.ts";

const ASKED: [string, string][] = [
  ["nothing of its own", ""],
  ["another program", "sh"],
  ["another root", "tsync-remote serve --root=/"],
  ["another mode behind the same words", `${AGENT[0]} serve --root / --confined`],
  ["an rsync server", "rsync --server --sender -logDtpre.iLsfxC . /"],
  ["a command within", "$(touch /dev/shm/served-was-here); `id`; tsync-remote"],
  ["100,000 bytes", `x ${"y".repeat(100_000)} tsync-remote`],
];

Deno.test("serve --root as the forced command of a real sshd: whatever is asked for, only its own words count", async () => {
  await withPlace(async (place) => {
    const field = new Field(place);
    const command = [...AGENT, "serve", "--root", field.root, "--append-new"].join(" ");
    const server = await startSshd({
      keyOptions: `restrict,command="${command}"`,
      config: ["PermitUserEnvironment no"],
    });
    try {
      const before = await photograph(field.canary);
      for (const [i, [claim, asked]] of ASKED.entries()) {
        const words = asked === "" ? [] : ["--rsync-path", asked];
        await Deno.writeTextFile(`${field.own}/round${i}`, claim);
        const target = `${server.host}:/fresh${i}`;
        const pushed = await tsync(["-a", "-e", server.rsh, ...words, `${field.own}/`, target]);
        assert.equal(`${pushed.code} ${pushed.err}`, "0 ", claim);
        assert.equal(await Deno.readTextFile(`${field.root}/fresh${i}/round${i}`), claim);
        if (!LONG && i > 1) continue;
        const gone = await tsync(["-a", "--delete", "-e", server.rsh, ...words, `${field.own}/sub/`, target]);
        assert.equal(gone.code, 4, `${claim}: ${gone.err}`);
        const out = await tsync(["-a", "-e", server.rsh, ...words, `${server.host}:../canary/`, `${place}/back${i}`]);
        assert.equal(out.code, 3, `${claim}: ${out.err}`);
      }
      // By hand: no shell, no other program, and no answer without a launch line.
      for (const asked of ["sh", "sh -c id", "true\ntsync-remote serve --root=/", ""]) {
        const ssh = await run([...server.rsh.split(" "), server.host, asked].filter((word) => word !== ""), {
          stdin: `echo hacked; touch ${field.canary}/hacked\n`,
        });
        assert.deepEqual([ssh.code, ssh.out], [5, ""], asked);
      }
      assert.equal(await photograph(field.canary), before, "the canary was touched");
      assert.equal((await run(["ls", "/dev/shm/served-was-here"])).code, 2);
    } finally {
      await server.close();
    }
  });
});

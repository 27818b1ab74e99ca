// Which words ssh gets so that AES-GCM comes first, and when none.

import assert from "node:assert/strict";
import { hasAes } from "../../lib/os/processor.ts";
import { cipherWords, preferAes } from "../../lib/transport/ciphers.ts";
import { withPlace } from "../support/run.ts";

const USUAL = "chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com";
const ORDERED = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr";

Deno.test("preferAes: the same ciphers, AES-GCM first; nothing where there is nothing to change", () => {
  assert.deepEqual(preferAes(USUAL), ["-c", ORDERED]);
  assert.deepEqual(preferAes(ORDERED), []);
  assert.deepEqual(preferAes("aes128-ctr,chacha20-poly1305@openssh.com"), []);
});

/** An ssh that tells `own` ciphers, and `plain` ones without a configuration, and notes how it was called. */
async function ask(own: string, plain: string, program = "ssh", user: string | null = "me"): Promise<string[]> {
  let words: string[] = [];
  await withPlace(async (place) => {
    const script = `#!/bin/sh\nprintf '%s\\n' "$*" >>'${place}/calls'\n` +
      `case " $* " in *" -F none "*) echo "ciphers ${plain}";; *) echo "ciphers ${own}";; esac\n`;
    await Deno.writeTextFile(`${place}/${program}`, script, { mode: 0o755 });
    words = await cipherWords({ host: "web1", user, rsh: `${place}/${program} -p 7` });
    const calls = await Deno.readTextFile(`${place}/calls`).catch(() => "");
    const expected = program === "ssh" && hasAes() ? ["-F none -G web1", "-p 7 -G -l me web1"] : [];
    assert.deepEqual(calls.split("\n").filter(Boolean).sort(), expected);
  });
  return words;
}

Deno.test("cipherWords: asks for AES-GCM first only where the user has chosen nothing, the program is ssh and AES is fast", async () => {
  assert.deepEqual(await ask(USUAL, USUAL), hasAes() ? ["-c", ORDERED] : []);
  assert.deepEqual(await ask("aes256-ctr", USUAL), []);
  assert.deepEqual(await ask(USUAL, USUAL, "mysh"), []);
});

Deno.test("cipherWords: an ssh that is missing, fails, or a host that must not be passed on gives no words", async () => {
  assert.deepEqual(await cipherWords({ host: "h", user: null, rsh: "/nowhere/ssh" }), []);
  assert.deepEqual(await cipherWords({ host: "-oProxyCommand=touch x", user: null, rsh: null }), []);
});

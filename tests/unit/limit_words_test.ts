// Words of limits and of the other side: rates, times to stop at, -M, what a daemon would need, variables. Pure: no run is made.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { type Command, readCommand } from "../../lib/cli/request.ts";
import { rateOf, sizeOf } from "../../lib/cli/size_words.ts";
import { minutesOf, momentOf } from "../../lib/cli/stop_words.ts";
import { remoteShellArguments } from "../../lib/transport/remote_shell.ts";

function command(line: string, env: Record<string, string> = {}, asRsync = false): Command {
  const words = line.split(" ").filter((word) => word !== "").map((word) => utf8(word));
  return readCommand(words, (name) => env[name], asRsync);
}

function sync(line: string, env: Record<string, string> = {}, asRsync = false) {
  const read = command(line, env, asRsync);
  if (read.kind !== "sync") throw new Error(`${line} is ${read.kind}`);
  return read;
}

/** The kind of the error, and its sentence. */
function refused(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof TsyncError) return `${error.data.kind}: ${error.message}`;
    throw error;
  }
  return "taken";
}

Deno.test("--bwlimit: rsync's units, fractions and rounding, in KiB", () => {
  const cases: Record<string, number> = {
    "0": 0,
    "": 0,
    "1": 1,
    "1.5": 2,
    "100": 100,
    "1M": 1024,
    "1.5m": 1536,
    "1MB": 977,
    "1mib": 1024,
    "512b": 1,
    "1536b": 2,
    "1K+1": 1,
    ".5k": 1,
    "1g": 1 << 20,
  };
  for (const [text, kib] of Object.entries(cases)) assert.equal(rateOf(utf8(text), "--bwlimit"), kib, text);
  for (const text of ["511b", "1b", "0.1"]) {
    assert.match(refused(() => rateOf(utf8(text), "w")), /^usage: .*too small/, text);
  }
  for (const text of ["x", "-1", "1x", "1ki", "+5", "1.5.5", "1k+2", " 5", "1e3"]) {
    assert.match(refused(() => rateOf(utf8(text), "w")), /^usage: .*not a size/, text);
  }
  assert.equal(sizeOf(utf8("10"), "w", "b"), 10);
  assert.equal(sizeOf(utf8("2GB-1"), "w", "b"), 2e9 - 1);
  assert.equal(sync("--bwlimit=1m s d").request.options.bwlimitKib, 1024);
  assert.equal(sync("--bwlimit=1m --no-bwlimit s d").request.options.bwlimitKib, 0);
});

Deno.test("--stop-after: minutes; --stop-at: the next moment that fits", () => {
  assert.equal(minutesOf(utf8("2"), "w"), 120_000);
  assert.equal(minutesOf(utf8("1.5"), "w"), 60_000);
  for (const text of ["0", "-1", "x", "", "-0"]) {
    assert.match(refused(() => minutesOf(utf8(text), "w")), /^usage: /, text);
  }
  const now = new Date(2026, 10, 21, 17, 30, 15).getTime();
  const at = (text: string) => {
    const date = new Date(momentOf(utf8(text), "--stop-at", now));
    const part = (number: number) => String(number).padStart(2, "0");
    const day = `${date.getFullYear()}-${part(date.getMonth() + 1)}-${part(date.getDate())}`;
    return `${day} ${part(date.getHours())}:${part(date.getMinutes())}`;
  };
  const cases: Record<string, string> = {
    "2027-01-01T00:00": "2027-01-01 00:00",
    "2027/01/02T1:2": "2027-01-02 01:02",
    "2027-1-1": "2027-01-01 00:00",
    "27-1-1T": "2027-01-01 00:00",
    "20-1-1": "2120-01-01 00:00",
    "23:59": "2026-11-21 23:59",
    "T23:59": "2026-11-21 23:59",
    "14:00": "2026-11-22 14:00",
    "17:30": "2026-11-22 17:30",
    ":59": "2026-11-21 17:59",
    ":30": "2026-11-21 18:30",
    "31": "2026-12-31 00:00",
    "21": "2026-12-21 00:00",
    "22": "2026-11-22 00:00",
    "1T3:04": "2026-12-01 03:04",
    "1-30": "2027-01-30 00:00",
    "11-21": "2027-11-21 00:00",
    "02-29": "2028-02-29 00:00",
    "2028-02-30": "2028-03-01 00:00",
  };
  for (const [text, moment] of Object.entries(cases)) assert.equal(at(text), moment, text);
  for (const text of ["2020-01-01", "100-1-1", "2026-11-21T17:30"]) {
    assert.match(refused(() => at(text)), /^usage: .* is not in the future/, text);
  }
  for (
    const text of [
      "x",
      "",
      "24:00",
      "5:60",
      ":",
      "T",
      "T5",
      "0",
      "32",
      "2-30",
      "13-1",
      "2027-1",
      "5-",
      "-5",
      "5x",
      "3:4:5",
    ]
  ) {
    assert.match(refused(() => at(text)), /^usage: .* is not a time/, text);
  }
  assert.deepEqual(sync("--stop-after=5 s d").stop, { afterMs: 300_000 });
  assert.deepEqual(sync("--time-limit=5 s d").stop, { afterMs: 300_000 });
  assert.equal(sync("s d").stop, null);
  assert.ok("atMs" in sync("--stop-at=23:59 s d").stop!);
});

Deno.test("-4 and -6 go to ssh in front of the host, to no other remote shell, and not among our options", () => {
  const words = (line: string) => {
    const { remote } = sync(line).request;
    return remoteShellArguments(remote!, "CMD").join(" ");
  };
  assert.equal(words("-4 s u@h:d"), "ssh -l u -4 h CMD");
  assert.equal(words("--ipv4 --ipv6 s h:d"), "ssh -6 h CMD");
  assert.equal(words("-6 -4 -e /usr/bin/ssh s h:d"), "/usr/bin/ssh -4 h CMD");
  assert.equal(words("-4 -e rsh s h:d"), "rsh h CMD");
});

Deno.test("-M changes what the other side is told, and nothing here; what both must agree on is refused", () => {
  const { options, peerOptions } = sync("-a -M--bwlimit=100 --remote-option=-S -M --no-compress s h:d").request;
  assert.deepEqual([options.bwlimitKib, options.sparse, options.compress], [0, false, "auto"]);
  assert.deepEqual({ ...options, bwlimitKib: 100, sparse: true, compress: "never" }, peerOptions);
  assert.equal(sync("-a s h:d").request.peerOptions, null);
  const quiet = sync("-a -M--open-noatime h:s d").request;
  assert.deepEqual([quiet.options.openNoatime, quiet.peerOptions?.openNoatime], [false, true]);
  assert.match(refused(() => sync("-a -Mx s h:d")), /^usage: -M: "x" is not an option/);
  assert.match(refused(() => sync("-a -M--nonsense s h:d")), /^usage: --nonsense: unknown option/);
  for (const word of ["-n", "--delete", "-c", "--no-r"]) {
    assert.match(refused(() => sync(`-a -M${word} s h:d`)), /^unsupported: -M.* cannot be one side's only/, word);
  }
});

Deno.test("--munge-links and -M--munge-links are each about one side's tree, whichever half that is", () => {
  const munging = (line: string) => {
    const { options: { mungeLinks, unmungeLinks } } = sync(line).request;
    return { mungeLinks, unmungeLinks };
  };
  for (const ends of ["s h:d", "s d"]) {
    assert.deepEqual(munging(`-a --munge-links ${ends}`), { mungeLinks: false, unmungeLinks: true });
    assert.deepEqual(munging(`-a -M--munge-links ${ends}`), { mungeLinks: true, unmungeLinks: false });
  }
  assert.deepEqual(munging("-a --munge-links h:s d"), { mungeLinks: true, unmungeLinks: false });
  assert.deepEqual(munging("-a -M --munge-links h:s d"), { mungeLinks: false, unmungeLinks: true });
  assert.deepEqual(munging("-a -M--munge-links -M--no-munge-links s d"), { mungeLinks: false, unmungeLinks: false });
});

Deno.test("what rsync has for its own protocol is taken and changes nothing", () => {
  const plain = sync("-a s h:d").request;
  const lines = [
    ...[
      "-s",
      "--secluded-args",
      "--protect-args",
      "--no-s",
      "--no-protect-args",
      "--old-args",
      "--no-old-args",
      "--trust-sender",
    ],
    ...[
      "--blocking-io",
      "--no-blocking-io",
      "--protocol=31",
      "--max-alloc=1G",
      "--max-alloc=0",
      "--no-inc-recursive",
      "--i-r",
    ],
    ...[
      "--inc-recursive",
      "--no-i-r",
      "--checksum-choice=md5",
      "--cc=xxh128",
      "--cc=md5,sha1",
      "--cc=auto",
      "--checksum-seed=5",
    ],
    ...[
      "--skip-compress=gz/zip",
      "--zt=2",
      "--compress-threads=0",
      "--sockopts=x",
      "--address=1.2.3.4",
      "--port=99",
      "--no-iconv",
    ],
    ...["--iconv=-", "--early-input=x", "--contimeout=0", "--no-contimeout"],
  ];
  for (const line of lines) assert.deepEqual(sync(`-a ${line} s h:d`).request, plain, line);
  assert.equal(sync("-a --cc=none s h:d").request.options.wholeFile, true);
});

Deno.test("what cannot be had is refused before anything happens: 4 for what is not there, 1 for what makes no sense", () => {
  for (
    const line of [
      "--iconv=foo",
      "--iconv=utf8,utf-16le",
      "--new-compress",
      "--old-compress",
      "--cc=foo",
      "--cc=a,b",
      "--cc=",
    ]
  ) {
    assert.match(refused(() => sync(`${line} s h:d`)), /^unsupported: /, line);
  }
  const wrong = [
    ...[
      "--contimeout=5",
      "--contimeout=x",
      "--password-file=x",
      "--old-args -s",
      "--protocol=x",
      "--port=x",
      "--zt=1.5",
    ],
    ...[
      "--max-alloc=x",
      "--max-alloc=1",
      "--checksum-seed=x",
      "--checksum-seed=99999999999",
      "--no-stop-at",
      "--no-ipv4",
    ],
    ...["--no-trust-sender", "--no-port", "--no-cc"],
  ];
  for (const line of wrong) assert.match(refused(() => sync(`${line} s h:d`)), /^usage: /, line);
});

Deno.test("rsync's variables: those that apply are honoured, the others are passed over", () => {
  assert.match(refused(() => sync("s d", { RSYNC_ICONV: "foo" })), /^unsupported: RSYNC_ICONV/);
  assert.equal(sync("s d", { RSYNC_ICONV: "latin1" }).request.options.charset, "latin1");
  assert.equal(sync("--no-iconv s d", { RSYNC_ICONV: "latin1" }).request.options.charset, "");
  assert.match(refused(() => sync("s d", { RSYNC_MAX_ALLOC: "x" })), /^usage: RSYNC_MAX_ALLOC/);
  assert.match(refused(() => sync("-z s d", { RSYNC_COMPRESS_LIST: "zlib lz4" })), /^unsupported: RSYNC_COMPRESS_LIST/);
  const compress = (line: string, list: string) => sync(line, { RSYNC_COMPRESS_LIST: list }).request.options.compress;
  assert.equal(compress("-z s d", "zlib zstd"), "always");
  assert.equal(compress("-z s d", "none"), "never");
  assert.equal(compress("-z --zc=zstd s d", "none"), "always");
  assert.equal(compress("s d", "foo"), "auto");
  const passedOver = {
    RSYNC_ICONV: "-",
    RSYNC_MAX_ALLOC: "",
    RSYNC_OLD_ARGS: "1",
    RSYNC_PROTECT_ARGS: "1",
    RSYNC_PROXY: "x",
  };
  assert.deepEqual(sync("-a s h:d", passedOver), sync("-a s h:d"));
});

Deno.test("in rsync's place: rsync's words and defaults, ours behind --ts-, no subcommands", () => {
  const { options, remote } = sync("-a --delete s h:d", {}, true).request;
  assert.deepEqual(
    [
      options.modifyWindowNs,
      options.fillHoles,
      options.allowTorn,
      options.compress,
      options.noGuard,
      remote!.ownCiphers,
    ],
    [-1, true, true, "never", true, false],
  );
  const our = sync("-a --delete s h:d").request;
  assert.deepEqual(
    [
      our.options.modifyWindowNs,
      our.options.fillHoles,
      our.options.allowTorn,
      our.options.compress,
      our.remote!.ownCiphers,
    ],
    [null, false, false, "auto", true],
  );
  const as = (line: string) => sync(`${line} s h:d`, {}, true).request.options;
  assert.equal(as("-aS").fillHoles, false);
  assert.equal(as("-@-1").modifyWindowNs, 0);
  assert.equal(as("-@2").modifyWindowNs, -3);
  assert.deepEqual([as("-z").compress, as("--zc=auto").compress, as("--zl=3").compress], [
    "always",
    "always",
    "always",
  ]);
  const guarded = as("-a --delete --ts-delete-limit=5");
  assert.deepEqual([guarded.noGuard, guarded.deleteLimit], [false, { count: 5 }]);
  // No guard of ours stands in rsync's place.
  const { allowEmptySource, allowOtherDevice, noSpaceCheck } = guarded;
  assert.deepEqual([allowEmptySource, allowOtherDevice, noSpaceCheck], [true, true, true]);
  const passing = sync("-a --delete --allow-other-device --no-space-check s d").request.options;
  assert.deepEqual([passing.allowOtherDevice, passing.noSpaceCheck, passing.noGuard], [true, true, false]);
  for (
    const word of [
      ...["--delete-limit=5", "--allow-torn", "--no-guard", "--help=man"],
      ...["--allow-other-device", "--no-space-check"],
    ]
  ) {
    assert.match(refused(() => sync(`-a ${word} s d`, {}, true)), /^usage: /, word);
  }
  assert.match(refused(() => sync("-a --ts-allow-torn s d")), /^usage: --ts-allow-torn: unknown/);
  assert.equal(sync("agent list d", {}, true).request.sources.length, 2);
  assert.equal(sync("-v s d", {}, true).output.progress, false);
});

Deno.test("--write-devices implies --inplace, and stands with nothing that keeps what was there", () => {
  const said = (line: string) => {
    const { copyDevices, writeDevices, inplace } = sync(`${line} s d`).request.options;
    return [copyDevices, writeDevices, inplace];
  };
  assert.deepEqual(said("-a --copy-devices"), [true, false, false]);
  assert.deepEqual(said("-a --write-devices"), [false, true, true]);
  assert.deepEqual(said("-a --write-devices --no-write-devices"), [false, false, false]);
  assert.match(refused(() => sync("-a --write-devices --trash s d")), /^usage: --trash and --write-devices/);
  for (const word of ["--delay-updates", "--partial-dir=p"]) {
    assert.match(refused(() => sync(`-a --write-devices ${word} s d`)), /^usage: --inplace cannot/);
  }
});

Deno.test("--insecure-links is taken; --confine-root and --copy-as are refused with what to do instead", () => {
  assert.equal(sync("-a --insecure-links s d").request.sources.length, 1);
  assert.match(refused(() => sync("-a --confine-root=/srv s d")), /serve --root/);
  assert.match(refused(() => sync("-a --copy-as=www s d")), /run tsync as that user/);
});

Deno.test("-M: how the other side flushes, and whether it reads devices as files, can be its own", () => {
  const sides = (line: string) => {
    const { request } = sync(line);
    return [request.options, request.peerOptions!].map((
      { fsync, noFsync, copyDevices },
    ) => [fsync, noFsync, copyDevices]);
  };
  assert.deepEqual(sides("-a -M--fsync s h:d"), [[false, false, false], [true, false, false]]);
  assert.deepEqual(sides("-a --fsync -M--no-fsync s h:d"), [[true, false, false], [false, true, false]]);
  assert.deepEqual(sides("-a -M--copy-devices h:s d"), [[false, false, false], [false, false, true]]);
});

Deno.test("what --info asks for besides names is asked of both sides, but not by -q", () => {
  const more = (line: string) => sync(`${line} s d`).request.options.tellsMore;
  for (const line of ["-a --info=backup", "-a --info=remove", "-a --info=skip2", "-avv"]) {
    assert.equal(more(line), true);
  }
  for (const line of ["-a", "-av", "-avv -q", "-avv --info=backup0,remove0,skip0", "--list-only -vv"]) {
    assert.equal(more(line), false, line);
  }
});

Deno.test("under the name rsync progress is shown where --progress or --info asks for it, on no terminal, too", () => {
  for (
    const [line, shown] of [["", false], ["--info=progress2", null], ["--progress", true], ["--info=name1", false]]
  ) {
    const { output, request } = sync(`-a ${line} s d`, {}, true);
    assert.equal(output.progress, shown, `${line}`);
    assert.equal(request.options.tellsFinished, shown !== false, `${line}`);
  }
});

// What the options make of a half's environment: another door to the system (--fake-super, --copy-devices), another
// standing (--super, --no-super). Called by lib/job and by the agent before a half is made. Promises: without such options the environment
// is what it was, and nothing is loaded.

import { display, utf8 } from "../base/bytes.ts";
import type { Charset } from "../base/charset.ts";
import { TsyncError } from "../base/errors.ts";
import { env } from "../os/process.ts";
import type { SyncOptions } from "../base/options.ts";
import type { Environment } from "./environment.ts";

export type SideOptions =
  & Pick<SyncOptions, "fakeSuper" | "superOn" | "superOff" | "charset">
  & Partial<Pick<SyncOptions, "copyDevices" | "writeDevices">>;

/**
 * The environment of the half that goes by `options`; `isSource`: which it is; `wordsAreUtf8`: its paths are UTF-8 as names are,
 * else they are as typed. Throws
 * TsyncError "unsupported" for a charset that cannot be had.
 */
export async function sideOf(
  machine: Environment,
  options: SideOptions,
  isSource: boolean,
  wordsAreUtf8 = false,
): Promise<Environment> {
  const { fakeSuper, superOn, superOff, charset } = options;
  const withDevices = (isSource ? options.copyDevices : options.writeDevices) ?? false;
  if (!fakeSuper && !superOn && !superOff && charset === "" && !withDevices) return machine;
  const changed: PropertyDescriptorMap = {};
  if (fakeSuper || superOn || superOff) {
    changed.identity = { get: () => ({ ...machine.identity, isSuper: !superOff }) };
  }
  if (fakeSuper) {
    const { FakeSuper } = await import("../tree/fake_super.ts");
    changed.os = { value: new FakeSuper(machine.os, isSource) };
  }
  if (charset !== "") {
    const { ConvertedNames } = await import("../tree/converted_names.ts");
    changed.os = {
      value: new ConvertedNames(changed.os?.value ?? machine.os, await ownCharset(charset), wordsAreUtf8),
    };
  }
  if (withDevices) {
    const { DeviceFiles } = await import("../tree/device_files.ts");
    changed.os = { value: new DeviceFiles(changed.os?.value ?? machine.os, isSource) };
  }
  return Object.create(machine, changed);
}

/** Words typed in `charset` as UTF-8. Throws TsyncError "usage" for one that is not of it. */
export async function wordsAsUtf8(charset: string, words: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const own = await ownCharset(charset);
  return words.map((word) => {
    const text = own.toUtf8(word);
    if (text !== null) return text;
    throw new TsyncError({ kind: "usage", detail: `"${display(word)}" is not written in the charset of --iconv` });
  });
}

/** The charset of that name, "." the locale's. Throws TsyncError "unsupported". */
async function ownCharset(name: string): Promise<Charset> {
  const { charsetOf } = await import("../base/charset.ts");
  const own = name === "." ? localeCharset() : name;
  const charset = charsetOf(own);
  if (charset !== null) return charset;
  const detail =
    `--iconv: the charset "${display(utf8(own))}" cannot be had here; give utf-8, iso-8859-1 and the like, ` +
    "koi8-r, windows-1252 and the like, gbk, big5, euc-jp, euc-kr or shift_jis";
  throw new TsyncError({ kind: "unsupported", detail });
}

/** What LC_ALL, LC_CTYPE or LANG say behind the dot; without one, as in the C locale, ASCII. */
function localeCharset(): string {
  const locale = env("LC_ALL") || env("LC_CTYPE") || env("LANG") || "C";
  return /\.([^@]+)/.exec(locale)?.[1] ?? "us-ascii";
}

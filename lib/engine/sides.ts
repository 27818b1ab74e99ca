// What the options make of a half's environment: another door to the system (--fake-super), another standing (--super, --no-super). Called
// by lib/job and by the agent before a half is made. Promises: without such options the environment is what it was, and nothing is
// loaded.

import type { SyncOptions } from "../base/options.ts";
import type { Environment } from "./environment.ts";

export type SideOptions = Pick<SyncOptions, "fakeSuper" | "superOn" | "superOff">;

/** The environment of the half that goes by `options`; `isSource`: which it is. */
export async function sideOf(env: Environment, options: SideOptions, isSource: boolean): Promise<Environment> {
  const { fakeSuper, superOn, superOff } = options;
  if (!fakeSuper && !superOn && !superOff) return env;
  const changed: PropertyDescriptorMap = {
    identity: { get: () => ({ ...env.identity, isSuper: !superOff }) },
  };
  if (fakeSuper) {
    const { FakeSuper } = await import("../tree/fake_super.ts");
    changed.os = { value: new FakeSuper(env.os, isSource) };
  }
  return Object.create(env, changed);
}

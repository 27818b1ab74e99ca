// The program under test, as users have it: dist/tsync, which the gate builds first. TSYNC_TEST_PROGRAM names another one
// (words separated by spaces), such as "deno run -A main.ts" between two builds. run.ts runs it.

export const ROOT = new URL("../../", import.meta.url).pathname;

export function tsyncWords(): string[] {
  const other = Deno.env.get("TSYNC_TEST_PROGRAM");
  return other ? other.split(" ") : [`${ROOT}dist/tsync`];
}

// The agents installed in the account at the far side: lists, removes, verifies them. Called by the command line for
// `tsync agent`. Promises: one constant sh text like the launcher; only files that bear an agent's name in ~/.tsync/bin are
// touched, never through a link.

import { concatBytes, hex, latin1, utf8 } from "../base/bytes.ts";
import { TsyncError } from "../base/errors.ts";
import { randomBytes } from "../os/random.ts";
import type { Transport } from "../transport/transport.ts";
import { AnswerFinder } from "./answer.ts";
import { explainEnd } from "./explain.ts";
import { FIND_HOME, joinLines, SET_UP } from "./launcher.ts";

export type AgentVerb = "list" | "remove" | "verify";
/** installed: not looked at closer. good, damaged: by its SHA-256. removed, kept: by `remove`. */
export type AgentState = "installed" | "good" | "damaged" | "removed" | "kept";

export interface InstalledAgent {
  sha256: string;
  bytes: number;
  /** When it was installed, as `ls -l` words it in the C locale. */
  date: string;
  state: AgentState;
}

/** Variables: v verb, s the SHA-256 to keep ("-" for none), f file, k state. */
const SOURCE = `
${SET_UP}
read -r l || exit 1;
set -- $l;
m=$2; v=$3; s=$4;
test "$1" = tsync1-agents && test \${#m} = 32 || { echo "tsync: this is not a request" >&2; exit 2; };
${FIND_HOME}
test -h "$d/.tsync" && fail "$d/.tsync is a link";
test -h "$d/.tsync/bin" && fail "$d/.tsync/bin is a link";
cd "$d/.tsync/bin" 2>/dev/null || { echo "$m DONE"; exit 0; };
set +f;
for f in tsync-remote-*; do
  test -f "$f" || test -h "$f" || continue;
  set -- $(LC_ALL=C ls -ldn -- "$f");
  k=installed;
  case $v in
    verify)
      k=damaged;
      test -h "$f" || case $(sum <"$f") in *"\${f#tsync-remote-}"*) k=good ;; esac ;;
    remove)
      if test "$f" = "tsync-remote-$s"; then k=kept;
      else e=$(rm -f -- "$f" 2>&1) || fail "$e"; k=removed; fi ;;
  esac;
  echo "$m AGENT \${f#tsync-remote-} $5 $6 $7 $8 $k";
done;
test "$v" = remove && find . -name "new-*" -type f -mtime +0 -exec rm -f {} + 2>/dev/null;
echo "$m DONE"
`;

/** The remote command for manageAgents. */
export const AGENTS_COMMAND = `exec /bin/sh -c '${joinLines(SOURCE)}'`;

/** More than any account's agents say, bytes. */
const OUTPUT_BYTES = 1 << 20;

/**
 * Carries out `verb` on `transport`, whose command is AGENTS_COMMAND. `keep` is the SHA-256 of an agent that `remove` leaves
 * alone. Throws TsyncError if the far side cannot do it.
 */
export async function manageAgents(
  transport: Transport,
  verb: AgentVerb,
  keep: string | null,
): Promise<InstalledAgent[]> {
  const marker = hex(randomBytes(16));
  await transport.sink.write(utf8(`tsync1-agents ${marker} ${verb} ${keep ?? "-"}\n`)).catch(() => {});
  const output = await readAll(transport);
  const lines = latin1(output).split("\n").filter((line) => line.includes(`${marker} `))
    .map((line) => line.slice(line.indexOf(marker) + marker.length + 1));
  const failed = lines.find((line) => line.startsWith("FAIL "));
  if (failed !== undefined) fail(`the far side cannot ${verb} agents: ${failed.slice(5)}`);
  if (lines.at(-1) !== "DONE") {
    const finder = new AnswerFinder(marker);
    finder.push(output);
    throw explainEnd(await transport.closed, finder, true);
  }
  return lines.slice(0, -1).map(parseAgent);
}

function parseAgent(line: string): InstalledAgent {
  const parts = /^AGENT ([0-9a-f]{64}) ([0-9]{1,15}) ([A-Za-z]{3} +[0-9]+ +[0-9:]+) ([a-z]+)$/.exec(line);
  if (parts === null) fail("the far side's list of agents has a line of unknown form");
  return { sha256: parts[1], bytes: Number(parts[2]), date: parts[3], state: parts[4] as AgentState };
}

async function readAll(transport: Transport): Promise<Uint8Array> {
  const into = new Uint8Array(64 << 10);
  let output: Uint8Array = new Uint8Array(0);
  try {
    for (let count = await transport.source.read(into); count !== null; count = await transport.source.read(into)) {
      output = concatBytes(output, into.subarray(0, count));
      if (output.length > OUTPUT_BYTES) break;
    }
  } catch {
    // A stream that breaks ends like one that is closed: what is missing is noticed by the caller.
  }
  return output;
}

function fail(detail: string): never {
  throw new TsyncError({ kind: "start", detail });
}

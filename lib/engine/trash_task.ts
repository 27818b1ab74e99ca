// What is done with a trash without a synchronisation: undo a run, tell of the runs, take out what is too old (`tsync undo`, `tsync history`).
// Called by the job of a local task and by the agent. Tells by the ordinary events; what cannot go on is a TsyncError.

import { display, fromLatin1, latin1 } from "../base/bytes.ts";
import { errnoText } from "../base/errno.ts";
import { TsyncError } from "../base/errors.ts";
import { zeroTotals } from "../base/monitor.ts";
import type { SyncOptions } from "../base/options.ts";
import { Cause, Side, Verb } from "../base/problem.ts";
import { Errno, type Handle } from "../os/os.ts";
import type { Events } from "../session/events.ts";
import { TRASH_NAME } from "../tree/own_names.ts";
import { openRun, openTrash, openTrashAt, readJournal, runNames, weighRun } from "../tree/trash_folder.ts";
import type { Environment } from "./environment.ts";
import { openSide, sidePath } from "./side_word.ts";
import { lookAtRun, pruneTrash, type RunFacts } from "./trash_history.ts";
import { Undo } from "./undo.ts";

/** Carries out `options.trashTask` for the target at `path`. */
export async function performTrashTask(
  env: Environment,
  events: Events,
  options: SyncOptions,
  path: Uint8Array,
): Promise<void> {
  const { os } = env;
  const root = os.openRoot(path);
  if (root < 0) refuse(`cannot open "${display(path)}": ${errnoText(-root)}`);
  let trash: Handle = -1;
  try {
    trash = openTrashOf(env, options, root, path);
    if (trash >= 0) await perform(env, events, options, root, trash);
    else if (options.trashTask.startsWith("undo")) {
      refuse(`there is no trash of "${display(path)}": nothing can be undone`);
    } else {
      // The totals are the end for the other side of a connection.
      events.totals(zeroTotals());
    }
  } finally {
    if (trash >= 0) os.close(trash);
    os.close(root);
  }
}

function openTrashOf(
  { os, identity }: Environment,
  { trash }: SyncOptions,
  root: Handle,
  path: Uint8Array,
): Handle {
  const opened = trash === "" || trash === latin1(TRASH_NAME)
    ? openTrash(os, root, identity.uid)
    : openTrashAt(os, openSide(os, { handle: root, path }, trash), sidePath(path, trash), identity.uid);
  return opened === -Errno.ENOENT ? -1 : opened;
}

async function perform(
  env: Environment,
  events: Events,
  options: SyncOptions,
  root: Handle,
  trash: Handle,
): Promise<void> {
  const { os, identity: { uid } } = env;
  const totals = zeroTotals();
  const [task, run] = options.trashTask.split(" ");
  if (task === "undo") {
    const name = run === undefined ? lastRun(env, trash) : fromLatin1(run);
    await undo(env, events, options, root, trash, name, totals);
    tellRun(events, lookAtRun(os, trash, name, uid));
  } else {
    const gone = task === "clean" ? pruneTrash(os, trash, uid, options, options.dryRun) : [];
    for (const path of gone) {
      events.problem({ verb: Verb.remove, cause: Cause.trashRunGone, errno: 0, side: Side.target, path });
    }
    // Those of a dry run are still there.
    const isGone = new Set(gone.map(latin1));
    for (const name of runNames(os, trash)) {
      if (isGone.has(latin1(name))) continue;
      tellRun(events, lookAtRun(os, trash, name, uid));
      await (events.room?.() ?? env.pause());
    }
  }
  events.totals(totals);
}

async function undo(
  env: Environment,
  events: Events,
  options: SyncOptions,
  root: Handle,
  trash: Handle,
  name: Uint8Array,
  totals: ReturnType<typeof zeroTotals>,
): Promise<void> {
  const { os, identity: { uid } } = env;
  const run = openRun(os, trash, name, uid);
  try {
    if (os.lockExclusive(run) < 0) refuse(`the run "${latin1(name)}" is at work, or is being undone`);
    if (weighRun(os, run).isUndone) refuse(`the run "${latin1(name)}" was undone before`);
    const records = readJournal(os, run, uid);
    if (records === null) refuse(`the run "${latin1(name)}" has no journal`);
    await new Undo(env, events, totals, root, run, options.dryRun).perform(records);
  } finally {
    os.close(run);
  }
}

/** The last run that was not undone. */
function lastRun({ os, identity: { uid } }: Environment, trash: Handle): Uint8Array {
  for (const name of runNames(os, trash).reverse()) {
    const { state } = lookAtRun(os, trash, name, uid);
    if (state === "whole" || state === "cut short" || state === "half undone") return name;
  }
  refuse("there is no run in the trash that could be undone");
}

/** The facts as the words of a line: "RUN SECONDS KEPT MADE BYTES STATE". */
function tellRun(events: Events, { name, timeSec, kept, made, bytes, state }: RunFacts): void {
  const path = fromLatin1([latin1(name), timeSec, kept, made, bytes, state].join(" "));
  events.problem({ verb: Verb.stat, cause: Cause.trashRun, errno: 0, side: Side.target, path });
}

function refuse(detail: string): never {
  throw new TsyncError({ kind: "selection", detail });
}

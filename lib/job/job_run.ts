// What every way of carrying a job out works with: on one machine (local.ts), over a connection (remote.ts), from a batch (batch.ts).
// Made by the job runner.

import type { FileList } from "../base/file_list.ts";
import type { Monitor } from "../base/monitor.ts";
import type { Environment } from "../engine/environment.ts";
import type { FilterSet } from "../filter/filter_set.ts";
import type { ModeChanger } from "../plan/mode_changes.ts";
import type { BatchRecording } from "./batch.ts";
import type { Reporter } from "./reporter.ts";

export interface JobRun {
  /** That of the half at this end; on one machine the source's. */
  env: Environment;
  list: FileList;
  filters: FilterSet;
  changeMode?: ModeChanger | null;
  reporter: Reporter;
  monitor: Monitor;
  stop: AbortSignal;
  /** --write-batch. */
  recording?: BatchRecording | null;
}

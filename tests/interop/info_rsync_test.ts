// What --info tells besides names: what was backed up, removed at the source, or left out, beside the installed rsync.

import { useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder } from "../support/trees.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };

const TREE: Entry[] = [
  ...[folder("s", OLD), folder("d", OLD), folder("s/sub", OLD), folder("d/sub", OLD)],
  ...[file("s/changed", "changed", NEW), file("d/changed", "old", OLD)],
  ...[file("s/sub/changed\x01", "changed", NEW), file("d/sub/changed\x01", "old", OLD)],
  ...[file("s/older", "older", OLD), file("d/older", "newer", NEW)],
  ...[file("s/same", "same", OLD), file("d/same", "same", OLD)],
  ...[folder("s/new", OLD), file("s/new/in", "in", OLD)],
  file("d/extra", "extra", OLD),
];
const TIMELESS = { entries: TREE, without: ["mtime"] };

const SCENARIOS: Scenario[] = [
  { name: "backup", options: "-ab --info=backup", ...TIMELESS },
  { name: "backup, --suffix and --delete", options: "-ab --suffix=.old --delete --info=backup", ...TIMELESS },
  { name: "backup in a new folder", options: "-ab --backup-dir=../kept --delete --info=backup", ...TIMELESS },
  {
    name: "backup in a folder that is there",
    options: "-abvv --backup-dir=../kept",
    entries: [...TREE, folder("kept", OLD)],
    without: ["mtime"],
  },
  { name: "backup of what is written in place", options: "-ab --inplace --info=backup", ...TIMELESS },
  { name: "backup in a dry run", options: "-abn --info=backup", ...TIMELESS },
  { name: "backup0 under -vv", options: "-abvv --info=backup0,skip0", ...TIMELESS },
  { name: "backup under -vv", options: "-abvv", ...TIMELESS },
  { name: "remove", options: "-a --remove-source-files --info=remove", ...TIMELESS },
  { name: "remove in a dry run", options: "-an --remove-source-files --info=remove", ...TIMELESS },
  { name: "remove under -vv", options: "-avv --remove-source-files", ...TIMELESS },
  { name: "skip", options: "-au --info=skip", ...TIMELESS },
  { name: "skip, --existing", options: "-a --existing --info=skip", ...TIMELESS },
  { name: "skip, --ignore-existing", options: "-a --ignore-existing --info=skip", ...TIMELESS },
  { name: "skip, sizes", options: "-a --max-size=4 --min-size=3 --info=skip", ...TIMELESS },
  { name: "skip0 under -vv", options: "-auvv --info=skip0", ...TIMELESS },
  { name: "all of them, -q", options: "-aubq --remove-source-files --info=all", ...TIMELESS },
];

testScenarios("info", SCENARIOS);

// Rows of the option table: batches.

import type { Option } from "./option.ts";

const GROUP = "Backups and other folders";

export const BATCH_OPTIONS: readonly Option[] = [
  {
    name: "write-batch",
    argument: "FILE",
    group: GROUP,
    help: "note what is done in FILE, to be done again elsewhere,\nand a script in FILE.sh that does it",
    set(settings, value) {
      settings.writeBatch = value;
      settings.options.batchOnly = false;
    },
  },
  {
    name: "only-write-batch",
    argument: "FILE",
    group: GROUP,
    help: "the same, but change nothing at the target",
    set(settings, value) {
      settings.writeBatch = value;
      settings.options.batchOnly = true;
    },
  },
  {
    name: "read-batch",
    argument: "FILE",
    group: GROUP,
    help: "do what FILE says to the target, the only operand;\n- is standard input",
    set(settings, value) {
      settings.readBatch = value;
    },
  },
];

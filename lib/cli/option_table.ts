// The one table of options: parser (option_words.ts), help, manual and completions are made from it. Its rows stand in the files of
// their groups; order is the order of the help.

import { BATCH_OPTIONS } from "./batch_options.ts";
import { CONNECTION_OPTIONS, EFFECTLESS_OPTIONS } from "./connection_options.ts";
import { KEPT_OPTIONS } from "./kept_options.ts";
import type { Option } from "./option.ts";
import { OUTPUT_OPTIONS } from "./output_options.ts";
import { STAGING_OPTIONS } from "./staging_options.ts";
import { TARGET_OPTIONS } from "./target_options.ts";
import { TRASH_OPTIONS } from "./trash_options.ts";
import { TRANSFER_OPTIONS } from "./transfer_options.ts";

export const OPTIONS: readonly Option[] = [
  ...TRANSFER_OPTIONS,
  ...KEPT_OPTIONS,
  ...TARGET_OPTIONS,
  ...STAGING_OPTIONS,
  ...TRASH_OPTIONS,
  ...BATCH_OPTIONS,
  ...CONNECTION_OPTIONS,
  ...OUTPUT_OPTIONS,
  ...EFFECTLESS_OPTIONS,
];

// Which options mean something behind a subcommand. Called by transfers_command.ts and trash_command.ts. Promises: an option that the subcommand
// would pass over is refused, as --exclude, which somebody may count on.

import { usageError } from "./option_values.ts";
import { defaultSettings, type OutputSettings, type Settings } from "./settings.ts";

/** The fields that an option of the subcommand may have set. */
export interface Meant {
  settings: readonly (keyof Settings)[];
  options: readonly (keyof Settings["options"])[];
  output: readonly (keyof OutputSettings)[];
}

/** Throws TsyncError "usage", which ends with `advice`, if an option was given that is not `meant` or one of the connection. */
export function demandMeant(settings: Settings, verb: string, meant: Meant, advice: string): void {
  const plain = defaultSettings();
  const isLike = (given: object, usual: object, passed: readonly string[]) =>
    Object.entries(usual).every(([name, value]) =>
      passed.includes(name) || JSON.stringify(given[name as keyof object]) === JSON.stringify(value)
    );
  const isPlain =
    isLike(settings, plain, ["options", "output", "rsh", "rsyncPath", "ipVersion", "cleansTrash", ...meant.settings]) &&
    isLike(settings.options, plain.options, ["dryRun", "timeoutSeconds", ...meant.options]) &&
    isLike(settings.output, plain.output, meant.output);
  if (!isPlain) throw usageError(`an option that was given means nothing to "${verb}"; ${advice}`);
}

// The filter rules of a job, as they travel, made into the set both halves ask. A rule this side cannot use ends the run
// (fail closed, R22): without it something would be copied or deleted that was to be spared.

import { TsyncError } from "../base/errors.ts";
import type { FilterRule } from "../base/options.ts";
import { FilterSet } from "../filter/filter_set.ts";
import { type Rule, RuleError, ruleFromParts } from "../filter/rule.ts";

export function filterSet(rules: FilterRule[]): FilterSet {
  return new FilterSet(rules.map(usable));
}

function usable({ pattern, flags }: FilterRule): Rule {
  const rule = ruleFromParts(pattern, flags);
  if (rule instanceof RuleError) throw new TsyncError({ kind: "usage", detail: rule.sentence });
  return rule;
}

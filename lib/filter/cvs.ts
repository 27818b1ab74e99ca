// The patterns that -C leaves out: what version control and compilers leave lying about. Called by the command line, which adds
// those of $HOME/.cvsignore and CVSIGNORE.

import { type Rule, type RuleError, RuleFlag, ruleFromParts } from "./rule.ts";
import { readRuleFile, type RuleSink } from "./rule_text.ts";

const PATTERNS =
  "RCS SCCS CVS CVS.adm RCSLOG cvslog.* tags TAGS .make.state .nse_depinfo *~ #* .#* ,* _$* *$ *.old *.bak " +
  "*.BAK *.orig *.rej .del-* *.a *.olb *.o *.obj *.so *.exe *.Z *.elc *.ln core .svn/ .git/ .hg/ .bzr/";
const STYLE = RuleFlag.plain | RuleFlag.words | RuleFlag.clears;

/** The rules, each with `flags`; those built in are perishable. A "!" among the user's own forgets only these here. */
export function cvsRules(flags: number, own: readonly { bytes: Uint8Array; name: string }[]): Rule[] | RuleError {
  const rules: Rule[] = [];
  const sink: RuleSink = {
    add: (rule) => rules.push(rule),
    clear: () => rules.length = 0,
    // Plain files have no merge rules.
    read: () => ({ bytes: new Uint8Array(0), fileName: "" }),
    cvs: () => [],
  };
  for (const pattern of PATTERNS.split(" ")) {
    const bytes = Uint8Array.from(pattern, (char) => char.charCodeAt(0));
    rules.push(ruleFromParts(bytes, flags | RuleFlag.perishable) as Rule);
  }
  for (const { bytes, name } of own) {
    const error = readRuleFile(bytes, STYLE | flags, name, sink);
    if (error !== undefined) return error;
  }
  return rules;
}

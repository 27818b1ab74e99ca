// Failures by class, each once; what may be tried again.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { Cause, isNotice, type Problem, Side, Verb } from "../../lib/base/problem.ts";
import { classOf, PROBLEM_CLASSES } from "../../lib/base/problem_class.ts";
import { remedyOf } from "../../lib/cli/problem_text.ts";
import { Failures } from "../../lib/job/failures.ts";
import { Reporter } from "../../lib/job/reporter.ts";

function problem(change: Partial<Problem> = {}): Problem {
  return { verb: Verb.open, cause: Cause.system, errno: 5, side: Side.source, path: utf8("x/y"), ...change };
}

Deno.test("classOf gives each failure one class", () => {
  const cases: [Partial<Problem>, string][] = [
    [{}, "data"],
    [{ errno: 13 }, "denied"],
    [{ errno: 30, verb: Verb.create, side: Side.target }, "denied"],
    [{ errno: 1, verb: Verb.setOwner, side: Side.target }, "metadata"],
    [{ cause: Cause.vanished, errno: 0 }, "vanished"],
    [{ cause: Cause.changed, errno: 0 }, "changed"],
    [{ cause: Cause.targetChanged, verb: Verb.setMode, errno: 0 }, "changed"],
    [{ cause: Cause.collision, errno: 0 }, "collision"],
    [{ cause: Cause.verify, errno: 0 }, "data"],
    [{ cause: Cause.tooMuch, verb: Verb.setAttributes, errno: 0 }, "metadata"],
  ];
  for (const [change, expected] of cases) assert.equal(classOf(problem(change)), expected, JSON.stringify(change));
});

Deno.test("Failures counts the same failure once, whatever the classes the counts add up, and deletions are not tried again", () => {
  const failures = new Failures();
  let told = 0;
  for (const cause of Object.values(Cause)) {
    for (const verb of Object.values(Verb)) {
      const each = problem({ cause, verb, path: utf8(`${cause}/${verb}`) });
      if (isNotice(each)) continue;
      assert.equal(failures.add(each), true);
      assert.equal(failures.add({ ...each, path: new Uint8Array(each.path) }), false);
      told++;
    }
  }
  assert.equal(PROBLEM_CLASSES.reduce((sum, name) => sum + failures.counts[name], 0), told);
  const before = failures.paths.length;
  failures.add(problem({ verb: Verb.remove, side: Side.target, path: utf8("extra") }));
  failures.add(problem({ verb: Verb.stat, errno: 84, path: utf8("has no name in the other charset") }));
  assert.equal(failures.paths.length, before);
});

Deno.test("the reporter shows and counts a failure that comes twice once", () => {
  const shown: Problem[] = [];
  const ignore = () => {};
  const monitor = { problem: (each: Problem) => shown.push(each) };
  const reporter = new Reporter(
    new FileList(),
    { ...monitor, phase: ignore, entry: ignore, deleted: ignore, listed: ignore, transferred: ignore },
  );
  for (let k = 0; k < 2; k++) reporter.problem(problem());
  reporter.problem(problem({ cause: Cause.vanished }));
  assert.deepEqual([shown.length, reporter.failed, reporter.vanished], [2, 1, 1]);
  assert.deepEqual([reporter.failures.counts.data, reporter.failures.counts.vanished], [1, 1]);
});

Deno.test("remedyOf says what to do on the side that failed, and nothing where the sentence says it", () => {
  assert.match(remedyOf(problem({ errno: 13 }))!, /may read/);
  assert.match(remedyOf(problem({ errno: 13, side: Side.target }))!, /may write/);
  assert.match(remedyOf(problem({ errno: 28, side: Side.target }))!, /room/);
  assert.equal(remedyOf(problem({ errno: 28 })), null);
  assert.equal(remedyOf(problem({ cause: Cause.collision })), null);
});

// tally.ts SKIPS RESULTS...: reads the JUnit files that `deno test` writes, one per folder of tests, and prints "PASSED FAILED SKIPPED"
// as its last line, before it what a person needs to know: each failure by name, each skip with its reason.
// Called by scripts/test.sh. A skip counts as a failure unless the file SKIPS names it: a test does not vanish unnoticed.

interface Case {
  name: string;
  result: "passed" | "failed" | "skipped";
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex, decimal, word) =>
      hex
        ? String.fromCodePoint(parseInt(hex, 16))
        : decimal
        ? String.fromCodePoint(+decimal)
        : ENTITIES[word] ?? whole,
  );
}

/** The test cases of one JUnit file as Deno writes it: one <testcase> element each, steps included. */
function parseCases(xml: string): Case[] {
  const found = xml.matchAll(/<testcase name="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g);
  return Array.from(found, ([, name, body]) => ({
    name: unescapeXml(name),
    result: /^\s*<(failure|error)\b/.test(body) ? "failed" : /^\s*<skipped\b/.test(body) ? "skipped" : "passed",
  }));
}

/** "FOLDER NAME" -> reason. */
function parseSkips(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" | ");
    if (at < 0) throw new Error(`skips.txt: no reason in this line: ${line}`);
    return [line.slice(0, at), line.slice(at + 3)];
  }));
}

const [skipsFile, ...files] = Deno.args;
const pinned = parseSkips(Deno.readTextFileSync(skipsFile));
const count = { passed: 0, failed: 0, skipped: 0 };
for (const file of files) {
  const folder = file.replace(/^.*\//, "").replace(/\.xml$/, "");
  for (const { name, result } of parseCases(Deno.readTextFileSync(file))) {
    const key = `${folder} ${name}`;
    const reason = pinned.get(key);
    if (result === "skipped" && reason === undefined) {
      console.log(`FAILED (skipped, and tests/skips.txt does not allow it): ${key}`);
      count.failed++;
      continue;
    }
    if (result === "failed") console.log(`FAILED: ${key}`);
    if (result === "skipped") console.log(`skipped: ${key}: ${reason}`);
    count[result]++;
  }
}
console.log(`${count.passed} ${count.failed} ${count.skipped}`);

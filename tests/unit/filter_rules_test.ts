// Filter rules, case by case: what a pattern means, what a line means, which rule wins, and that no pattern is slow.
// That these answers are rsync's own is the business of tests/interop/filter_rsync_test.ts.

import { assert, assertEquals } from "@std/assert";
import { FilterSet } from "../../lib/filter/filter_set.ts";
import { PATTERN_BYTES, type Rule, RuleError, ruleFromParts, type RuleSide } from "../../lib/filter/rule.ts";
import { CLEAR, NOTHING, parseRule, parseRuleFile, RuleList } from "../../lib/filter/rule_text.ts";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

function rule(pattern: string, action: "include" | "exclude" = "exclude", side: RuleSide = "both"): Rule {
  const made = ruleFromParts(bytes(pattern), action, side);
  if (made instanceof RuleError) throw new Error(made.sentence);
  return made;
}

/** A path that ends in "/" is a folder. */
function excluded(pattern: string, path: string): boolean {
  const isFolder = path.endsWith("/");
  return new FilterSet([rule(pattern)]).excluded(bytes(isFolder ? path.slice(0, -1) : path), isFolder);
}

/** One equation a line: `pattern = paths it means ! paths it does not`. */
function holds(equations: string): void {
  for (const line of equations.trim().split("\n")) {
    const [, pattern, yes, no] = /^\s*(.*?) = (.*?) ! ?(.*)$/.exec(line)!;
    for (const path of yes.split(" ")) assertEquals([line, path, excluded(pattern, path)], [line, path, true]);
    for (const path of no.split(" ").filter((word) => word !== "")) {
      assertEquals([line, path, excluded(pattern, path)], [line, path, false]);
    }
  }
}

Deno.test("a pattern without slash is held against the last component", () =>
  holds(String.raw`
    foo = foo foo/ a/foo a/b/foo/ ! foob afoo foo/a Foo
    *.o = a.o .o a/b.o x/y/.o/ ! a.o/b a.ob o
    foo* = foo foobar a/foobar ! afoo foo/a
    *foo = foo xfoo a/xfoo ! foox
    f*o = fo foo f-o a/fxxo/ ! fo/o fox
    f?o = fxo a/f.o ! fo fxxo f/o
    * = a a/b ! 
    a\b = a\b x/a\b ! ab`));

Deno.test("a pattern with a slash inside is held against as many last components", () =>
  holds(String.raw`
    a/b = a/b x/a/b x/y/a/b/ ! xa/b a/b/c a/x/b
    a/*.c = a/x.c y/a/.c ! a/x/y.c x.c
    */b = a/b x/a/b ! b
    a/*/b = a/x/b y/a/x/b ! a/b a/x/y/b`));

Deno.test("a leading slash anchors at the root of the transfer", () =>
  holds(String.raw`
    /foo = foo foo/ ! a/foo foo/a
    /a/b = a/b ! x/a/b a/b/c
    /*.c = a.c ! b/a.c
    /a/*/c = a/b/c ! x/a/b/c a/b/b/c`));

Deno.test("a trailing slash means folders only", () =>
  holds(String.raw`
    foo/ = foo/ a/foo/ ! foo a/foo
    */ = a/ a/b/ ! a a/b
    /a/b/ = a/b/ ! a/b x/a/b/`));

Deno.test("a double star crosses slashes and floats unless it is anchored", () =>
  holds(String.raw`
    a**b = ab a/b a/x/y/b x/a/b axb ! xa/b a/b/c
    **/x = x a/x a/b/x ! ax a/xx
    /**/x = a/x a/b/x ! x
    a/** = a/x a/x/y y/a/x ! a a/
    /foo/**/bar = foo/a/bar foo/a/b/bar ! foo/bar x/foo/a/bar
    **foo = foo a/xfoo ! foox
    a/**/**/b = a/x/y/b ! a/x/b`));

Deno.test("dir/*** means the folder and all that it holds", () =>
  holds(String.raw`
    dir/*** = dir/ dir/a dir/a/b x/dir/ ! dir dirx/
    /dir/*** = dir/ dir/a ! x/dir/ x/dir/a
    d*/*** = dir/ d/ dx/a ! d`));

Deno.test("a class takes one byte, never a slash", () =>
  holds(String.raw`
    [a-c]x = ax cx ! dx x aax
    [!a-c]x = dx -x ! ax
    [^a]x = bx ! ax
    a[!b]c = axc ! a/c abc
    []x] = ] x ! [
    [!]x] = [ y ! ] x
    [a-] = a - ! b
    [a-c-e] = a b c - e ! d
    [!-a]x = bx ! -x ax
    /a[!b]c = axc ! a/c abc
    [c-a] = c ! b a
    [\]x] = ] x ! \
    [[:digit:]_] = 7 _ ! a
    [[:alpha:][:digit:]] = a Z 0 ! - .
    [![:upper:]] = a ! A
    [[:punct:]] = . ~ ! a 1
    [a] = a x/a ! [a]`));

Deno.test("a slash in a class counts as one: the pattern wants as many components, and the class cannot match it", () => {
  for (const path of ["a", "b", "x/a", "/", "x/a/b"]) assertEquals([path, excluded("[a/b]", path)], [path, false]);
});

Deno.test("a broken class or a lone backslash at the end matches nothing", () => {
  for (const pattern of ["[a", "[", "[]", "[[:nosuch:]a]", "a*\\", "*[a", "[a\\"]) {
    for (const path of ["a", "[a", "[", "[]", "n", "ab", "a\\", "[a\\"]) {
      assertEquals([pattern, path, excluded(pattern, path)], [pattern, path, false]);
    }
  }
});

Deno.test("a backslash escapes only where there are wildcards", () =>
  holds(String.raw`
    a\*b* = a*b a*bc ! axb a\*b
    a\bc* = abc ! a\bc
    \*\* = ** ! ab \*\*
    a\\b? = a\bc ! abc`));

Deno.test("names are bytes: high bytes, newlines and one half of a character match as themselves", () => {
  assert(excluded("\xff*", "\xff\xfe"));
  assert(excluded("a?b", "a\nb"));
  assert(excluded("[\x80-\xff]", "\xc3"));
  assert(!excluded("?", "\xc3\xa9"), "? is one byte");
  assert(!excluded("[[:alpha:]]", "\xe9"));
});

Deno.test("FilterSet takes the first rule that matches, and nothing is excluded where none does", () => {
  const first = new FilterSet([rule("keep.o", "include"), rule("*.o"), rule("keep.c"), rule("*.c", "include")]);
  const answers = ["keep.o", "x.o", "keep.c", "x.c", "other"].map((path) => first.excluded(bytes(path), false));
  assertEquals(answers, [false, true, true, false, false]);
});

Deno.test("FilterSet never excludes the root, and looks at no byte beyond the given length", () => {
  const all = new FilterSet([rule("*"), rule("**")]);
  assertEquals(all.excluded(new Uint8Array(0), true), false);
  assertEquals(all.protectedFromDeletion(new Uint8Array(0), true), false);
  const buffer = bytes("a/foo/rest");
  assertEquals(new FilterSet([rule("foo")]).excluded(buffer, true, 5), true);
  assertEquals(new FilterSet([rule("rest")]).excluded(buffer, true, 5), false);
  assertEquals(new FilterSet([rule("/a/f*o/")]).excluded(buffer, true, 5), true);
});

Deno.test("a rule's side says whether it hides at the sender, protects at the receiver, or both", () => {
  const answers = (side: RuleSide) => {
    const filter = new FilterSet([rule("x", "exclude", side)]);
    return [filter.isEmpty, filter.excluded(bytes("x"), false), filter.protectedFromDeletion(bytes("x"), false)];
  };
  assertEquals(answers("both"), [false, true, true]);
  assertEquals(answers("sender"), [false, true, false]);
  assertEquals(answers("receiver"), [false, false, true]);
  assertEquals(new FilterSet([]).isEmpty, true);
  const risk = new FilterSet([rule("x", "include", "receiver"), rule("x")]);
  assertEquals([risk.excluded(bytes("x"), false), risk.protectedFromDeletion(bytes("x"), false)], [true, false]);
});

/** "-x" or "+x" for a rule, the word or the sentence for anything else. */
function show(parsed: ReturnType<typeof parseRule>): string {
  if (parsed instanceof RuleError) return parsed.sentence;
  return typeof parsed === "string"
    ? parsed
    : (parsed.action === "include" ? "+" : "-") + String.fromCharCode(...parsed.pattern);
}

Deno.test("parseRule reads prefixes, the clearing mark and everything else as rsync does", () => {
  const equations: Array<[string, string]> = [
    ["foo", "-foo"],
    ["- foo", "-foo"],
    ["+ foo", "+foo"],
    ["- - foo", "-- foo"],
    ["-  foo", "- foo"],
    ["-_foo", "--_foo"],
    ["-\tfoo", "--\tfoo"],
    ["-", "--"],
    ["foo ", "-foo "],
    ["#c", "-#c"],
    ["- !", "-!"],
    ["!", CLEAR],
    ["! ", "-! "],
    ["!x", "-!x"],
    ["", NOTHING],
    ["- ", "exclude rule without a pattern"],
    ["+ ", "include rule without a pattern"],
    ["a\0b", "exclude pattern with a NUL byte, which no name can hold"],
  ];
  for (const [text, expected] of equations) assertEquals(show(parseRule(bytes(text), "exclude")), expected);
  assertEquals(show(parseRule(bytes("foo"), "include")), "+foo");
});

Deno.test("parseRuleFile takes LF, CR and CRLF, and skips empty lines and comments that start a line", () => {
  const file = "#c\n;c\n\n\r\n- a\r\n+ b\rc\n #d\n- #e\n!\nlast";
  const rules = parseRuleFile(bytes(file), "exclude", "rules");
  if (rules instanceof RuleError) throw new Error(rules.sentence);
  assertEquals(rules.map(show), ["-a", "+b", "-c", "- #d", "-#e", CLEAR, "-last"]);
  assertEquals(parseRuleFile(bytes(""), "exclude", "rules"), []);
});

Deno.test("parseRuleFile names file and line of what it refuses", () => {
  const refused = parseRuleFile(bytes("a\r\n#\r\n- \r\n"), "exclude", "/etc/rules");
  assertEquals(refused instanceof RuleError && refused.sentence, "/etc/rules, line 3: exclude rule without a pattern");
});

Deno.test("RuleList keeps the order, and ! forgets what options and files said before", () => {
  const list = new RuleList();
  list.addText(bytes("gone"), "exclude");
  list.addFile(bytes("gone too\n!\n+ a\n"), "exclude", "rules");
  list.addText(bytes("b"), "exclude");
  assert(list.addText(bytes("- "), "exclude") instanceof RuleError);
  assert(list.addFile(bytes("c\n+ \n"), "exclude", "rules") instanceof RuleError);
  assertEquals(list.rules.map(show), ["+a", "-b"]);
});

Deno.test("a rule survives the way through its parts, and what rsync would drop is refused", () => {
  const parsed = parseRule(bytes("+ /a/**\\*\xff"), "exclude") as Rule;
  assertEquals(ruleFromParts(parsed.pattern, parsed.action, parsed.side), parsed);
  assert(!(ruleFromParts(new Uint8Array(PATTERN_BYTES).fill(97), "exclude") instanceof RuleError));
  assert(ruleFromParts(new Uint8Array(PATTERN_BYTES + 1).fill(97), "exclude") instanceof RuleError);
  assert(ruleFromParts(new Uint8Array(0), "exclude") instanceof RuleError);
  assert(ruleFromParts(bytes("a\0"), "include") instanceof RuleError);
});

Deno.test("parseRule keeps no hold of the bytes it was given", () => {
  const text = bytes("foo");
  const parsed = parseRule(text, "exclude");
  text.fill(0);
  assertEquals(show(parsed), "-foo");
});

Deno.test("long patterns match as short ones do: forty bytes in front on both sides change nothing", () => {
  const pieces = ["a", "b", "/", "*", "**", "?", "[ab]", "[!a]", "/**/", "a*"];
  const texts = ["", "a", "b", "ab", "ba", "a/b", "aab", "b/a/b", "abab", "aa/bb", "a/b/a", "bbbb", "ab/ab/ab"];
  let state = 1;
  const below = (limit: number) => (state = Math.imul(state, 48271) >>> 0) % limit;
  let matched = 0;
  for (let round = 0; round < 3000; round++) {
    let pattern = "";
    for (let i = below(6); i >= 0; i--) pattern += pieces[below(pieces.length)];
    const short = new FilterSet([rule(`/q${pattern}`)]);
    const long = new FilterSet([rule(`/${"q".repeat(40)}${pattern}`)]);
    for (const text of texts) {
      const expected = short.excluded(bytes(`q${text}`), true);
      if (expected) matched++;
      assertEquals(long.excluded(bytes("q".repeat(40) + text), true), expected, `/q${pattern} and q${text}`);
    }
  }
  assert(matched > 3000, `${matched} matches: the test is blind`);
});

Deno.test("no pattern backtracks: the worst of 4095 bytes answers within a second on the longest path", () => {
  const path = bytes("a".repeat(4095));
  const folders = bytes("a/".repeat(2047) + "a");
  for (const unit of ["*a", "**a", "a*", "?*", "**/", "*/", "[ab]**", "**?", "/**/*"]) {
    const pattern = unit.repeat(Math.floor(4094 / unit.length)) + "b";
    const begun = performance.now();
    const filter = new FilterSet([rule(pattern)]);
    assertEquals([filter.excluded(path, false), filter.excluded(folders, false)], [false, false]);
    const ms = performance.now() - begun;
    assert(ms < 1000, `${unit} repeated took ${ms} ms`);
  }
});

// --iconv beside rsync's.

import { useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link } from "../support/trees.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const TOPS = [folder("s", { mode: 0o755, ...OLD }), folder("d", { mode: 0o755, ...OLD })];
/** In UTF-8, and in ISO 8859-1. */
const UTF: Entry[] = [
  file("s/caf\xc3\xa9", "1", OLD),
  file("s/plain", "2", OLD),
  link("s/l", "zi\xc3\xa9l", OLD),
  folder("s/d\xc3\xbc", { mode: 0o755, ...OLD }),
  file("s/d\xc3\xbc/\xc3\xa9", "3", OLD),
];
const LATIN: Entry[] = [
  file("s/caf\xe9", "1", OLD),
  folder("s/d\xfc", { mode: 0o755, ...OLD }),
  file("s/d\xfc/\xe9", "3", OLD),
  link("s/l", "zi\xe9l", OLD),
];
const THERE = (entries: Entry[]) => entries.map((entry) => ({ ...entry, path: entry.path.replace(/^s/, "d") }));

const SCENARIOS: Scenario[] = [
  { name: "to ISO 8859-1", options: "-a --iconv=utf8,iso88591", entries: [...TOPS, ...UTF], local: true },
  { name: "from ISO 8859-1", options: "-a --iconv=iso88591,utf8", entries: [...TOPS, ...LATIN], local: true },
  { name: "to or from ISO 8859-1", options: "-a --iconv=utf8,iso88591", entries: [...TOPS, ...UTF], notPull: true },
  { name: "lines", options: "-ai --iconv=utf8,koi8-r", entries: [...TOPS, file("s/plain", "2", OLD)] },
  {
    name: "second run",
    options: "-ai --delete --iconv=utf8,iso88591",
    entries: [...TOPS, ...UTF, ...THERE(LATIN), file("d/plain", "2", OLD)],
    local: true,
  },
  {
    name: "what cannot be converted at the source",
    options: "-a --iconv=utf8,iso88591",
    entries: [...TOPS, ...UTF, file("s/bad\xff", "4", OLD)],
    local: true,
  },
  {
    name: "what cannot be converted at the target",
    options: "-a --iconv=utf8,iso88591",
    entries: [...TOPS, ...UTF, file("s/\xe2\x82\xac", "4", OLD)],
    local: true,
  },
  { name: "--iconv=-", options: "-a --iconv=-", entries: [...TOPS, ...LATIN] },
  { name: "--no-iconv", options: "-a --iconv=utf8,koi8-r --no-iconv", entries: [...TOPS, ...LATIN] },
];

testScenarios("iconv", SCENARIOS);

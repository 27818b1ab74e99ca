// The second thread that scans the target's own tree. Started by tree_thread.ts. Promises: it reads and changes nothing; one answer to
// each question, in order.

import { ContentHash } from "../hash/content_hash.ts";
import { openLinux } from "../os/linux.ts";
import { onMessage, reply } from "../os/thread.ts";
import { NUMBERS } from "../tree/subtree_digests.ts";
import { attributeReader } from "./attribute_reader.ts";
import { filterSet } from "./filters.ts";
import { type Comparison, OwnTree } from "./own_tree.ts";
import { buffersOf, type ListedFolder, type SeenRange, seenRows } from "./seen_folder.ts";
import type { TreeAnswer, TreeOrder, TreeQuestion } from "./tree_thread.ts";

/** Entries of folders that differ, in one answer: about 45 bytes each. The others are looked at once more. */
const TOLD_ENTRIES = 1 << 17;

let tree: Promise<OwnTree> | null = null;

onMessage((message) => {
  if (tree === null) tree = scan(message as TreeOrder);
  else void answer(tree, message as TreeQuestion);
});

/** Within one machine accounts are numbers. */
async function scan({ root, only, options, terms, isRoot, seed }: TreeOrder): Promise<OwnTree> {
  const hash = await ContentHash.create(seed.low, seed.high);
  const os = openLinux();
  const filters = filterSet(options.filters);
  const own = new OwnTree({
    ...{ os, root, only, options, filters, terms, accounts: NUMBERS },
    attributes: await attributeReader({ options, os, filters, isRoot, side: "receiver" }),
    seal: (digest) => hash.hash(digest),
    pause: () => undefined,
  });
  await own.run();
  return own;
}

async function answer(own: Promise<OwnTree>, { paths, digests }: TreeQuestion): Promise<void> {
  const compared = await (await own).compare(paths, digests);
  const told: ListedFolder[] = [];
  let left = TOLD_ENTRIES;
  for (const one of compared) {
    if ("equal" in one || one.seen === null || one.seen.count > left) continue;
    left -= one.seen.count;
    told.push(one.seen);
  }
  const { rows, ranges } = seenRows(told);
  const rangeOf = new Map(told.map((folder, k) => [folder, ranges[k]]));
  const comparisons = compared.map((one): Comparison<SeenRange> =>
    "equal" in one ? one : { seen: one.seen === null ? null : rangeOf.get(one.seen) ?? null }
  );
  reply({ comparisons, rows } satisfies TreeAnswer, buffersOf(rows));
}

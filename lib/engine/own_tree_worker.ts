// The second thread that scans the target's own tree. Started by tree_thread.ts. Promises: it reads and changes nothing; one answer to
// each question, in order.

import { ContentHash } from "../hash/content_hash.ts";
import { openLinux } from "../os/linux.ts";
import { onMessage, reply } from "../os/thread.ts";
import { NUMBERS } from "../tree/subtree_digests.ts";
import { filterSet } from "./filters.ts";
import { OwnTree } from "./own_tree.ts";
import type { TreeAnswer, TreeOrder, TreeQuestion } from "./tree_thread.ts";

let tree: Promise<OwnTree> | null = null;

onMessage((message) => {
  if (tree === null) tree = scan(message as TreeOrder);
  else void answer(tree, message as TreeQuestion);
});

/** Within one machine accounts are numbers. */
async function scan({ root, only, options, terms, seed }: TreeOrder): Promise<OwnTree> {
  const hash = await ContentHash.create(seed.low, seed.high);
  const own = new OwnTree({
    ...{ os: openLinux(), root, only, options, filters: filterSet(options.filters), terms, accounts: NUMBERS },
    seal: (digest) => hash.hash(digest),
    pause: () => undefined,
  });
  await own.run();
  return own;
}

async function answer(own: Promise<OwnTree>, { paths, digests }: TreeQuestion): Promise<void> {
  reply(await (await own).compare(paths, digests) satisfies TreeAnswer);
}

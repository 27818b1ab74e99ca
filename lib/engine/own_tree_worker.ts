// Another thread that scans the target's own tree, or folders of it. Started by tree_thread.ts. Promises: it reads and changes nothing;
// one answer to each question, in order.

import { ContentHash } from "../hash/content_hash.ts";
import { openAccounts } from "../os/accounts.ts";
import { openLinux } from "../os/linux.ts";
import { onMessage, reply } from "../os/thread.ts";
import { filterSet } from "./filters.ts";
import { ownAccountNames, OwnTree } from "./own_tree.ts";
import type { TreeOrder, TreeQuestion } from "./tree_thread.ts";

let tree: Promise<OwnTree> | null = null;

onMessage((message) => {
  if (tree === null) tree = scan(message as TreeOrder);
  else void answer(tree, message as TreeQuestion);
});

async function scan({ root, only, options, terms, seed, byNumber }: TreeOrder): Promise<OwnTree> {
  const hash = await ContentHash.create(seed.low, seed.high);
  const accounts = openAccounts();
  const own = new OwnTree({
    ...{ os: openLinux(), root, only, options, filters: filterSet(options.filters), terms, help: null },
    accounts: ownAccountNames(() => accounts, byNumber),
    seal: (digest) => hash.hash(digest),
    pause: () => undefined,
  });
  await own.run();
  return own;
}

async function answer(own: Promise<OwnTree>, { paths, digests }: TreeQuestion): Promise<void> {
  const tree = await own;
  reply(digests === null ? tree.result(paths) : await tree.compare(paths, digests));
}

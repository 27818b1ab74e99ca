// --munge-links: what is put in front of a link's target, and taken away.

import assert from "node:assert/strict";
import { fromLatin1, latin1, utf8 } from "../../lib/base/bytes.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { demandUseless, munged, unmunged } from "../../lib/tree/munged_links.ts";
import { file, folder, link, plant } from "../support/trees.ts";

Deno.test("munged links: any target comes back as it was, and is absolute in between", () => {
  for (const target of ["a", "/a", "../a", "/rsyncd-munged/a", "\xff/\x01", "/rsyncd-munged/"]) {
    const bytes = fromLatin1(target);
    assert.equal(latin1(munged(bytes)), `/rsyncd-munged/${target}`);
    assert.equal(latin1(unmunged(munged(bytes))), target);
  }
});

Deno.test("munged links: a target without the prefix, or that is nothing else, stays", () => {
  for (const target of ["a", "/rsyncd-munged", "/rsyncd-munged/", "/rsyncd-Munged/a", "x/rsyncd-munged/a"]) {
    assert.equal(latin1(unmunged(fromLatin1(target))), target);
  }
});

Deno.test("munged links: where the prefix leads to a folder, itself or by a link, nothing is done; a file there is no harm", () => {
  const refuses = (...entries: Parameters<typeof plant>[1]) => {
    const os = openMemory();
    plant("/", entries, os);
    try {
      demandUseless(os);
      return false;
    } catch (error) {
      assert.match((error as Error).message, /munge-links is unsafe/);
      return true;
    }
  };
  assert.equal(refuses(), false);
  assert.equal(refuses(file("rsyncd-munged", "x")), false);
  assert.equal(refuses(folder("rsyncd-munged")), true);
  assert.equal(refuses(folder("here"), link("rsyncd-munged", "/here")), true);
  assert.equal(utf8("/rsyncd-munged/").length, 15);
});

// Small trees in memory, written as paths and contents, for tests of whole runs.

import { utf8 } from "../../lib/base/bytes.ts";
import { type MemoryOptions, type MemoryOs, openMemory } from "../../lib/os/memory.ts";
import { Kind, Listing, OpenMode } from "../../lib/os/os.ts";

/** A tree with these files (path -> content or size) and, with a trailing slash, folders. */
export function tree(files: Record<string, string | number>, options: MemoryOptions = {}): MemoryOs {
  const os = openMemory(options);
  const root = os.openRoot(utf8("/"));
  for (const [path, content] of Object.entries(files)) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = os.openBeneath(root, utf8(parts.slice(0, depth - 1).join("/")));
      os.makeFolder(parent, utf8(parts[depth - 1]), 0o755);
      os.close(parent);
    }
    if (path.endsWith("/")) continue;
    const folder = os.openBeneath(root, utf8(parts.slice(0, -1).join("/")));
    const file = os.openFile(folder, utf8(parts[parts.length - 1]), OpenMode.create, 0o644);
    if (typeof content === "string") os.writeAll(file, utf8(content));
    else os.writeAll(file, new Uint8Array(content).fill(7));
    os.close(file);
    os.close(folder);
  }
  os.close(root);
  return os;
}

/** All paths of the tree below `path`, sorted. */
export function paths(os: MemoryOs, path: string): string[] {
  const folder = os.openRoot(utf8(path));
  if (folder < 0) return [];
  const listing = new Listing();
  os.readFolder(folder, listing);
  os.close(folder);
  const found: string[] = [];
  for (let i = 0; i < listing.count; i++) {
    const name = new TextDecoder().decode(listing.name(i));
    found.push(name);
    if (listing.kind[i] === Kind.folder) {
      for (const below of paths(os, `${path}/${name}`)) found.push(`${name}/${below}`);
    }
  }
  return found.sort();
}

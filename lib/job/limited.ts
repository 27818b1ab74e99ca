// The target of a local run with --bwlimit: content goes through it as over a connection, in pieces that keep to the rate, in place of
// open files. Loaded only by such a run.

import type { TargetPort } from "../session/ports.ts";
import { Pace } from "../transport/paced.ts";

/** `target` without its short ways (handles, whole folders), where content waits for its time. */
export function limitedTarget(target: TargetPort, rateKib: number): TargetPort {
  const pace = new Pace(rateKib);
  return {
    roots: (roots) => target.roots(roots),
    account: (kind, id, name) => target.account(kind, id, name),
    planned: (totals) => target.planned?.(totals),
    listed: (folder, first, count, flags, holes) => target.listed(folder, first, count, flags, holes),
    subtrees: (folders, digests) => target.subtrees(folders, digests),
    missing: (paths) => target.missing?.(paths),
    listEnd: (complete, entries, bytes) => target.listEnd(complete, entries, bytes),
    async file(index, fresh, content, digest) {
      await target.file(index, fresh, content, digest);
      await pace.take(content.length);
    },
    fileBegin: (index, size, fresh, isDelta) => target.fileBegin(index, size, fresh, isDelta),
    async fileData(offset, bytes) {
      for (let at = 0; at < bytes.length; at += pace.pieceBytes) {
        const piece = bytes.subarray(at, at + pace.pieceBytes);
        await target.fileData(offset + at, piece);
        await pace.take(piece.length);
      }
    },
    fileBasis: (offset, basisOffset, bytes) => target.fileBasis(offset, basisOffset, bytes),
    refine: (index, ranges) => target.refine(index, ranges),
    fileCopy: (source, stat) => target.fileCopy(source, stat),
    fileEnd: (complete, digest) => target.fileEnd(complete, digest),
    fileSkip: (index, cause) => target.fileSkip(index, cause),
    sourceDone: (errors) => target.sourceDone(errors),
    checked: (absent) => target.checked(absent),
  };
}

// Files of the program itself: what is embedded in it, and whole files read piece by piece (its executable, agents that lie
// beside it). Called by deployment, never for entries below a root. Promises: links are followed, as for any program's own
// files; only the pieces asked for are held.

import { utf8 } from "../base/bytes.ts";
import { denoErrno, textOfName } from "./deno_errno.ts";
import { Errno, type Result } from "./os.ts";
import { executablePath } from "./process.ts";

export interface OwnFile {
  readonly bytes: number;
  readonly regular: boolean;
  /** Fills the beginning of `into` from `offset`; 0 at the end; a negated errno. */
  readAt(into: Uint8Array, offset: number): Result;
  close(): void;
}

/** Opens the file at `path` for reading, or a negated errno. */
export function openOwnFile(path: Uint8Array): OwnFile | Result {
  const text = textOfName(path);
  if (text === null) return -Errno.EILSEQ;
  try {
    const file = Deno.openSync(text);
    return fileReader(file);
  } catch (error) {
    return denoErrno(error);
  }
}

/** An open file as such a one, which closes it. */
export function fileReader(file: Deno.FsFile): OwnFile {
  const { size, isFile } = file.statSync();
  return {
    bytes: size,
    regular: isFile,
    readAt(into, offset) {
      try {
        file.seekSync(offset, Deno.SeekMode.Start);
        return file.readSync(into) ?? 0;
      } catch (error) {
        return denoErrno(error);
      }
    },
    close: () => file.close(),
  };
}

/** Whether this is the compiled program, not its source run by Deno. */
export function isCompiled(): boolean {
  return Deno.build.standalone;
}

/** Where the programs of this build lie: the folder of the executable, or dist/ of the source tree. */
export function programFolder(): Uint8Array {
  if (!isCompiled()) return utf8(decodeURIComponent(new URL("../../dist", import.meta.url).pathname));
  const path = executablePath();
  return path.subarray(0, Math.max(1, path.lastIndexOf(0x2f)));
}

/** The file embedded as `name` ("agent/manifest.json"), or what scripts/build.sh left in build/; a negated errno. */
export function readEmbedded(name: string): Uint8Array | Result {
  try {
    return Deno.readFileSync(
      isCompiled() ? new URL(name, Deno.mainModule) : new URL(`../../build/${name}`, import.meta.url),
    );
  } catch (error) {
    return denoErrno(error);
  }
}

// rsync's unsafe_symlink rule: by the words of a link's target alone, whether it may lead out of what is transferred. Pure.

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Whether a link in a folder `depth` levels below the top of the transfer is unsafe: absolute, empty, climbing out, or with a ".." behind a name
 * or at the end of more than itself.
 */
export function isUnsafeLink(target: Uint8Array, depth: number): boolean {
  if (target.length === 0 || target[0] === SLASH) return true;
  let climbed = 0;
  let isLeading = true;
  for (let start = 0; start <= target.length;) {
    const slash = target.indexOf(SLASH, start);
    const end = slash < 0 ? target.length : slash;
    const isUp = end - start === 2 && target[start] === DOT && target[start + 1] === DOT;
    if (isUp && (!isLeading || (slash < 0 && start > 0))) return true;
    if (isUp) climbed++;
    else if (end > start) isLeading = false;
    start = end + 1;
  }
  return climbed > depth;
}

// How unlike two names are, for the choice of a basis (-y). Pure. Called by similar.ts.

/** Names further apart than this are not alike. */
const FARTHEST = 25;
/** What stands behind the last dot says more about the content than the rest. */
const SUFFIX_WEIGHT = 10;
/** Behind these, and behind a number, the suffix proper is looked for further ahead. */
const PASSED_OVER = /\.(?:bak|old|orig|[0-9]+)$|~$/;

/** Changed, missing and additional bytes, those of the suffix counted ten times more; Infinity if that is not below `limit`. */
export function nameDistance(a: string, b: string, limit = Infinity): number {
  const most = Math.min(limit, FARTHEST + 1);
  const whole = editDistance(a, b, most);
  const all = whole + (whole < most ? SUFFIX_WEIGHT * editDistance(suffixOf(a), suffixOf(b), most) : 0);
  return all < most ? all : Infinity;
}

function suffixOf(name: string): string {
  let rest = name;
  while (PASSED_OVER.test(rest)) rest = rest.replace(PASSED_OVER, "");
  const dot = rest.lastIndexOf(".");
  return dot > 0 ? rest.slice(dot) : "";
}

/** Levenshtein's distance; Infinity once it is known not to be below `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return Infinity;
  let row = Uint16Array.from({ length: b.length + 1 }, (_, k) => k);
  let next = new Uint16Array(b.length + 1);
  for (let i = 1; i <= a.length; i++) {
    next[0] = i;
    let least = i;
    for (let k = 1; k <= b.length; k++) {
      const changed = row[k - 1] + (a.charCodeAt(i - 1) === b.charCodeAt(k - 1) ? 0 : 1);
      next[k] = Math.min(changed, row[k] + 1, next[k - 1] + 1);
      least = Math.min(least, next[k]);
    }
    if (least >= limit) return Infinity;
    [row, next] = [next, row];
  }
  return row[b.length] < limit ? row[b.length] : Infinity;
}

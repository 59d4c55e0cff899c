/** Two runs of tokens -> which of them are the same. Cost is linear in their length: long runs are aligned piece by piece. Pure. */

const PIECE = 512;
const WORD = 10;
const SIGN = 3; // brackets and line breaks are equal in many places by chance
const ALONE = 2;
const DIAGONAL = 1;
const FIRST = 2;
const SECOND = 3;

/** @typedef {{ a: number, b: number }} Pair indices of equal tokens; -1 on one side: a token of the other side alone */

/**
 * The second run is aligned as a whole, with as much from the beginning of the first as fits it best: what remains of the first
 * is not compared. An equal word is worth five tokens that stand alone.
 * @param {readonly string[]} a @param {readonly string[]} b
 * @returns {{ pairs: Pair[], used: number }} `used` tokens of the first run were compared
 */
export function align(a, b) {
  /** @type {Pair[]} */
  const pairs = [];
  let used = 0;
  for (let from = 0; from < b.length; from += PIECE) {
    const found = alignPiece(a.slice(used, used + 2 * PIECE), b.slice(from, from + PIECE));
    for (const pair of found) pairs.push({ a: pair.a < 0 ? -1 : pair.a + used, b: pair.b < 0 ? -1 : pair.b + from });
    used += found.filter((pair) => pair.a >= 0).length;
  }
  return { pairs, used };
}

/** @param {readonly string[]} a @param {readonly string[]} b @returns {Pair[]} */
function alignPiece(a, b) {
  const width = b.length + 1;
  const steps = new Uint8Array((a.length + 1) * width).fill(SECOND, 0, width);
  const worth = b.map((text) => (/\w/.test(text) ? WORD : SIGN));
  let above = Int32Array.from({ length: width }, (_, j) => -ALONE * j);
  let best = { i: 0, score: -ALONE * b.length };
  for (let i = 1; i <= a.length; i++) {
    const scores = new Int32Array(width);
    scores[0] = -ALONE * i;
    steps[i * width] = FIRST;
    for (let j = 1; j < width; j++) {
      const diagonal = a[i - 1] === b[j - 1] ? (above[j - 1] ?? 0) + (worth[j - 1] ?? 0) : -Infinity;
      const [up, left] = [(above[j] ?? 0) - ALONE, (scores[j - 1] ?? 0) - ALONE];
      scores[j] = Math.max(diagonal, up, left);
      steps[i * width + j] = diagonal === scores[j] ? DIAGONAL : left === scores[j] ? SECOND : FIRST;
    }
    if ((scores[b.length] ?? 0) > best.score) best = { i, score: scores[b.length] ?? 0 };
    above = scores;
  }
  /** @type {Pair[]} */
  const pairs = [];
  for (let i = best.i, j = b.length; i > 0 || j > 0; ) {
    const step = steps[i * width + j];
    pairs.push({ a: step === SECOND ? -1 : --i, b: step === FIRST ? -1 : --j });
  }
  return pairs.reverse();
}

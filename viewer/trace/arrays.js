/** What columns are asked again and again. Pure. */

/** A value where there is one. @param {ArrayLike<number>} values @param {number} index */
export function at(values, index) {
  return /** @type {number} */ (values[index]);
}

/** @param {ArrayLike<number>} values */
export function sum(values) {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += at(values, i);
  return total;
}

/** Running sum: list i is [offsets[i], offsets[i + 1]). @param {ArrayLike<number>} counts */
export function offsets(counts) {
  const result = new Float64Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) result[i + 1] = at(result, i) + at(counts, i);
  return result;
}

/** Whether each value is larger than the one before it. @param {ArrayLike<number>} values */
export function isAscending(values) {
  for (let i = 1; i < values.length; i++) if (!(at(values, i) > at(values, i - 1))) return false;
  return true;
}

/** @param {Float32Array} values */
export function hasPositive(values) {
  for (let i = 0; i < values.length; i++) if (at(values, i) > 0) return true;
  return false;
}

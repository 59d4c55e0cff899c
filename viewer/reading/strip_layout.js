/** The metric over the whole sequence as columns of pixels. Pure. */

const WIDEST_BAR = 12;

/**
 * @typedef {object} Scale from places to pixels
 * @property {number} step pixels per token
 * @property {number} count tokens
 */

/** @param {number} count tokens @param {number} width pixels @returns {Scale} */
export function scaleOf(count, width) {
  return { step: count ? Math.min(WIDEST_BAR, width / count) : 0, count };
}

/** The place under a pixel. @param {Scale} scale @param {number} x */
export function placeAt(scale, x) {
  return Math.max(0, Math.min(scale.count - 1, Math.floor(x / scale.step)));
}

/**
 * One bar per token, or per pixel where there are more tokens than pixels: then the most uncertain of them.
 * @param {Scale} scale
 * @param {(place: number) => number} height in [0, 1], NaN where not measured
 * @returns {{ place: number, x: number, width: number, height: number }[]}
 */
export function bars(scale, height) {
  const perBar = Math.max(1, Math.ceil(1 / scale.step));
  const found = [];
  for (let first = 0; first < scale.count; first += perBar) {
    let best = first;
    let most = height(first);
    for (let place = first + 1; place < Math.min(first + perBar, scale.count); place++) {
      const other = height(place);
      if (most >= other || Number.isNaN(other)) continue;
      best = place;
      most = other;
    }
    const width = scale.step * perBar;
    found.push({ place: best, x: first * scale.step, width: width > 3 ? width - 1 : width, height: most });
  }
  return found;
}

/** Runs of equal values: `[first, end, value]`. @template T @param {number} count @param {(place: number) => T} value @returns {[number, number, T][]} */
export function runs(count, value) {
  /** @type {[number, number, T][]} */
  const found = [];
  for (let place = 0; place < count; place++) {
    const last = found[found.length - 1];
    const own = value(place);
    if (last && last[2] === own) last[1] = place + 1;
    else found.push([place, place + 1, own]);
  }
  return found;
}

/**
 * The logit lens: what each recorded layer would have said in place of a token, and from which one on it said that token. Pure.
 * Layers keep the numbers of the trace, which count from 0. Layers that were not recorded are not looked at.
 */

/** @typedef {import('#viewer/trace/trace').Lens} Lens */

/**
 * @typedef {object} Layer
 * @property {number} layer
 * @property {number} id of its most probable token
 * @property {number} p of that token
 * @property {number} rank of the token that stands there
 * @property {boolean} settled whether the token that stands there is the first choice here and in all later layers
 */

/** What the layers would have said, from the first one on; empty where nothing was measured. @param {Lens} lens @param {number} node @returns {Layer[]} */
export function layersAt(lens, node) {
  const place = placeOf(lens, node);
  if (place < 0) return [];
  const settled = settledFrom(lens, place);
  return lens.layers.map((layer, i) => {
    const row = i * lens.count + place;
    return { layer, id: lens.token_id[row] ?? 0, p: lens.probability[row] ?? NaN, rank: lens.rank[row] ?? 0, settled: i >= settled };
  });
}

/** Whether the lens looked at a node, measured or not. @param {Lens} lens @param {number} node */
export function isUnderLens({ first, count }, node) {
  return node >= first && node < first + count;
}

/**
 * The number of the layer from which on each node's token was the first choice: infinite for never, NaN where not measured.
 * @param {Lens} lens @param {number} nodes how many
 */
export function settledLayers(lens, nodes) {
  return Float32Array.from({ length: nodes }, (_, node) => {
    const place = placeOf(lens, node);
    return place < 0 ? NaN : (lens.layers[settledFrom(lens, place)] ?? Infinity);
  });
}

/** The row of a node in each layer, -1 where nothing was measured. @param {Lens} lens @param {number} node */
function placeOf(lens, node) {
  const place = node - lens.first;
  return isUnderLens(lens, node) && (lens.rank[place] ?? 0) > 0 ? place : -1;
}

/** Index of the first recorded layer of the last run of first choices; one too large for none. @param {Lens} lens @param {number} place */
function settledFrom({ layers, count, rank }, place) {
  let index = layers.length;
  while (index > 0 && rank[(index - 1) * count + place] === 1) index--;
  return index;
}

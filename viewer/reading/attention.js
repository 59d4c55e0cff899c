/**
 * Rows of attention -> where one token looked, and who looked at it: sums over what was kept, never rescaled, with bounds for what
 * was not. Pure.
 */

import { percent } from '#viewer/reading/format';
import { bucketOf, MISSING } from '#viewer/reading/metrics';
import { ORIGIN, UNKEPT_STEPS, WEIGHT_STEPS } from '#viewer/trace/schema';

/** Shares have one scale everywhere, as metrics have. @type {import('#viewer/reading/metrics').Metric} */
export const WEIGHT = {
  key: 'attention', label: 'attention', unit: '%', start: 0, edges: [0.005, 0.02, 0.05, 0.15, 0.5], falling: false, uncertain: 6,
  values: () => new Float32Array(), format: percent, height: Math.sqrt,
};
/** Codes to weights. */
const WEIGHTS = Float64Array.from({ length: WEIGHT_STEPS + 1 }, (_, code) => (code / WEIGHT_STEPS) ** 2);
const LEAST = 0.0005; // what is less can not be seen in a number

/** @typedef {{ layer: number, head: number }} Heads that are averaged: numbers from 0, -1 for all */
/** @typedef {{ start: Float64Array, entries: Uint32Array }} BySource the entries of each source, in the order of the rows */

/**
 * @typedef {object} Index
 * @property {import('#viewer/trace/trace').Attention} attention
 * @property {{ layer: number, heads: number, first: number }[]} layers first: the first of its rows
 * @property {() => BySource} bySource computed when first asked for
 */

/** @param {import('#viewer/trace/trace').Attention} attention @returns {Index} */
export function indexOf(attention) {
  /** @type {BySource | undefined} */
  let known;
  let first = 0;
  const layers = Array.from(attention.layer, (layer, i) => {
    const heads = attention.heads[i] ?? 0;
    first += heads * attention.queries;
    return { layer, heads, first: first - heads * attention.queries };
  });
  return { attention, layers, bySource: () => (known ??= sorted(attention)) };
}

/** @param {import('#viewer/trace/trace').Attention} attention @returns {BySource} */
function sorted({ queries, node, weight }) {
  const start = new Float64Array(queries + 2);
  for (let entry = 0; entry < node.length; entry++) if (weight[entry]) start[(node[entry] ?? 0) + 2]++;
  for (let source = 2; source < start.length; source++) start[source] = (start[source] ?? 0) + (start[source - 1] ?? 0);
  const entries = new Uint32Array(start[queries + 1] ?? 0);
  for (let entry = 0; entry < node.length; entry++) {
    if (weight[entry]) entries[start[(node[entry] ?? 0) + 1]++] = entry;
  }
  return { start, entries };
}

/** @param {Index} index @param {Heads} heads */
export function headCount({ layers }, heads) {
  const chosen = layers.filter(({ layer }) => heads.layer < 0 || layer === heads.layer);
  return heads.head < 0 ? chosen.reduce((sum, layer) => sum + layer.heads, 0) : chosen.length;
}

/**
 * The rows of one query.
 * @param {Index} index @param {Heads} heads @param {number} query
 * @param {(row: number, place: number, head: number) => void} visit place: of the layer among the recorded ones
 */
export function eachRow({ layers }, heads, query, visit) {
  for (const [place, { layer, heads: count, first }] of layers.entries()) {
    if (heads.layer >= 0 && layer !== heads.layer) continue;
    for (let head = Math.max(0, heads.head); head < (heads.head < 0 ? count : heads.head + 1); head++) visit(first + query * count + head, place, head);
  }
}

/** The kept sources of one row. @param {Index} index @param {number} row @param {(node: number, weight: number) => void} visit */
export function eachSource({ attention: { top, node, weight } }, row, visit) {
  for (let entry = row * top; entry < row * top + top && weight[entry]; entry++) visit(node[entry] ?? 0, WEIGHTS[weight[entry] ?? 0] ?? 0);
}

/**
 * The rows that kept one source.
 * @param {Index} index @param {Heads} heads @param {number} node
 * @param {(query: number, weight: number, row: number, place: number, head: number) => void} visit
 */
export function eachLooker({ attention: { top, queries, weight }, layers, bySource }, heads, node, visit) {
  const { start, entries } = bySource();
  let i = start[node] ?? 0;
  for (const [place, { layer, heads: count, first }] of layers.entries()) {
    const end = (first + count * queries) * top;
    for (; i < (start[node + 1] ?? 0) && (entries[i] ?? 0) < end; i++) {
      const entry = entries[i] ?? 0;
      const row = Math.floor(entry / top);
      const head = (row - first) % count;
      if ((heads.layer >= 0 && layer !== heads.layer) || (heads.head >= 0 && head !== heads.head)) continue;
      visit(Math.floor((row - first) / count), WEIGHTS[weight[entry] ?? 0] ?? 0, row, place, head);
    }
  }
}

/** The mass of a row that is on none of its kept sources. @param {Index} index @param {number} row */
export function unkeptOf({ attention }, row) {
  return (attention.unkept[row] ?? 0) / UNKEPT_STEPS;
}

/** The most that a source can have which a row did not keep, with the rounding. @param {Index} index @param {number} row */
function mostUnkept(index, row) {
  const { top, weight } = index.attention;
  const code = weight[row * top + top - 1] ?? 0;
  return Math.min(unkeptOf(index, row) + 8e-6, ((code + 0.5) / WEIGHT_STEPS) ** 2);
}

/**
 * By position: `share`, the mean over the heads of what was kept; `slack`, how much more it can be. Forward: positions are sources.
 * @param {Index} index @param {Heads} heads @param {number} query
 */
export function forward(index, heads, query) {
  const share = new Float64Array(query + 1);
  const slack = new Float64Array(query + 1);
  const count = headCount(index, heads);
  let [unkept, most] = [0, 0];
  eachRow(index, heads, query, (row) => {
    const bound = mostUnkept(index, row);
    unkept += unkeptOf(index, row) / count;
    most += bound / count;
    eachSource(index, row, (node, weight) => {
      share[node] += weight / count;
      slack[node] -= bound / count;
    });
  });
  return { share, slack: slack.map((value) => value + most), unkept };
}

/** Reverse: positions are queries. @param {Index} index @param {Heads} heads @param {number} node */
export function reverse(index, heads, node) {
  const share = new Float64Array(index.attention.queries);
  const slack = new Float64Array(index.attention.queries);
  const count = headCount(index, heads);
  eachLooker(index, heads, node, (query, weight, row) => {
    share[query] += weight / count;
    slack[query] -= mostUnkept(index, row) / count;
  });
  for (const [query, value] of share.entries()) {
    if (value) eachRow(index, heads, query, (row) => (slack[query] += mostUnkept(index, row) / count));
  }
  return { share, slack };
}

/** The query whose row is meant by a token, -1 for none: its own, or that of the token before, which predicted it.
 * @param {import('#viewer/trace/trace').Trace} trace @param {boolean} own @param {number} node */
export function queryOf({ nodes, attention }, own, node) {
  const query = own ? node : (nodes.parent[node] ?? -1);
  return query < (attention?.queries ?? 0) ? query : -1;
}

/** @typedef {{ node: number, share: number, atLeast: boolean }} Source atLeast: some of the heads did not keep it */
/** @typedef {Pick<import('#viewer/state').State, 'selected' | 'reverse' | 'own' | 'aside' | 'layer' | 'head'>} Question */

/**
 * @typedef {object} Look
 * @property {string} none why there is nothing to show, '' where there is
 * @property {number} query whose row it is; in reverse the source that the others look at
 * @property {Source[]} list heaviest first, without the first token where that is set aside
 * @property {number} aside what is on the first token, where that is set aside
 * @property {number} unkept what is on none of the kept sources; 0 in reverse
 * @property {Uint8Array} buckets by node, on WEIGHT's scale, MISSING where a token was not kept
 */

/**
 * The selected token's attention, on the path that is shown.
 * @param {Index} index @param {import('#viewer/trace/trace').Trace} trace @param {Int32Array} order nodes of the path @param {Question} question
 * @returns {Look}
 */
export function lookOf(index, trace, order, question) {
  const { selected, own } = question;
  const buckets = new Uint8Array(trace.count);
  const query = question.reverse ? queryOf(trace, true, selected) : queryOf(trace, own, selected);
  /** @type {Look} */
  const look = { none: '', query, list: [], aside: 0, unkept: 0, buckets };
  if (query < 0) return { ...look, none: reason(trace, selected) };
  const found = question.reverse ? { ...reverse(index, question, query), unkept: 0 } : forward(index, question, query);
  look.unkept = found.unkept;
  for (const node of order) {
    const at = question.reverse ? queryOf(trace, own, node) : node;
    if (question.reverse ? at < query : at > query) continue;
    const share = found.share[at] ?? 0;
    const isAside = question.aside && !question.reverse && trace.nodes.parent[node] === -1;
    if (isAside) look.aside = share;
    else if (share) look.list.push({ node, share, atLeast: (found.slack[at] ?? 0) > LEAST });
    buckets[node] = isAside ? 0 : share ? bucketOf(WEIGHT, share) : MISSING;
  }
  look.list.sort((a, b) => b.share - a.share);
  return look;
}

/** Why a token has no row. @param {import('#viewer/trace/trace').Trace} trace @param {number} node */
function reason({ nodes }, node) {
  if (nodes.origin[node] === ORIGIN.branch) return 'Attention was recorded on the main path only, and this token is on a branch.';
  return nodes.parent[node] === -1 ? 'This is the first token: no position before it predicted it.' : 'No attention was recorded here.';
}

/** A token's share, for the card beside it. @param {Look | null} look @param {number} node */
export function noteOf(look, node) {
  const source = look?.list.find((entry) => entry.node === node);
  return source ? `attention ${shareText(source)}` : look?.buckets[node] === MISSING ? 'attention not kept' : '';
}

/** @param {Source} source */
export function shareText({ share, atLeast }) {
  return `${atLeast ? '\u2265\u00a0' : ''}${percent(share)}`;
}

/**
 * Each head's row as a picture of `width` columns: the heaviest of the positions [from, end) in each, after a first column for
 * what stands before them. By layer, head and column.
 * @param {Index} index @param {{ query: number, reverse: boolean }} question
 * @param {{ from: number, end: number, width: number, heads: number }} size heads: the most of a layer
 */
export function thumbnails(index, { query, reverse: isReverse }, { from, end, width, heads }) {
  const picture = new Float32Array(index.layers.length * heads * width);
  const all = { layer: -1, head: -1 };
  const put = (/** @type {number} */ place, /** @type {number} */ head, /** @type {number} */ position, /** @type {number} */ weight) => {
    const column = position < from ? 0 : 1 + Math.floor(((position - from) / (end - from)) * (width - 1));
    const at = (place * heads + head) * width + column;
    picture[at] = Math.max(picture[at] ?? 0, weight);
  };
  if (isReverse) eachLooker(index, all, query, (looker, weight, _row, place, head) => put(place, head, looker, weight));
  else eachRow(index, all, query, (row, place, head) => eachSource(index, row, (node, weight) => put(place, head, node, weight)));
  return picture;
}

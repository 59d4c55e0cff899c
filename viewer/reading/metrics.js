/**
 * The numbers that can colour the code: where each comes from, its absolute scale, how it is written. Pure.
 * A scale has six buckets; bucket 0 is the colour of the paper, and more uncertain means a higher bucket.
 */

import { count, decimal, probability, share } from '#viewer/reading/format';
import { settledLayers } from '#viewer/reading/lens';
import { SURPRISAL_EDGES, UNCERTAIN } from '#viewer/trace/schema';

export const BUCKETS = SURPRISAL_EDGES.length + 1;
export const MISSING = 255;

/**
 * @typedef {object} Metric
 * @property {string} key as in the trace's definitions and in the address
 * @property {string} label
 * @property {string} unit of the legend's numbers
 * @property {readonly number[]} edges of buckets 1 to 5, in the metric's own direction
 * @property {number} start where bucket 0 begins: what no doubt at all would be
 * @property {boolean} falling whether a smaller value is more uncertain
 * @property {number} uncertain the first bucket that counts as uncertain
 * @property {(nodes: import('#viewer/trace/trace').Nodes) => Float32Array} values one per node, NaN where not measured
 * @property {(value: number) => string} format
 * @property {(value: number) => number} height of a bar, in [0, 1]
 * @property {readonly string[]} [marks] the legend's numbers, where they are not the edges
 * @property {string} [definition] where the trace has none
 */

const BITS = SURPRISAL_EDGES;
const DOUBT = BITS.indexOf(UNCERTAIN) + 1;
const SHARES = [0.95, 0.75, 0.5, 0.25, 0.05];
const DEPTHS = [0.5, 0.7, 0.85, 0.95];
const bits = (/** @type {number} */ value) => decimal(value, 'bits');
const logHeight = (/** @type {number} */ value) => Math.min(1, Math.log2(1 + value) / Math.log2(1 + 12));
const rest = (/** @type {number} */ value) => 1 - value;

/** @type {readonly Metric[]} */
const METRICS = [
  {
    key: 'surprisal', label: 'surprisal', unit: 'bits', start: 0, edges: BITS, falling: false, uncertain: DOUBT,
    values: (nodes) => nodes.logprob.map((logprob) => Math.abs(logprob / Math.LN2)), format: bits, height: logHeight,
  },
  {
    key: 'entropy', label: 'entropy', unit: 'bits', start: 0, edges: BITS, falling: false, uncertain: DOUBT,
    values: (nodes) => nodes.entropy, format: bits, height: logHeight,
  },
  {
    key: 'probability', label: 'probability', unit: '%', start: 1, edges: SHARES, falling: true, uncertain: 3,
    values: (nodes) => nodes.logprob.map(Math.exp), format: probability, height: rest,
  },
  {
    key: 'margin', label: 'margin', unit: '', start: 1, edges: SHARES, falling: true, uncertain: 3,
    values: (nodes) => nodes.margin, format: share, height: rest,
  },
  {
    key: 'rank',
    label: 'rank',
    unit: '',
    start: 1,
    edges: [2, 3, 5, 10, 100],
    falling: false,
    uncertain: 1,
    values: (nodes) => new Float32Array(nodes.rank).map((rank) => (rank > 0 ? rank : NaN)),
    format: (value) => (Number.isNaN(value) ? 'not measured' : count(value)),
    height: (value) => Math.min(1, Math.log10(value) / 4),
  },
  {
    key: 'gap', label: 'gap', unit: 'nats', start: 0, edges: BITS, falling: false, uncertain: DOUBT,
    values: (nodes) => nodes.gap, format: (value) => decimal(value, 'nats'), height: logHeight,
  },
  {
    key: 'sampled_logprob', label: 'sampled', unit: '%', start: 1, edges: SHARES, falling: true, uncertain: 3,
    values: (nodes) => nodes.sampled_logprob.map(Math.exp), format: probability, height: rest,
  },
];

/**
 * The metrics that this recording has a number for, in the order of their keys 1, 2, 3, ...
 * @param {import('#viewer/trace/trace').Nodes} nodes @param {import('#viewer/trace/trace').Lens | null} [lens]
 */
export function metricsOf(nodes, lens = null) {
  const found = METRICS.filter((metric) => metric.key !== 'sampled_logprob' || nodes.sampled_logprob.some((value) => !Number.isNaN(value)));
  return lens?.rank.length ? [...found, settled(lens)] : found;
}

/**
 * The layer at which a token became and stayed the first choice; never is infinitely deep.
 * @param {import('#viewer/trace/trace').Lens} lens
 * @returns {Metric}
 */
function settled(lens) {
  const deepest = lens.layers.at(-1) ?? 0;
  return {
    key: 'settled', label: 'settled', unit: '% of depth', start: 0, falling: false, uncertain: 4,
    edges: [...DEPTHS.map((depth) => Math.ceil(depth * deepest - 1e-6)), Infinity], marks: ['0', ...DEPTHS.map((depth) => String(100 * depth)), 'never'],
    values: (nodes) => settledLayers(lens, nodes.rank.length),
    format: (value) => (Number.isNaN(value) ? 'not measured' : value === Infinity ? 'never' : `layer ${value}`),
    height: (value) => (value === Infinity ? 1 : 0.9 * (value / (deepest || 1))),
    definition:
      'the recorded layer from which on the token is the first choice, in all recorded layers after it too; ' +
      `layers count from 0, the deepest recorded one is ${deepest}`,
  };
}

/** The legend's numbers: where buckets 0 to 5 begin. @param {Metric} metric */
export function marksOf({ start, edges, unit, marks }) {
  if (marks) return [...marks];
  const isShare = edges === SHARES && !unit; // .95, so that the numbers fit under their steps
  return [start, ...edges].map((edge) => (isShare ? String(edge).replace(/^0/, '') : String(unit === '%' ? 100 * edge : edge)));
}

/** @param {Metric} metric @param {number} value */
export function bucketOf(metric, value) {
  return /** @type {number} */ (bucketsOf(metric, [value])[0]);
}

/** One bucket per node, MISSING where nothing was measured. @param {Metric} metric @param {ArrayLike<number>} values */
export function bucketsOf({ edges, falling }, values) {
  const buckets = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) { // no calls: there are many
    const value = /** @type {number} */ (values[i]);
    let bucket = Number.isNaN(value) ? MISSING : 0;
    if (!bucket) for (let step = 0; step < edges.length; step++) {
      const edge = /** @type {number} */ (edges[step]);
      if (falling ? value < edge : value >= edge) bucket++;
    }
    buckets[i] = bucket;
  }
  return buckets;
}

/** One recording as it is read: a path laid out, and its numbers by metric, each computed once. Pure. */

import { layOut } from '#viewer/layout';
import { bucketsOf, metricsOf, MISSING } from '#viewer/metrics';

/** @typedef {import('#viewer/metrics').Metric} Metric */

/**
 * @typedef {object} Reading
 * @property {import('#viewer/trace').Trace} trace
 * @property {import('#viewer/layout').Layout} layout
 * @property {readonly Metric[]} metrics in the order of their keys
 * @property {import('#viewer/state').Limits} limits what a state may name
 * @property {(key: string) => Metric} metricOf
 * @property {(metric: Metric) => Float32Array} valuesOf one per node, NaN where not measured
 * @property {(metric: Metric) => Uint8Array} bucketsFor one per node
 * @property {(metric: Metric) => number[]} uncertainOf nodes of the output, in the order of the file
 */

/** @param {import('#viewer/trace').Trace} trace @param {number} leaf the end of the path that is shown @returns {Reading} */
export function read(trace, leaf) {
  const layout = layOut(trace, trace.path(leaf));
  const metrics = metricsOf(trace.nodes);
  const valuesOf = remembered((/** @type {Metric} */ metric) => metric.values(trace.nodes));
  const bucketsFor = remembered((/** @type {Metric} */ metric) => bucketsOf(metric, valuesOf(metric)));
  const output = Array.from(layout.outputPlaces, (place) => layout.order[place] ?? -1);
  return {
    trace,
    layout,
    metrics,
    limits: { isShown: (node) => (layout.placeOf[node] ?? -1) >= 0, metrics: metrics.map(({ key }) => key) },
    metricOf: (key) => metrics.find((metric) => metric.key === key) ?? /** @type {Metric} */ (metrics[0]),
    valuesOf,
    bucketsFor,
    uncertainOf: remembered((/** @type {Metric} */ metric) => output.filter((node) => isUncertain(metric, bucketsFor(metric)[node] ?? MISSING))),
  };
}

/** @param {Metric} metric @param {number} bucket */
function isUncertain(metric, bucket) {
  return bucket !== MISSING && bucket >= metric.uncertain;
}

/** @template K, V @param {(key: K) => V} compute @returns {(key: K) => V} */
function remembered(compute) {
  /** @type {Map<K, V>} */
  const known = new Map();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return /** @type {V} */ (known.get(key));
  };
}

/** One recording as it is read: its numbers by metric, its tree, and the path that is shown, laid out. Each computed once. Pure. */

import { MAIN, treeOf } from '#viewer/reading/branches';
import { decisionsOn } from '#viewer/reading/decisions';
import { layOut } from '#viewer/reading/layout';
import { bucketsOf, metricsOf, MISSING } from '#viewer/reading/metrics';
import { behindOf } from '#viewer/reading/program';
import { filesOf } from '#viewer/reading/scored_files';
import { structureOf } from '#viewer/reading/syntax';

/** @typedef {import('#viewer/reading/metrics').Metric} Metric */

/**
 * @typedef {object} Recording what does not depend on the path
 * @property {import('#viewer/trace/trace').Trace} trace
 * @property {import('#viewer/reading/branches').Tree} tree
 * @property {import('#viewer/reading/scored_files').Files} files that were scored
 * @property {readonly Metric[]} metrics in the order of their keys
 * @property {import('#viewer/state').Limits} limits what a state may name
 * @property {(key: string) => Metric} metricOf
 * @property {(metric: Metric) => Float32Array} valuesOf one per node, NaN where not measured
 * @property {(metric: Metric) => Uint8Array} bucketsFor one per node
 * @property {(text: number) => import('#viewer/reading/syntax').Structure | null} structures of a file, or 0
 * @property {(node: number) => import('#viewer/reading/syntax').Structure | null} structureAt of the text or of the branch that a node is on
 * @property {(kind: string) => readonly number[]} tokensOfKind of syntax, in all texts
 */

/**
 * @typedef {object} OnePath
 * @property {number} branch that ends the path, -1 for the main path
 * @property {import('#viewer/reading/scored_files').ScoredFile | null} file whose code the path is, null in a recording of a generation
 * @property {import('#viewer/reading/layout').Layout} layout
 * @property {() => import('#viewer/reading/syntax').Structure | null} structure null where the path was not parsed, as a branch
 * @property {(metric: Metric) => number[]} uncertainOf nodes of the output, in the order of the file
 * @property {readonly import('#viewer/reading/decisions').Placed[]} decisions that stand on the path
 * @property {import('#viewer/reading/program').Behind | null} behind what was written behind the program
 * @property {number[]} forks nodes of the path beside which something else was continued, in the order of the file
 */

/** @typedef {Recording & OnePath} Reading */

/** @param {import('#viewer/trace/trace').Trace} trace @returns {Recording} */
export function open(trace) {
  const metrics = metricsOf(trace.nodes, trace.lens);
  const tree = treeOf(trace);
  const valuesOf = remembered((/** @type {Metric} */ metric) => metric.values(trace.nodes));
  const structures = remembered((/** @type {number} */ text) => structureOf(trace, text));
  const ofBranches = remembered((/** @type {number} */ branch) => structureOf(trace, 0, branch));
  const texts = Array.from({ length: trace.files.length || 1 }, (_, text) => text);
  const files = filesOf(trace, valuesOf(/** @type {Metric} */ (metrics[0])));
  return {
    trace,
    tree,
    files,
    metrics,
    limits: {
      isOn: tree.isOn,
      branchOf: tree.branchOf,
      branches: tree.count,
      metrics: metrics.map(({ key }) => key),
      heads: headsOf(trace.attention),
      fileOf: files.fileOf,
      files: files.list.length,
      compared: files.compared,
      lens: trace.lens !== null,
      syntax: trace.syntax !== null,
      homeOf: (decision, branch) =>
        branch < 0 || !decision
          ? (trace.decisions.node[decision - 1] ?? -1)
          : decision > trace.decisions.node.length || branch >= tree.count
            ? -1
            : tree.firstOf(branch),
    },
    metricOf: (key) => metrics.find((metric) => metric.key === key) ?? /** @type {Metric} */ (metrics[0]),
    valuesOf,
    structures,
    structureAt: (node) => (tree.branchOf(node) > MAIN ? ofBranches(tree.branchOf(node)) : structures(Math.max(0, files.fileOf(node)))),
    tokensOfKind: remembered((/** @type {string} */ kind) => texts.flatMap((text) => {
      const { nodes = [], kinds = [] } = structures(text) ?? {};
      return Array.from(nodes.filter((_, place) => kinds[place] === kind));
    })),
    bucketsFor: remembered((/** @type {Metric} */ metric) => bucketsOf(metric, valuesOf(metric))),
  };
}

/**
 * @param {Recording} recording @param {number} branch whose path is read, -1 for the main path
 * @param {number} [index] of the scored file, -1 for the first of the list
 * @param {import('#viewer/reading/layout').Layout} [known] of another path
 * @returns {Reading}
 */
export function read(recording, branch, index = -1, known) {
  const { trace, tree, bucketsFor } = recording;
  const file = recording.files.at(index);
  const layout = layOut(trace, trace.path(file ? file.end - 1 : tree.leafOf(branch)), known);
  const output = Array.from(layout.outputPlaces, (place) => layout.order[place] ?? -1);
  return {
    ...recording,
    branch,
    file,
    layout,
    structure: () => (branch < 0 ? recording.structures(file?.index ?? 0) : null),
    uncertainOf: remembered((/** @type {Metric} */ metric) => output.filter((node) => isUncertain(metric, bucketsFor(metric)[node] ?? MISSING))),
    decisions: decisionsOn(trace, tree, layout),
    behind: file ? null : behindOf(trace, layout, branch),
    forks: tree.count ? output.filter((node) => tree.siblings(node).length > 1) : [],
  };
}

/** By layer. @param {import('#viewer/trace/trace').Attention | null} attention */
function headsOf(attention) {
  return attention && new Map(Array.from(attention.layer, (layer, i) => [layer, attention.heads[i] ?? 0]));
}

/** @param {Metric} metric @param {number} bucket */
function isUncertain(metric, bucket) {
  return bucket !== MISSING && bucket >= metric.uncertain;
}

/** @template K, V @param {(key: K) => V} compute @returns {(key: K) => V} */
export function remembered(compute) {
  /** @type {Map<K, V>} */
  const known = new Map();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return /** @type {V} */ (known.get(key));
  };
}

/**
 * The tree of paths: which branch a node is on, what else was continued where it stands, how a path is named. Pure.
 * A path is named by its branch: it runs from the root to that branch's last node. MAIN names the main path.
 */

import { count } from '#viewer/reading/format';
import { outcomeOf } from '#viewer/reading/outcomes';
import { END } from '#viewer/trace/schema';

export const MAIN = -1;
const NONE = -2;

/** By value of END: why a branch ends, in words. @type {Record<number, (tokens: string) => string>} */
const ENDS = byValue({
  length: (tokens) => `after ${tokens}, the length that was asked for`,
  end_of_text: () => 'the model ended the text',
  stop_string: () => 'a stop string ended it',
  rejoined: () => 'from here on it says the same as the path it left',
  context: (tokens) => `after ${tokens} the model\u2019s context was full`,
  nodes: (tokens) => `after ${tokens} the budget of the recording was spent`,
  cut: (tokens) => `cut short after ${tokens}`,
  unit: () => 'the unit that the prompt began is complete',
  repeats: () => 'from here on it repeats itself',
});
/** @type {readonly (number | undefined)[]} */
const FINISHED = [END.end_of_text, END.stop_string, END.unit];

/**
 * @typedef {object} Tree
 * @property {number} count branches
 * @property {(node: number) => number} branchOf the branch of a node, MAIN on the main path, NONE (-2) on no path that is shown
 * @property {(branch: number) => number} parentOf the branch (or MAIN) that a branch departs from
 * @property {(branch: number) => number} firstOf its first node
 * @property {(branch: number) => number} leafOf its last node
 * @property {(branch: number) => number[]} trail from the outermost branch to this one; empty for MAIN
 * @property {(branch: number, node: number) => boolean} isOn whether the path to a branch's end runs through a node
 * @property {(node: number) => number[]} siblings nodes that stand in the same place after the same text, the node itself included
 * @property {(node: number) => number} replaced what stands on the path that the branch beginning with this node left, -1 for nothing
 * @property {(node: number) => number} explored share of the probability that the siblings cover, in [0, 1]
 * @property {(branch: number) => string} endOf why it ends, in words
 * @property {(branch: number) => string} outcomeOf what it led to, in words; '' where nothing is known
 * @property {(branch: number) => boolean} isFinished whether its text ends there, and not only its recording
 * @property {(branch: number) => number} probabilityOf p of its first token
 */

/** @param {import('#viewer/trace/trace').Trace} trace @returns {Tree} */
export function treeOf(trace) {
  const { branches, nodes } = trace;
  const mainLeaf = /** @type {number} */ (trace.run['main_leaf']);
  const owner = new Int32Array(trace.count).fill(NONE);
  /** The node after each on its own path. */
  const next = new Int32Array(trace.count).fill(-1);
  for (let node = mainLeaf, after = -1; node >= 0; after = node, node = nodes.parent[node] ?? -1) {
    owner[node] = MAIN;
    next[node] = after;
  }
  /** @type {Map<number, number[]>} first nodes of the branches that depart after a node */
  const departing = new Map();
  const firstOf = (/** @type {number} */ branch) => branches.first[branch] ?? 0;
  const leafOf = (/** @type {number} */ branch) => (branch < 0 ? mainLeaf : firstOf(branch) + (branches.count[branch] ?? 0) - 1);
  for (const [branch, first] of branches.first.entries()) {
    const leaf = leafOf(branch);
    owner.fill(branch, first, leaf + 1);
    for (let node = first; node < leaf; node++) next[node] = node + 1;
    const fork = nodes.parent[first] ?? 0;
    const others = departing.get(fork);
    if (others) others.push(first);
    else departing.set(fork, [first]);
  }
  for (const { first, end } of trace.files) owner.fill(MAIN, first, end); // each file is a path of its own
  const branchOf = (/** @type {number} */ node) => owner[node] ?? NONE;
  const parentOf = (/** @type {number} */ branch) => branchOf(nodes.parent[firstOf(branch)] ?? -1);
  const siblings = (/** @type {number} */ node) => {
    const fork = nodes.parent[node] ?? -1;
    const others = departing.get(fork);
    if (!others) return [node];
    const after = next[fork] ?? -1;
    return after < 0 ? others : [after, ...others];
  };
  return {
    count: branches.first.length,
    branchOf,
    parentOf,
    firstOf,
    leafOf,
    trail(branch) {
      const found = [];
      for (let at = branch; at >= 0; at = parentOf(at)) found.push(at);
      return found.reverse();
    },
    isOn(branch, node) {
      let end = leafOf(branch);
      for (let at = branch; at >= 0; at = parentOf(at)) {
        if (node >= firstOf(at) && node <= end) return true;
        end = nodes.parent[firstOf(at)] ?? -1;
      }
      return branchOf(node) === MAIN && (branch < 0 || node <= end);
    },
    siblings,
    replaced: (node) => next[nodes.parent[node] ?? -1] ?? -1,
    explored: (node) => Math.min(1, siblings(node).reduce((sum, one) => sum + Math.exp(nodes.logprob[one] ?? NaN), 0)),
    endOf: (branch) => ENDS[branches.end[branch] ?? END.length]?.(tokens(branches.count[branch] ?? 0)) ?? '',
    outcomeOf: (branch) => outcomeOf(trace, branch)?.words ?? '',
    isFinished: (branch) => branch < 0 || FINISHED.includes(branches.end[branch]),
    probabilityOf: (branch) => Math.exp(nodes.logprob[firstOf(branch)] ?? NaN),
  };
}

/** @param {number} amount */
export function tokens(amount) {
  return `${count(amount)} token${amount === 1 ? '' : 's'}`;
}

/** @param {Record<keyof typeof END, (tokens: string) => string>} words of every end */
function byValue(words) {
  return Object.fromEntries(Object.entries(END).map(([name, value]) => [value, words[/** @type {keyof typeof END} */ (name)]]));
}

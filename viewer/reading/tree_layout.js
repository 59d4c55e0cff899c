/**
 * All branches -> bars in rows: x is the position in the sequence, the main path is row 0, a branch hangs below the path that it
 * leaves, as near to it as there is room. No two bars overlap. Pure.
 */

import { MAIN } from '#viewer/reading/branches';
import { ORIGIN } from '#viewer/trace/schema';

/**
 * @typedef {object} Bar one branch, or the main path
 * @property {number} branch
 * @property {number} first position of its first token, counted from where the output or the first branch begins
 * @property {number} last position of its last token
 * @property {number} row
 * @property {number} p of its first token
 * @property {Bar | null} parent
 * @property {number} level 1 for the main path
 * @property {number[]} kids branches that depart from it and are likely enough to be shown
 * @property {boolean} folded whether they are hidden
 * @property {number} place among its siblings, from 1
 */

/**
 * @typedef {object} TreeLayout
 * @property {Bar[]} bars from the main path on, each branch before those that depart from it
 * @property {Bar[][]} rows bars of each row, from left to right
 * @property {{ at: number, from: number, to: number }[]} forks lines from row to row, from left to right
 * @property {number} width positions
 * @property {(row: number, at: number) => Bar | undefined} find the bar at a position
 * @property {(bar: Bar, at: number) => number} nodeAt the node at a position of a bar
 * @property {(node: number) => number} positionOf
 */

/**
 * @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/branches').Tree} tree
 * @param {{ least: number, folded: ReadonlySet<number> }} fold branches less probable than `least` and those under `folded` ones are hidden
 * @returns {TreeLayout}
 */
export function layOutTree(trace, tree, { least, folded }) {
  const depth = new Int32Array(trace.count);
  for (let node = 0; node < trace.count; node++) depth[node] = 1 + (depth[trace.nodes.parent[node] ?? -1] ?? -1);
  const main = trace.path(tree.leafOf(MAIN));
  const output = main.findIndex((node) => trace.nodes.origin[node] !== ORIGIN.prompt);
  const start = trace.branches.first.reduce((least, first) => Math.min(least, depth[first] ?? 0), output < 0 ? main.length : output);
  const positionOf = (/** @type {number} */ node) => (depth[node] ?? 0) - start;

  /** @type {Map<number, number[]>} */
  const kids = new Map();
  for (let branch = 0; branch < tree.count; branch++) {
    if (!(tree.probabilityOf(branch) >= least)) continue;
    const parent = tree.parentOf(branch);
    const list = kids.get(parent);
    if (list) list.push(branch);
    else kids.set(parent, [branch]);
  }
  for (const list of kids.values()) {
    list.sort((a, b) => positionOf(tree.firstOf(a)) - positionOf(tree.firstOf(b)) || tree.probabilityOf(b) - tree.probabilityOf(a));
  }

  /** @param {number} branch @param {Bar | null} parent @param {number} place @returns {Bar} */
  const barOf = (branch, parent, place) => ({
    branch, parent, place, row: 0, level: (parent?.level ?? 0) + 1, folded: folded.has(branch), kids: kids.get(branch) ?? [],
    first: branch < 0 ? 0 : positionOf(tree.firstOf(branch)),
    last: Math.max(0, positionOf(tree.leafOf(branch))), p: branch < 0 ? 1 : tree.probabilityOf(branch),
  });
  const bars = inOrder(barOf);
  const rows = pack(bars);
  const width = bars.reduce((most, { last }) => Math.max(most, last + 1), 1);
  return {
    bars,
    rows,
    forks: forksOf(bars),
    width,
    positionOf,
    find(row, at) {
      const list = rows[row] ?? [];
      const bar = list[firstIndex(list.length, (i) => (list[i]?.last ?? 0) >= at)];
      return bar && bar.first <= at ? bar : undefined;
    },
    nodeAt: (bar, at) => (bar.branch < 0 ? (main[at + start] ?? -1) : tree.firstOf(bar.branch) + at - bar.first),
  };
}

/** Each before those that depart from it, from left to right. @param {(branch: number, parent: Bar | null, place: number) => Bar} barOf */
function inOrder(barOf) {
  const bars = [];
  const waiting = [barOf(MAIN, null, 1)];
  for (let bar = waiting.pop(); bar; bar = waiting.pop()) {
    bars.push(bar);
    if (bar.folded) continue;
    for (let i = bar.kids.length - 1; i >= 0; i--) waiting.push(barOf(bar.kids[i] ?? 0, bar, i + 1));
  }
  return bars;
}

/** From left to right, each in the first row below its parent's that is free there. @param {Bar[]} bars */
function pack(bars) {
  /** @type {Bar[][]} */
  const rows = [];
  for (const bar of [...bars].sort((a, b) => a.first - b.first || b.p - a.p)) {
    bar.row = bar.parent ? bar.parent.row + 1 : 0;
    while ((rows[bar.row]?.at(-1)?.last ?? -Infinity) >= bar.first - 1) bar.row++;
    while (rows.length <= bar.row) rows.push([]);
    rows[bar.row]?.push(bar);
  }
  return rows;
}

/** One line per fork, down to its lowest branch. @param {Bar[]} bars */
function forksOf(bars) {
  /** @type {Map<string, { at: number, from: number, to: number }>} */
  const forks = new Map();
  for (const { first, row, parent } of bars) {
    if (!parent) continue;
    const key = `${parent.row} ${first}`;
    const fork = forks.get(key);
    if (fork) fork.to = Math.max(fork.to, row);
    else forks.set(key, { at: first, from: parent.row, to: row });
  }
  return [...forks.values()].sort((a, b) => a.at - b.at);
}

/** The first index for which a condition holds that holds for all after it. @param {number} count @param {(index: number) => boolean} holds */
export function firstIndex(count, holds) {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

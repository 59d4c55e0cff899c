/** The decisions of a recording: where each stands on a path. Pure. */

import { DECISION } from '#viewer/trace/schema';

/**
 * Its nodes of the path, the first of which is `node`, and its line, from 0.
 * @typedef {{ number: number, node: number, nodes: number[], line: number, taste: boolean }} Placed
 */

const BLANK = /^\s*(?=\S)/;
const EXACT = new TextDecoder('latin1');

/**
 * The decisions on a path: their own tokens, or what a branch has in place of them.
 * @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/branches').Tree} tree
 * @param {import('#viewer/reading/layout').Layout} layout
 * @returns {Placed[]}
 */
export function decisionsOn(trace, tree, layout) {
  const { decisions } = trace;
  const isHere = (/** @type {number} */ node) => (layout.placeOf[node] ?? -1) >= 0;
  return Array.from(decisions.node, (first, row) => {
    const own = Array.from({ length: decisions.count[row] ?? 0 }, (_, i) => first + i);
    const nodes = isHere(first) ? own.filter(isHere) : tree.siblings(first).filter(isHere);
    const node = nodes[0] ?? -1;
    return {
      number: row + 1,
      node,
      nodes,
      line: node < 0 ? -1 : lineOf(trace, layout, isHere(first) && (decisions.syntax[row] ?? -1) >= 0 ? firstSign(trace, layout, node) : node),
      taste: ((decisions.flags[row] ?? 0) & DECISION.taste) > 0,
    };
  }).filter(({ node }) => node >= 0);
}

/**
 * The first token from here on with a sign that is no white space: where a part of the syntax begins.
 * @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/layout').Layout} layout @param {number} node
 */
function firstSign(trace, layout, node) {
  const place = layout.placeOf[node] ?? 0;
  return layout.order.slice(place).find((one) => BLANK.test(EXACT.decode(trace.bytesOf(one)))) ?? node;
}

/**
 * The line on which the first sign of a token stands that is no white space.
 * @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/layout').Layout} layout @param {number} node
 */
function lineOf(trace, layout, node) {
  const blank = BLANK.exec(EXACT.decode(trace.bytesOf(node)))?.[0] ?? '';
  return (layout.lineOf[layout.placeOf[node] ?? 0] ?? 0) + blank.split('\n').length - 1;
}

/** Attention between spans of the code, such as lines: the mean over a span's tokens, as sparse rows that add up to 1. Pure. */

import { eachRow, eachSource, headCount, queryOf, unkeptOf } from '#viewer/reading/attention';

/** @typedef {{ count: number, of: Int32Array }} Spans of: by node, -1 where it is in none */

/**
 * @typedef {object} Matrix
 * @property {Uint32Array} start row r holds the entries [start[r], start[r + 1]), from left to right
 * @property {Uint32Array} column
 * @property {Float32Array} share
 * @property {Float32Array} unkept by row: what is on none of the kept sources
 * @property {Float32Array} aside by row: what is on the first token, where that is set aside
 * @property {Uint32Array} tokens by row: how many have attention
 */

/** A token that holds line breaks belongs to the line where it begins. @param {import('#viewer/reading/layout').Layout} layout @returns {Spans} */
export function linesOf(layout) {
  return { count: layout.lines.length, of: layout.placeOf.map((place) => (place < 0 ? -1 : (layout.lineOf[place] ?? -1))) };
}

/**
 * @param {import('#viewer/reading/attention').Index} index @param {import('#viewer/trace/trace').Trace} trace @param {Spans} spans
 * @param {Pick<import('#viewer/state').State, 'own' | 'aside' | 'layer' | 'head'>} question @returns {Matrix}
 */
export function matrixOf(index, trace, spans, question) {
  const members = membersOf(spans);
  const heads = headCount(index, question);
  const [start, tokens] = [new Uint32Array(spans.count + 1), new Uint32Array(spans.count)];
  const [unkept, aside, sums] = [new Float32Array(spans.count), new Float32Array(spans.count), new Float64Array(spans.count)];
  /** @type {number[]} */
  const column = [];
  /** @type {number[]} */
  const share = [];
  for (const [row, nodes] of members.entries()) {
    const queries = nodes.map((node) => queryOf(trace, question.own, node)).filter((query) => query >= 0);
    const part = 1 / (queries.length * heads);
    tokens[row] = heads ? queries.length : 0;
    /** @type {number[]} */
    const touched = [];
    for (const query of queries) {
      eachRow(index, question, query, (at) => {
        unkept[row] += unkeptOf(index, at) * part;
        eachSource(index, at, (source, weight) => {
          const to = spans.of[source] ?? -1;
          if (question.aside && trace.nodes.parent[source] === -1) aside[row] += weight * part;
          else if (to >= 0) {
            if (!sums[to]) touched.push(to);
            sums[to] += weight * part;
          }
        });
      });
    }
    for (const to of touched.sort((a, b) => a - b)) {
      column.push(to);
      share.push(sums[to] ?? 0);
      sums[to] = 0;
    }
    start[row + 1] = column.length;
  }
  return { start, column: Uint32Array.from(column), share: Float32Array.from(share), unkept, aside, tokens };
}

/** What one span's tokens have on another, 0 where nothing of it was kept. @param {Matrix} matrix @param {number} row @param {number} column */
export function shareAt({ start, column: columns, share }, row, column) {
  const at = columns.subarray(start[row], start[row + 1]).indexOf(column);
  return at < 0 ? 0 : (share[(start[row] ?? 0) + at] ?? 0);
}

/** The nodes of each span. @param {Spans} spans */
function membersOf({ count, of }) {
  /** @type {number[][]} */
  const members = Array.from({ length: count }, () => []);
  for (const [node, span] of of.entries()) members[span]?.push(node);
  return members;
}

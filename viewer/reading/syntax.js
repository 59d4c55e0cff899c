/**
 * The code's syntax over the tokens of a text: what each node holds, spans of five sizes, and their numbers. Pure.
 * Tokens and nodes meet by bytes, as in tokenscope_trace/syntax.py: a token belongs to a node with the share of its bytes there.
 */

import { inFileOrder } from '#viewer/reading/layout';
import { at } from '#viewer/trace/arrays';
import { FLAG } from '#viewer/trace/schema';

const NEWLINE = 10;
const KEPT = 12; // kinds of a chart
const isSpace = (/** @type {number | undefined} */ byte) => byte === 32 || (byte !== undefined && byte > 8 && byte < 14);

/**
 * @typedef {object} Structure of one text
 * @property {import('#viewer/trace/trace').SyntaxTable} table
 * @property {readonly { first: number, count: number }[]} passages of this text
 * @property {Int32Array} nodes tokens in the order of the file
 * @property {Float64Array} start first byte of each, by place
 * @property {Float64Array} end the byte after the last one; the same for what is no part of the text
 * @property {Uint8Array} bytes the text
 * @property {Int32Array} innermost by place: the deepest node that holds the token without the white space at its ends, -1 for none
 * @property {readonly string[]} kinds by place, '' for no code
 * @property {readonly number[]} lines first byte of each line
 */

/** @typedef {{ start: number, end: number, kind: string, node: number }} Span node: -1 for a line or a token */
/** @typedef {{ node: number, share: number }} Share of a token, in (0, 1] */
/** @typedef {{ sum: number, mean: number, min: number, max: number, median: number, count: number }} Aggregate */

/**
 * @param {import('#viewer/trace/trace').Trace} trace @param {number} text a file's number, 0 in a generation
 * @param {number} [branch] whose program it is; its nodes are those that touch the branch's own tokens
 * @returns {Structure | null} null where none of the text was parsed
 */
export function structureOf(trace, text, branch = -1) {
  const table = trace.syntax;
  const passages = (branch < 0 ? table?.passages : table?.ofBranches)?.filter((passage) => passage.text === text && (passage.branch ?? -1) === branch) ?? [];
  if (!table || !passages.length) return null;
  const entries = inFileOrder(
    trace,
    trace.path(
      branch < 0
        ? (trace.files[text]?.end ?? trace.run['main_leaf'] + 1) - 1
        : at(trace.branches.first, branch) + at(trace.branches.count, branch) - 1,
    ),
  );
  const parts = entries.map(({ node, kind }) => (kind === 'chip' ? new Uint8Array() : trace.bytesOf(node)));
  const [start, end] = [new Float64Array(parts.length), new Float64Array(parts.length)];
  let size = 0;
  for (const [place, part] of parts.entries()) {
    start[place] = size;
    size += part.length;
    end[place] = size;
  }
  const bytes = new Uint8Array(size);
  for (const [place, part] of parts.entries()) bytes.set(part, start[place]);
  const lines = [0];
  for (let at = bytes.indexOf(NEWLINE); at >= 0 && at < size - 1; at = bytes.indexOf(NEWLINE, at + 1)) lines.push(at + 1);
  const structure = {
    table,
    passages,
    nodes: Int32Array.from(entries, ({ node }) => node),
    start,
    end,
    bytes,
    lines,
    innermost: new Int32Array(parts.length).fill(-1),
    kinds: /** @type {string[]} */ ([]),
  };
  const [from, to] = [start.slice(), end.slice()];
  for (let place = 0; place < parts.length; place++) {
    let first = /** @type {number} */ (start[place]);
    let last = /** @type {number} */ (end[place]);
    while (first < last && isSpace(bytes[first])) first++;
    while (first < last && isSpace(bytes[last - 1])) last--;
    if (first === last) continue;
    from[place] = first;
    to[place] = last;
  }
  /** By place: itself while no node holds it, else one behind it. */
  const open = new Int32Array(parts.length + 1).map((_, place) => place);
  const next = (/** @type {number} */ place) => {
    for (let after = 0; (after = /** @type {number} */ (open[place])) !== place; place = after) open[place] = /** @type {number} */ (open[after]);
    return place;
  };
  for (const { first, count } of [...passages].reverse()) {
    for (let node = first + count - 1; node >= first; node--) { // parents come first: the last one that holds a token is the deepest
      const begin = /** @type {number} */ (table.start[node]);
      const stop = /** @type {number} */ (table.end[node]);
      const behind = firstAbove(start, stop - 1);
      for (let place = next(firstAbove(end, begin)); place < behind; place = next(place + 1)) {
        if (/** @type {number} */ (from[place]) < begin || /** @type {number} */ (to[place]) > stop || end[place] === start[place]) continue;
        structure.innermost[place] = node;
        open[place] = place + 1;
      }
    }
  }
  structure.kinds = Array.from(structure.innermost, (node, place) => (node < 0 ? '' : isSpace(bytes[at(from, place)]) ? 'white space' : kindOf(table, node)));
  return structure;
}

/** @param {import('#viewer/trace/trace').SyntaxTable} table @param {number} node */
export function kindOf(table, node) {
  return table.kinds[at(table.kind, node)] ?? '';
}

/** The places [first, last) of tokens that touch bytes [start, end). @param {Structure} structure @param {number} start @param {number} end */
function placesIn(structure, start, end) {
  return [firstAbove(structure.end, start), firstAbove(structure.start, end - 1)];
}

/** The first place of a larger value. @param {ArrayLike<number>} sorted @param {number} value */
function firstAbove(sorted, value) {
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >> 1;
    if (/** @type {number} */ (sorted[middle]) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The tokens of bytes [start, end). @param {Structure} structure @param {{ start: number, end: number }} span @returns {Share[]} */
export function tokensOf(structure, { start, end }) {
  const found = [];
  for (let [place, stop] = placesIn(structure, start, end); place < stop; place++) {
    const [first, last] = [at(structure.start, place), at(structure.end, place)];
    const overlap = Math.min(last, end) - Math.max(first, start);
    if (overlap > 0) found.push({ node: at(structure.nodes, place), share: overlap / (last - first) });
  }
  return found;
}

/**
 * The spans of one size, in the order of the text, outer ones first.
 * @param {Structure} structure @param {'token' | 'expression' | 'statement' | 'line' | 'block'} size
 * @returns {Span[]}
 */
export function spansOf(structure, size) {
  const { table, lines, bytes, kinds } = structure;
  if (size === 'line') return lines.map((start, i) => ({ start, end: lines[i + 1] ?? bytes.length, kind: 'line', node: -1 }));
  if (size === 'token')
    return Array.from(kinds, (kind, place) => ({ start: at(structure.start, place), end: at(structure.end, place), kind, node: -1 })).filter(
      ({ start, end }) => end > start,
    );
  const ends = Float64Array.from(table.end);
  if (size === 'block') for (const [node, flags] of table.flags.entries()) {
    const parent = at(table.parent, node);
    if (flags & FLAG.arm && parent >= 0) ends[parent] = Math.min(at(ends, parent), at(table.start, node)); // elif is told apart from if
  }
  return structure.passages.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i))
    .filter((node) => at(table.flags, node) & FLAG[size])
    .map((node) => ({ start: at(table.start, node), end: at(ends, node), kind: kindOf(table, node), node }));
}

/** The line of a byte, from 1. @param {Structure} structure @param {number} byte */
export function lineAt({ lines }, byte) {
  return Math.max(1, firstAbove(lines, byte));
}

/** The innermost node of a token and the statement that it is in, -1 for none. @param {Structure} structure @param {number} token */
export function whereIs({ table, nodes, innermost, kinds }, token) {
  const place = nodes.indexOf(token);
  let statement = innermost[place] ?? -1;
  while (statement >= 0 && !(at(table.flags, statement) & FLAG.statement)) statement = at(table.parent, statement);
  return { kind: kinds[place] ?? '', statement };
}

/**
 * Only surprisal may be summed: a sum weighs a token by its share; the others take it as a whole.
 * @param {readonly Share[]} tokens @param {Float32Array} values by token, NaN where not measured
 * @returns {Aggregate}
 */
export function aggregate(tokens, values) {
  const known = tokens.filter(({ node }) => !Number.isNaN(at(values, node)));
  const sorted = known.map(({ node }) => at(values, node)).sort((a, b) => a - b);
  const count = sorted.length;
  const middle = (count - 1) / 2;
  return {
    sum: count ? known.reduce((sum, { node, share }) => sum + at(values, node) * share, 0) : NaN,
    mean: sorted.reduce((sum, value) => sum + value, 0) / count,
    min: sorted[0] ?? NaN,
    max: sorted[count - 1] ?? NaN,
    median: ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2,
    count,
  };
}

/** The share of the measured values that are smaller, and how many there are. @param {readonly number[]} values @param {number} value */
export function percentile(values, value) {
  const known = values.filter((one) => !Number.isNaN(one));
  return { share: known.filter((one) => one < value).length / known.length, count: known.length };
}

/** The most frequent kinds of spans, each with the tokens in any of them. @param {Structure} structure @param {readonly Span[]} spans */
export function byKind(structure, spans) {
  /** @type {Map<string, Map<number, Share>>} */
  const kinds = new Map();
  for (const span of spans) {
    const tokens = kinds.get(span.kind) ?? new Map();
    if (span.kind) kinds.set(span.kind, tokens);
    for (const token of tokensOf(structure, span)) tokens.set(token.node, token);
  }
  return Array.from(kinds, ([kind, tokens]) => ({ kind, tokens: [...tokens.values()] })).sort((a, b) => b.tokens.length - a.tokens.length).slice(0, KEPT);
}

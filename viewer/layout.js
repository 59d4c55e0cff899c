/**
 * A path of tokens -> lines of cells, in the order of the file. Pure.
 * A token that holds a line break has one cell on each line it touches. In a fill-in-the-middle recording the nodes come as
 * prefix, suffix, output; the file reads prefix, output, suffix.
 */

import { ORIGIN } from '#viewer/trace';
import { pieces, piecesOfToken } from '#viewer/text';

/**
 * @typedef {object} Cell what one token shows on one line
 * @property {number} node
 * @property {'text' | 'rest' | 'control' | 'chip'} kind rest: only the end of a character that began in an earlier token;
 *   control: text that a chat template put there; chip: a control token, which is no part of the text.
 * @property {readonly import('#viewer/text').Piece[]} pieces
 */

/**
 * @typedef {object} Layout
 * @property {Int32Array} order nodes as they are read
 * @property {Int32Array} placeOf position in `order` by node, -1 for a node that is not shown
 * @property {Int32Array} lineOf index of the first line of each place
 * @property {Int32Array} columnOf characters before the token on that line, by place
 * @property {Cell[][]} lines
 * @property {Int32Array} outputPlaces places of the tokens that the model wrote
 * @property {Int32Array} ordinalOf by place, from 1: the how manyth token of the prompt or of the output
 */

/** @typedef {{ node: number, kind: 'text' | 'chip' | 'control' }} Entry */

/** @param {import('#viewer/trace').Trace} trace @param {Int32Array} path @returns {Layout} */
export function layOut(trace, path) {
  const entries = inFileOrder(trace, path);
  const drawn = draw(trace, entries);
  const count = entries.length;
  const placeOf = new Int32Array(trace.count).fill(-1);
  const lineOf = new Int32Array(count);
  const columnOf = new Int32Array(count);
  /** @type {Cell[][]} */
  const lines = [[]];
  let column = 0;
  for (const [place, entry] of entries.entries()) {
    const { node } = entry;
    const list = /** @type {import('#viewer/text').Piece[]} */ (drawn[place]);
    placeOf[node] = place;
    lineOf[place] = lines.length - 1;
    columnOf[place] = column;
    const kind = entry.kind === 'text' ? (list.length ? 'text' : 'rest') : entry.kind;
    let from = 0;
    for (const [i, piece] of list.entries()) {
      column += characters(piece.text);
      if (piece.kind !== 'newline' || entry.kind === 'chip') continue;
      last(lines).push({ node, kind, pieces: list.slice(from, i + 1) });
      lines.push([]);
      from = i + 1;
      column = 0;
    }
    if (from < list.length || list.length === 0) last(lines).push({ node, kind, pieces: list.slice(from) });
  }
  if (last(lines).length === 0 && lines.length > 1) lines.pop();
  const order = Int32Array.from(entries, ({ node }) => node);
  const isPrompt = Array.from(order, (node) => trace.nodes.origin[node] === ORIGIN.prompt);
  const outputPlaces = Int32Array.from(order.keys()).filter((place) => !isPrompt[place]);
  const seen = { prompt: 0, output: 0 };
  const ordinalOf = Int32Array.from(isPrompt, (prompt) => ++seen[prompt ? 'prompt' : 'output']);
  return { order, placeOf, lineOf, columnOf, lines, outputPlaces, ordinalOf };
}

/** @param {string} text */
function characters(text) {
  return /[\ud800-\udbff]/.test(text) ? [...text].length : text.length;
}

/**
 * Control tokens of a fill-in-the-middle prompt go with the segment that they introduce; the last ones with the output.
 * @param {import('#viewer/trace').Trace} trace @param {Int32Array} path @returns {Entry[]}
 */
export function inFileOrder(trace, path) {
  const isFim = trace.run.prompt.kind === 'fim';
  /** @type {Map<number, string>} */
  const roles = new Map();
  for (const { role, first, end } of trace.segments) {
    for (let node = first; node < end; node++) roles.set(node, role);
  }
  /** @type {{ prefix: Entry[], output: Entry[], suffix: Entry[] }} */
  const groups = { prefix: [], output: [], suffix: [] };
  /** @type {Entry[]} */
  let waiting = [];
  for (const node of path) {
    const isPrompt = trace.nodes.origin[node] === ORIGIN.prompt;
    const role = isPrompt ? (roles.get(node) ?? 'text') : 'output';
    const isControl = role === 'control';
    /** @type {Entry} */
    const entry = { node, kind: trace.isSpecial(node) || (isFim && isControl) ? 'chip' : isControl ? 'control' : 'text' };
    if (isFim && isControl) {
      waiting.push(entry);
      continue;
    }
    const group = !isFim || role === 'output' ? groups.output : role === 'suffix' ? groups.suffix : groups.prefix;
    group.push(...waiting, entry);
    waiting = [];
  }
  return [...groups.prefix, ...groups.output, ...waiting, ...groups.suffix];
}

/** Pieces per entry. A control token stands alone; the others join into runs of text. @param {import('#viewer/trace').Trace} trace @param {Entry[]} entries */
function draw(trace, entries) {
  /** @type {import('#viewer/text').Piece[][]} */
  const drawn = [];
  let run = /** @type {Uint8Array[]} */ ([]);
  const flush = () => {
    drawn.push(...pieces(run));
    run = [];
  };
  for (const { node, kind } of entries) {
    if (kind !== 'chip') {
      run.push(trace.bytesOf(node));
      continue;
    }
    flush();
    drawn.push(piecesOfToken(trace.bytesOf(node)));
  }
  flush();
  return drawn;
}

/** @template T @param {T[]} list */
function last(list) {
  return /** @type {T} */ (list[list.length - 1]);
}

/**
 * A path of tokens -> lines of cells, in the order of the file. Pure.
 * A token that holds a line break has one cell on each line it touches. In a fill-in-the-middle recording the nodes come as
 * prefix, suffix, output; the file reads prefix, output, suffix.
 */

import { pieces, piecesOfToken } from '#viewer/reading/text';
import { ORIGIN } from '#viewer/trace/schema';

/**
 * @typedef {object} Cell what one token shows on one line
 * @property {number} node
 * @property {'text' | 'rest' | 'control' | 'chip'} kind rest: only the end of a character that began in an earlier token;
 *   control: text that a chat template put there; chip: a control token, which is no part of the text.
 * @property {readonly import('#viewer/reading/text').Piece[]} pieces
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

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** @typedef {{ node: number, kind: 'text' | 'chip' | 'control' }} Entry */

/**
 * @param {import('#viewer/trace/trace').Trace} trace @param {Int32Array} path
 * @param {Layout} [known] of another path: what both begin with is taken from it
 * @returns {Layout}
 */
export function layOut(trace, path, known) {
  const entries = inFileOrder(trace, path);
  const count = entries.length;
  const order = new Int32Array(count);
  const placeOf = new Int32Array(trace.count).fill(-1);
  const lineOf = new Int32Array(count);
  const columnOf = new Int32Array(count);
  const ordinalOf = new Int32Array(count);
  const outputPlaces = [];
  for (let place = 0, written = 0; place < count; place++) {
    const node = /** @type {Entry} */ (entries[place]).node;
    order[place] = node;
    placeOf[node] = place;
    if (trace.nodes.origin[node] !== ORIGIN.prompt) written = outputPlaces.push(place);
    ordinalOf[place] = trace.nodes.origin[node] === ORIGIN.prompt ? place + 1 - written : written;
  }
  const first = known ? sharedBy(trace, known, order) : 0;
  /** @type {Cell[][]} */
  let lines = [[]];
  if (known && first) {
    lineOf.set(known.lineOf.subarray(0, first));
    columnOf.set(known.columnOf.subarray(0, first));
    lines = known.lines.slice(0, (known.lineOf[first] ?? 0) + 1);
    lines[lines.length - 1] = last(lines).filter(({ node }) => (known.placeOf[node] ?? 0) < first);
  }
  let line = last(lines);
  let column = known?.columnOf[first] ?? 0;
  const drawn = draw(trace, entries, first);
  for (let place = first; place < count; place++) {
    const { node, kind: own } = /** @type {Entry} */ (entries[place]);
    const list = /** @type {import('#viewer/reading/text').Piece[]} */ (drawn[place - first]);
    lineOf[place] = lines.length - 1;
    columnOf[place] = column;
    const kind = own === 'text' && !list.length ? 'rest' : own;
    let from = 0;
    for (let i = 0; i < list.length; i++) {
      const piece = /** @type {import('#viewer/reading/text').Piece} */ (list[i]);
      column += characters(piece.text);
      if (piece.kind !== 'newline' || own === 'chip') continue;
      line.push({ node, kind, pieces: list.slice(from, i + 1) });
      lines.push(line = []);
      from = i + 1;
      column = 0;
    }
    if (from < list.length || list.length === 0) line.push({ node, kind, pieces: from ? list.slice(from) : list });
  }
  if (line.length === 0 && lines.length > 1) lines.pop();
  return { order, placeOf, lineOf, columnOf, lines, outputPlaces: Int32Array.from(outputPlaces), ordinalOf };
}

/** How many places two paths have in common at the beginning. @param {Int32Array} before @param {Int32Array} after */
export function sharedPlaces(before, after) {
  let place = 0;
  while (place < after.length && before[place] === after[place]) place++;
  return place;
}

/**
 * How many places can be taken from another layout: whole lines, as what stands in a line may change how all of it is drawn.
 * @param {import('#viewer/trace/trace').Trace} trace @param {Layout} known @param {Int32Array} order
 */
function sharedBy(trace, known, order) {
  let place = sharedPlaces(known.order, order) - 1;
  while (place > 0 && !endsLine(trace.bytesOf(order[place - 1] ?? 0)) && !trace.isSpecial(order[place - 1] ?? 0)) place--;
  return Math.max(0, place);
}

/** Whether lines end inside of a token of ASCII, and none of what follows belongs to that line end. @param {Uint8Array} bytes */
function endsLine(bytes) {
  return bytes.includes(NEWLINE) && bytes.at(-1) !== RETURN && isAscii(bytes);
}

/** @param {Uint8Array} bytes */
function isAscii(bytes) {
  return bytes.every((byte) => byte < 0x80);
}

/** @type {WeakMap<Uint8Array, import('#viewer/reading/text').Piece[] | null>} */
const PLAIN = new WeakMap();

/** The pieces of printable ASCII, which no token beside it changes, else null; found once for all tokens of an id. @param {Uint8Array} bytes */
function plain(bytes) {
  let found = PLAIN.get(bytes);
  if (found === undefined) {
    found = bytes.length && bytes.every((byte) => byte > 0x1f && byte < 0x7f) ? (pieces([bytes])[0] ?? null) : null;
    PLAIN.set(bytes, found);
  }
  return found;
}

/** @param {string} text */
function characters(text) {
  return /[\ud800-\udbff]/.test(text) ? [...text].length : text.length;
}

/**
 * Control tokens of a fill-in-the-middle prompt go with the segment that they introduce; the last ones with the output.
 * @param {import('#viewer/trace/trace').Trace} trace @param {Int32Array} path @returns {Entry[]}
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
  const waiting = [];
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
    for (const before of waiting.splice(0)) group.push(before);
    group.push(entry);
  }
  return isFim ? [...groups.prefix, ...groups.output, ...waiting, ...groups.suffix] : groups.output;
}

/**
 * Pieces per entry, from one on. A control token stands alone; the others join into lines, of which those of plain tokens need no look.
 * @param {import('#viewer/trace/trace').Trace} trace @param {Entry[]} entries @param {number} first
 */
function draw(trace, entries, first) {
  /** @type {import('#viewer/reading/text').Piece[][]} */
  const drawn = [];
  /** @type {Uint8Array[]} */
  let line = [];
  let lead = beginning(trace, entries[first - 1]);
  const flush = () => {
    if (line.every(isAscii)) drawAscii(line, drawn);
    else for (const list of pieces([lead, ...line]).slice(1)) drawn.push(list);
    line = [];
  };
  for (let place = first; place < entries.length; place++) {
    const entry = /** @type {Entry} */ (entries[place]);
    const bytes = trace.bytesOf(entry.node);
    if (entry.kind !== 'chip') line.push(bytes);
    if (entry.kind !== 'chip' && !endsLine(bytes)) continue;
    flush();
    if (entry.kind === 'chip') drawn.push(piecesOfToken(bytes));
    lead = beginning(trace, entry);
  }
  flush();
  return drawn;
}

/** What of a token stands on the line that follows it. @param {import('#viewer/trace/trace').Trace} trace @param {Entry} [entry] */
function beginning(trace, entry) {
  const bytes = entry && entry.kind !== 'chip' ? trace.bytesOf(entry.node) : new Uint8Array();
  return bytes.subarray(bytes.lastIndexOf(NEWLINE) + 1);
}

/** @param {Uint8Array[]} line @param {import('#viewer/reading/text').Piece[][]} drawn */
function drawAscii(line, drawn) {
  /** @type {Uint8Array[]} */
  let run = [];
  for (const bytes of line) {
    const alone = plain(bytes);
    if (!alone) {
      run.push(bytes);
      continue;
    }
    if (run.length) for (const list of pieces(run)) drawn.push(list);
    drawn.push(alone);
    run = [];
  }
  if (run.length) for (const list of pieces(run)) drawn.push(list);
}

/** @template T @param {T[]} list */
function last(list) {
  return /** @type {T} */ (list[list.length - 1]);
}

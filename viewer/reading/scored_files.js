/**
 * Scored code: its files and their lines, ranked by surprise. Each number is computed once, without laying out a file. Pure.
 * A token may span lines: its surprisal belongs to the line on which it begins.
 */

import { pieces, visible } from '#viewer/reading/text';

const NEWLINE = 10;
const encoder = new TextEncoder();
const CONTEXT = 3; // unchanged lines that stay beside a changed one

/**
 * @typedef {object} Line a line on which a measured token begins
 * @property {number} number from 1
 * @property {number} bits sum of the surprisal of its tokens
 * @property {number} tokens measured ones
 * @property {number} node the most surprising one
 * @property {boolean} changed
 */

/**
 * @typedef {object} ScoredFile
 * @property {number} index in the trace
 * @property {string} source its name, in which nothing stays invisible
 * @property {number} first node
 * @property {number} end one past the last node
 * @property {number} tokens
 * @property {number} bits sum of the surprisal of its tokens
 * @property {number} perplexity
 * @property {Line[]} lines the changed ones first, then by surprise
 * @property {readonly (readonly [number, number])[] | null} changed first and last lines, null where nothing was compared
 * @property {number} changedLines how many
 * @property {number} changedBits
 * @property {(number: number) => Line | undefined} lineAt
 * @property {(number: number) => boolean} isChanged
 */

/**
 * @typedef {object} Files
 * @property {ScoredFile[]} list those with changes first, then by surprise; empty in a recording of a generation
 * @property {boolean} compared whether any line is a changed one
 * @property {(node: number) => number} fileOf index of a node's file in the trace, -1 for none
 * @property {(index: number) => ScoredFile | null} at the file of this index, or the first of the list
 * @property {(node: number) => boolean} isChanged whether a token begins on a changed line
 */

/** @param {import('#viewer/trace/trace').Trace} trace @param {Float32Array} surprisal bits by node @returns {Files} */
export function filesOf(trace, surprisal) {
  const owner = new Int32Array(trace.count).fill(-1);
  const lineOf = new Int32Array(trace.files.length ? trace.count : 0);
  const names = toldApart(trace.files.map(({ source }) => source));
  const files = trace.files.map((file, index) => {
    owner.fill(index, file.first, file.end);
    return measure(trace, surprisal, lineOf, { ...file, source: names[index] ?? '' }, index);
  });
  const list = [...files].sort((a, b) => Number(b.changedLines > 0) - Number(a.changedLines > 0) || more(weight(b), weight(a)) || a.index - b.index);
  const fileOf = (/** @type {number} */ node) => owner[node] ?? -1;
  return {
    list,
    compared: files.some(({ changedLines }) => changedLines > 0),
    fileOf,
    at: (index) => files[index] ?? list[0] ?? null,
    isChanged: (node) => files[fileOf(node)]?.isChanged(lineOf[node] ?? 0) ?? false,
  };
}

/** The names, one that is there already with a number in front of it, as Python tells them apart. @param {readonly string[]} names */
function toldApart(names) {
  const found = new Set();
  const times = new Map();
  for (const name of names) {
    let own = name;
    while (found.has(own)) {
      times.set(name, (times.get(name) ?? 1) + 1);
      own = `(${times.get(name)})/${name}`;
    }
    found.add(own);
  }
  return [...found];
}

/** @param {ScoredFile} file */
function weight({ changedLines, changedBits, bits }) {
  return changedLines ? changedBits : bits;
}

/** How two numbers compare, infinite ones too. @param {number} a @param {number} b */
function more(a, b) {
  return Number(a > b) - Number(a < b);
}

/**
 * @param {import('#viewer/trace/trace').Trace} trace @param {Float32Array} surprisal @param {Int32Array} lineOf is filled in
 * @param {import('#viewer/trace/trace').File} file @param {number} index @returns {ScoredFile}
 */
function measure(trace, surprisal, lineOf, { source, first, end, changed }, index) {
  const ranges = changed ?? [];
  const isChanged = (/** @type {number} */ number) => ranges.some(([from, to]) => number >= from && number <= to);
  /** @type {Map<number, Line>} */
  const lines = new Map();
  let number = 1;
  let bits = 0;
  let measured = 0;
  for (let node = first; node < end; node++) {
    lineOf[node] = number;
    const value = surprisal[node] ?? NaN;
    if (!Number.isNaN(value)) {
      const line = lines.get(number) ?? { number, bits: 0, tokens: 0, node, changed: isChanged(number) };
      lines.set(number, line);
      if (value > (surprisal[line.node] ?? 0)) line.node = node;
      line.bits += value;
      line.tokens++;
      bits += value;
      measured++;
    }
    if (!trace.isSpecial(node)) for (const byte of trace.bytesOf(node)) number += Number(byte === NEWLINE);
  }
  const ranked = [...lines.values()].sort((a, b) => Number(b.changed) - Number(a.changed) || more(b.bits, a.bits) || a.number - b.number);
  return {
    index,
    source: visible(pieces([encoder.encode(source)]).flat(), false)
      .map(({ text }) => text)
      .join(''),
    first,
    end,
    tokens: end - first,
    bits,
    perplexity: measured ? 2 ** (bits / measured) : NaN,
    lines: ranked,
    changed,
    changedLines: ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0),
    changedBits: ranked.reduce((sum, line) => sum + (line.changed ? line.bits : 0), 0),
    lineAt: (number) => lines.get(number),
    isChanged,
  };
}

/** The visible text of a line, without its indentation. @param {import('#viewer/trace/trace').Trace} trace @param {ScoredFile} file @param {Line} line */
export function textOf(trace, file, { node }) {
  const isBreak = (/** @type {number} */ one) => trace.bytesOf(one).includes(NEWLINE) && !trace.isSpecial(one);
  let first = node;
  while (first > file.first && !isBreak(first - 1)) first--;
  let last = node;
  while (last < file.end - 1 && !isBreak(last)) last++;
  const lead = first > file.first ? 1 : 0; // the token before holds the end of the line above, and may hold the beginning of this one
  const bytes = Array.from({ length: last - first + 1 + lead }, (_, i) => trace.bytesOf(first - lead + i));
  if (lead) bytes[0] = /** @type {Uint8Array} */ (bytes[0]).subarray(/** @type {Uint8Array} */ (bytes[0]).lastIndexOf(NEWLINE) + 1);
  const list = pieces(bytes).flat();
  const stop = list.findIndex(({ kind }) => kind === 'newline' || kind === 'return');
  const shown = trimmed(stop < 0 ? list : list.slice(0, stop));
  return shown.length ? visible(shown, false) : [{ text: 'blank line', sign: true }];
}

/** Without white space at its beginning. @param {import('#viewer/reading/text').Piece[]} list */
function trimmed(list) {
  const begin = list.findIndex(({ kind, text }) => kind !== 'tab' && !/^ *$/.test(text));
  return (begin < 0 ? [] : list.slice(begin)).map((piece, i) => (i === 0 ? { ...piece, text: piece.text.replace(/^ +/, '') } : piece));
}

/**
 * The runs of unchanged lines that are folded away, as places [first, end) from 0. A run of one line stays.
 * @param {number} lines how many @param {(number: number) => boolean} isChanged by number from 1
 */
export function foldsOf(lines, isChanged) {
  /** @type {[number, number][]} */
  const folds = [];
  let first = 0;
  for (let line = 0; line <= lines; line++) {
    if (line < lines && !isChanged(line + 1)) continue;
    const end = line < lines ? line - CONTEXT : lines;
    if (end - first > 1) folds.push([first, end]);
    first = line + 1 + CONTEXT;
  }
  return folds;
}

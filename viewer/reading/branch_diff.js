/**
 * A branch against the main path: by line, with the tokens that differ marked. Pure.
 * What the main path says after the point up to which the branch was continued was not compared, and is not called deleted.
 */

import { align } from '#viewer/reading/alignment';
import { END } from '#viewer/trace/schema';

const CONTEXT = 3; // lines
const EXACT = new TextDecoder('latin1'); // one character for each byte

/** @typedef {import('#viewer/reading/reading').Reading} Reading */
/** @typedef {'same' | 'changed' | 'beyond'} Mark beyond: after the end of the comparison */
/** @typedef {{ pieces: readonly import('#viewer/reading/text').Piece[], mark: Mark }} Part what one token shows on one line */
/** @typedef {{ kind: 'same' | 'main' | 'branch', main: number, branch: number, parts: Part[] }} Line line numbers from 1, 0 for none */
/** @typedef {{ kind: 'gap', lines: number }} Gap lines that are the same */
/** @typedef {{ rows: (Line | Gap)[], removed: number, added: number, end: string }} Differences tokens; how the comparison ends */

/** @typedef {{ line: number, pieces: readonly import('#viewer/reading/text').Piece[], breaks: boolean }} Cell */
/** @typedef {{ parts: Part[], number: number }} Open a line, or the beginning of one */

/** @param {Reading} main @param {Reading} shown a branch @returns {Differences} */
export function differences(main, shown) {
  const [a, b] = [main.layout.order, shown.layout.order];
  const [ofMain, ofBranch] = [cellsByPlace(main.layout), cellsByPlace(shown.layout)];
  const fork = b.findIndex((node, place) => node !== a[place]);
  const tail = commonTail(a, b, fork);
  const { rest, compared } = comparison(shown, Array.from(a.slice(fork, a.length - tail)), Array.from(b.slice(fork, b.length - tail)));
  const start = Math.max(0, (main.layout.lineOf[fork - 1] ?? 0) - CONTEXT);
  const writer = new Writer();
  for (let place = 0; place < fork; place++) {
    const cells = (ofMain[place] ?? []).filter(({ line }) => line >= start);
    writer.same(cells, (ofBranch[place] ?? []).slice(-cells.length || Infinity));
  }
  for (const pair of compared) {
    const [left, right] = [ofMain[fork + pair.a] ?? [], ofBranch[fork + pair.b] ?? []];
    if (pair.a >= 0 && pair.b >= 0) writer.same(left, right);
    else for (const cell of pair.a >= 0 ? left : right) writer.write(pair.a >= 0 ? 'main' : 'branch', cell, 'changed');
  }
  writer.beyond(rest.flatMap((place) => ofMain[fork + place] ?? []));
  writer.flush();
  const goesOn = main.layout.lines.length - writer.main.number;
  const more = goesOn > 0 ? `; the main path goes on for ${goesOn} line${goesOn === 1 ? '' : 's'}` : '';
  const isComplete = shown.tree.isFinished(shown.branch) || shown.trace.branches.end[shown.branch] === END.rejoined;
  const end = `The branch ends here: ${shown.tree.endOf(shown.branch)}${isComplete ? '' : `. It was not continued beyond${more}`}.`;
  const removed = compared.filter(({ b: other }) => other < 0).length;
  return { rows: fold(writer.rows, start), removed, added: compared.filter(({ a: other }) => other < 0).length, end };
}

/** What is compared and what of the main path lies beyond. @param {Reading} shown @param {number[]} a nodes @param {number[]} b nodes */
function comparison(shown, a, b) {
  const { trace, tree, branch } = shown;
  const rejoined = a.indexOf(trace.branches.rejoined[branch] ?? -1) + 1;
  const key = (/** @type {number} */ node) => EXACT.decode(trace.bytesOf(node));
  const { pairs, used } = align((rejoined ? a.slice(0, rejoined) : a).map(key), b.map(key));
  // What the branch replaced is compared in any case; where the text ends with the branch, all of the main path is.
  const end = rejoined || (tree.isFinished(branch) ? a.length : Math.max(used, Math.min(1, a.length)));
  for (let place = used; place < end; place++) pairs.push({ a: place, b: -1 });
  return { compared: pairs, rest: Array.from({ length: a.length - end }, (_, i) => end + i) };
}

/** Nodes in common at the end: the text after a hole. @param {Int32Array} a @param {Int32Array} b @param {number} fork */
function commonTail(a, b, fork) {
  let tail = 0;
  while (tail < Math.min(a.length, b.length) - fork && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  return tail;
}

/** The text of each token; a control token is no text. @param {import('#viewer/reading/layout').Layout} layout */
function cellsByPlace({ order, lines, placeOf }) {
  /** @type {Cell[][]} */
  const cells = Array.from(order, () => []);
  for (const [line, row] of lines.entries()) {
    for (const { node, kind, pieces } of row) {
      if (kind !== 'chip') cells[placeOf[node] ?? 0]?.push({ line, pieces, breaks: pieces.at(-1)?.kind === 'newline' });
    }
  }
  return cells;
}

/** Tokens in, lines out: both sides fill their lines until both end one with the same token. */
class Writer {
  constructor() {
    /** @type {Line[]} */
    this.rows = [];
    this.main = { number: 0, open: /** @type {Open[]} */ ([]), fresh: true };
    this.branch = { number: 0, open: /** @type {Open[]} */ ([]), fresh: true };
  }

  /** @param {'main' | 'branch'} side @param {Cell} cell @param {Mark} mark */
  write(side, cell, mark) {
    const to = this[side];
    if (to.fresh) to.open.push({ parts: [], number: (to.number = cell.line + 1) });
    to.open.at(-1)?.parts.push({ pieces: cell.pieces, mark });
    to.fresh = cell.breaks;
  }

  /** @param {Cell[]} main @param {Cell[]} branch */
  same(main, branch) {
    for (const [i, cell] of main.entries()) {
      this.write('main', cell, 'same');
      this.write('branch', branch[i] ?? cell, 'same');
      if (cell.breaks) this.flush();
    }
  }

  /** The rest of the line where the comparison ends. @param {Cell[]} cells */
  beyond(cells) {
    for (const cell of cells) {
      if (this.main.fresh) return;
      this.write('main', cell, 'beyond');
    }
  }

  flush() {
    const [main, branch] = [this.main.open, this.branch.open];
    const isSame = main.length === 1 && branch.length === 1 && [...main, ...branch].every(({ parts }) => parts.every(({ mark }) => mark !== 'changed'));
    if (isSame) this.rows.push({ kind: 'same', main: this.main.number, branch: this.branch.number, parts: main[0]?.parts ?? [] });
    else {
      for (const { parts, number } of main) this.rows.push({ kind: 'main', main: number, branch: 0, parts });
      for (const { parts, number } of branch) this.rows.push({ kind: 'branch', main: 0, branch: number, parts });
    }
    for (const side of [this.main, this.branch]) {
      side.open = [];
      side.fresh = true;
    }
  }
}

/** Leave out lines that are the same and far from a difference. @param {Line[]} rows @param {number} before lines left out already @returns {(Line | Gap)[]} */
function fold(rows, before) {
  const near = rows.map((_, i) => rows.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some(({ kind }) => kind !== 'same'));
  /** @type {(Line | Gap)[]} */
  const folded = before ? [{ kind: 'gap', lines: before }] : [];
  for (const [i, row] of rows.entries()) {
    const last = folded.at(-1);
    if (near[i]) folded.push(row);
    else if (last?.kind === 'gap') last.lines++;
    else folded.push({ kind: 'gap', lines: 1 });
  }
  return folded;
}

/** As a unified diff, for the clipboard. @param {Differences} found @param {string} name of the branch */
export function asText({ rows, end }, name) {
  const lines = rows.map((row) => {
    if (row.kind === 'gap') return `@@ ${row.lines} line${row.lines === 1 ? '' : 's'} the same @@`;
    const text = row.parts.flatMap(({ pieces }) => pieces.map((piece) => piece.text)).join('').replace(/\n$/, '');
    return `${{ same: ' ', main: '-', branch: '+' }[row.kind]}${text}`;
  });
  return ['--- main path', `+++ ${name}`, ...lines, ...(end ? [`# ${end}`] : []), ''].join('\n');
}

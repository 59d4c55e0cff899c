/** Attention between all lines of the code, on a canvas of which only what is in sight is drawn, and for keys. */

import { mountAttentionControls, rowsInWords } from '#viewer/elements/attention_controls';
import { mountGrid } from '#viewer/elements/canvas_grid';
import { closer, h, signed, tell, tokenText } from '#viewer/elements/dom';
import { scaleOf } from '#viewer/elements/scale_legend';
import { WEIGHT } from '#viewer/reading/attention';
import { count, percent } from '#viewer/reading/format';
import { linesOf, matrixOf, shareAt } from '#viewer/reading/matrix';
import { bucketOf } from '#viewer/reading/metrics';
import { visible } from '#viewer/reading/text';

const TALLEST = 18;
const LEAST = 3;
const LABELLED = 13; // rows this tall have room for the text of a line
const NUMBER = 36;
const REST = 44; // pixels for what is on no line
const TOP = 20;
const ZOOM = 1.5;

/** @typedef {Readonly<import('#viewer/state').State>} State */
/** @typedef {import('#viewer/reading/reading').Reading} Reading */
/** @typedef {import('#viewer/reading/matrix').Matrix} Matrix */
/** @typedef {import('#viewer/elements/canvas_grid').Cell} Cell */
/** @typedef {import('#viewer/elements/canvas_grid').Pen} Pen */
/** @typedef {{ reading: Reading, state: State, matrix: Matrix }} Shown */

/** @param {HTMLElement} root @param {import('#viewer/reading/attention').Index} index */
export function mountMatrix(root, index) {
  /** @type {Shown} */
  let shown;
  let key = '';
  let zoom = 1;
  /** @param {number} factor 0 to see as much as can be */
  const zoomBy = (factor) => {
    zoom = factor ? Math.max(1, Math.min(8, zoom * factor)) : 1;
    cells.update();
  };
  const { element, looking, remark } = headOf(index, zoomBy);
  const cells = mountGrid('lines', 'Attention between lines', {
    shape: (width) => shapeOf(shown.matrix.tokens.length, width, zoom),
    draw: (pen) => drawCells(pen, shown),
    frame: (pen) => drawMargins(pen, shown, cells.element),
    words: (cell) => wordsOf(shown, cell),
    tip: (cell) => tipOf(shown, cell),
    choose({ row }) {
      const node = shown.reading.layout.lines[row]?.[0]?.node ?? -1;
      if (node >= 0) tell(cells.element, 'select', { node, by: 'click' });
    },
    keys: { '+': () => zoomBy(ZOOM), '-': () => zoomBy(1 / ZOOM), 0: () => zoomBy(0), Escape: () => tell(root, 'command', 'matrix') },
  });
  root.replaceChildren(element, cells.element);

  return {
    redraw: cells.redraw,
    /** @param {Reading} reading @param {State} state */
    update(reading, state) {
      const next = [state.own, state.aside, state.layer, state.head].join();
      const isOther = next !== key || shown.reading !== reading;
      const matrix = isOther ? matrixOf(index, reading.trace, linesOf(reading.layout), state) : shown.matrix;
      key = next;
      shown = { reading, state, matrix };
      looking.update(state);
      const aside = state.aside ? ' Solid bar: the first token, set aside.' : '';
      remark.textContent = `A row is a line, the mean of its tokens; with what was not kept it adds up to 100\u00a0%.${aside} ${rowsInWords(index, state)}`;
      if (isOther) cells.update();
      else cells.refresh();
    },
  };
}

/** The title, the controls and the scale. @param {import('#viewer/reading/attention').Index} index @param {(factor: number) => void} zoomBy */
function headOf(index, zoomBy) {
  const looking = mountAttentionControls(index, 'lines');
  const remark = h('span');
  const label = 'Scale of attention in per cent; striped: not kept';
  const scale = h('span', { class: 'scale attends', role: 'img', aria: { label } }, scaleOf(WEIGHT, 'not kept'));
  const zooms = [
    signed('\u2212', 'Zoom out (\u2212)', () => zoomBy(1 / ZOOM)),
    signed('fit', 'Fit (0)', () => zoomBy(0)),
    signed('+', 'Zoom in (+)', () => zoomBy(ZOOM)),
  ];
  const close = closer('Close the lines (x)', () => tell(close, 'command', 'matrix'));
  const controls = [looking.element, h('span', { class: 'tree-zoom' }, zooms), scale, remark, close];
  return { element: h('div', { class: 'tree-head' }, h('h2', {}, 'Attention between lines'), controls), looking, remark };
}

/** @param {number} rows @param {number} width pixels of the view @param {number} zoom */
function shapeOf(rows, width, zoom) {
  const room = Math.max(160, 0.42 * window.innerHeight) - TOP;
  const size = (/** @type {number} */ space) => Math.floor(Math.min(24, zoom * Math.max(LEAST, Math.min(TALLEST, space / rows))));
  const tall = size(room);
  const left = NUMBER + REST + (tall >= LABELLED ? Math.round(Math.min(300, 0.34 * width)) : 0);
  return { rows, columns: rows, left, top: TOP, tall, wide: size(width - left - 16) };
}

/** @param {Pen} pen @param {Shown} shown */
function drawCells({ context, colour, xOf, yOf, from, to }, { matrix, state, reading }) {
  const fills = ['track', 'a1', 'a2', 'a3', 'a4', 'a5'].map(colour);
  const [wide, tall] = [xOf(1) - xOf(0), yOf(1) - yOf(0)];
  const gap = wide > 6 && tall > 6 ? 1 : 0;
  const chosen = lineOf(reading, state.selected);
  context.fillStyle = colour('sunk');
  if (chosen >= 0) context.fillRect(0, yOf(chosen), xOf(matrix.tokens.length), tall);
  if (chosen >= 0) context.fillRect(xOf(chosen), 0, wide, yOf(matrix.tokens.length));
  for (let row = from.row; row <= to.row; row++) {
    for (let i = matrix.start[row] ?? 0; i < (matrix.start[row + 1] ?? 0); i++) {
      const column = matrix.column[i] ?? 0;
      if (column < from.column || column > to.column) continue;
      const bucket = bucketOf(WEIGHT, matrix.share[i] ?? 0);
      const inset = bucket ? 0 : Math.floor(Math.min(wide, tall) / 3); // little, but kept: a dot
      context.fillStyle = String(fills[bucket]);
      context.fillRect(xOf(column) + inset, yOf(row) + inset, wide - gap - 2 * inset, tall - gap - 2 * inset);
    }
  }
}

/** @param {Pen} pen @param {Shown} shown @param {HTMLElement} view */
function drawMargins(pen, { matrix, reading, state }, view) {
  const { context, colour, xOf, yOf, from, to, sans } = pen;
  const wide = xOf(1) - xOf(0);
  const left = xOf(from.column) + (view.scrollLeft - from.column * wide);
  const chosen = lineOf(reading, state.selected);
  const every = stepOf(yOf(1) - yOf(0), 12);
  context.font = sans;
  context.fillStyle = colour('quiet');
  context.textAlign = 'right';
  context.fillText('not kept', left - 8, TOP - 8);
  context.textAlign = 'left';
  const apart = stepOf(wide, 34);
  for (let column = Math.ceil(from.column / apart) * apart; column <= to.column; column += apart) {
    if (xOf(column) >= left) context.fillText(String(column + 1), xOf(column) + 1, TOP - 8);
  }
  context.save();
  context.beginPath();
  context.rect(0, TOP - 4, left, view.clientHeight);
  context.clip();
  for (let row = from.row; row <= to.row; row++) {
    drawRowHead(pen, matrix, row, left - REST, { text: () => plain(reading, row), isChosen: row === chosen, isNumbered: row % every === 0 });
  }
  context.restore();
}

/**
 * The number of a line, its text where there is room, and what it has on no line.
 * @param {Pen} pen @param {Matrix} matrix @param {number} row @param {number} rest where the bars begin
 * @param {{ text: () => string, isChosen: boolean, isNumbered: boolean }} line
 */
function drawRowHead({ context, colour, yOf, mono }, matrix, row, rest, { text, isChosen, isNumbered }) {
  const tall = yOf(1) - yOf(0);
  const middle = yOf(row) + tall / 2 + 4;
  context.fillStyle = colour(isChosen ? 'accent' : 'quiet');
  context.textAlign = 'right';
  if (isNumbered) context.fillText(String(row + 1), NUMBER - 6, middle);
  context.textAlign = 'left';
  const height = Math.max(1, tall - (tall > 6 ? 3 : 0));
  const unkept = Math.min(1, matrix.unkept[row] ?? 0) * (REST - 8);
  context.fillStyle = colour('hatch');
  for (let x = 0; x < unkept; x += 3) context.fillRect(rest + x, yOf(row) + 1, Math.min(2, unkept - x), height);
  context.fillStyle = colour('quiet');
  context.fillRect(rest + unkept, yOf(row) + 1, (matrix.aside[row] ?? 0) * (REST - 8), height);
  if (tall < LABELLED) return;
  context.save();
  context.beginPath();
  context.rect(NUMBER, yOf(row), rest - NUMBER - 8, tall);
  context.clip();
  context.font = mono;
  context.fillStyle = colour(isChosen ? 'ink' : 'quiet');
  context.fillText(text(), NUMBER, middle);
  context.restore();
}

/** The visible form of a line. @param {Reading} reading @param {number} line */
function textOf({ layout }, line) {
  const pieces = (layout.lines[line] ?? []).flatMap(({ pieces }) => pieces).filter(({ kind }) => kind !== 'newline');
  return pieces.length ? visible(pieces, false) : [];
}

/** @param {Reading} reading @param {number} line */
function plain(reading, line) {
  return textOf(reading, line).map(({ text }) => text).join('');
}

/** @param {Shown} shown @param {Cell} cell */
function wordsOf(shown, { row, column }) {
  const { reading, matrix } = shown;
  if (column < 0) return `Line ${row + 1}: ${plain(reading, row).trim()}; ${elsewhere(matrix, row)}`;
  return `Line ${row + 1} at line ${column + 1}, ${plain(reading, column).trim() || 'empty'}: ${shareText(shown, row, column)}`;
}

/** @param {Shown} shown @param {Cell} cell */
function tipOf(shown, { row, column }) {
  const { reading, matrix } = shown;
  const line = (/** @type {string} */ label, /** @type {number} */ number) => (
    h('p', { class: 'tooltip-row' }, h('span', { class: 'tooltip-number' }, `${label} ${count(number + 1)}`), tokenText(textOf(reading, number)))
  );
  if (column < 0) return [line('line', row), h('p', {}, elsewhere(matrix, row))];
  const head = h('p', { class: 'tooltip-head' }, shareText(shown, row, column));
  return [head, line('line', row), line('at line', column), h('p', { class: 'tooltip-row' }, `not kept ${percent(matrix.unkept[row] ?? 0)}`)];
}

/** @param {Shown} shown @param {number} row @param {number} column */
function shareText({ matrix, reading: { layout } }, row, column) {
  const share = shareAt(matrix, row, column);
  if (!matrix.tokens[row]) return 'no attention recorded';
  if ((layout.lines[column]?.[0]?.node ?? 0) > (layout.lines[row]?.at(-1)?.node ?? 0)) return 'comes later';
  return share ? `${matrix.unkept[row] ? '\u2265\u00a0' : ''}${percent(Math.min(1, share))}` : 'nothing kept';
}

/** What a line looks at most, and what is on no line. @param {Matrix} matrix @param {number} row */
function elsewhere({ start, column, share, unkept, aside, tokens }, row) {
  if (!tokens[row]) return 'no attention recorded';
  const entries = Array.from({ length: (start[row + 1] ?? 0) - (start[row] ?? 0) }, (_, i) => (start[row] ?? 0) + i);
  const heaviest = entries.sort((a, b) => (share[b] ?? 0) - (share[a] ?? 0)).slice(0, 3);
  const most = heaviest.map((at) => `line ${(column[at] ?? 0) + 1} ${percent(share[at] ?? 0)}`);
  const first = aside[row] ? `, first token ${percent(aside[row] ?? 0)}` : '';
  return `${most.join(', ')}; not kept ${percent(Math.min(1, unkept[row] ?? 0))}${first}`;
}

/** @param {Reading} reading @param {number} node */
function lineOf({ layout }, node) {
  return layout.lineOf[layout.placeOf[node] ?? -1] ?? -1;
}

/** Every how manyth of things this far apart can have a label of `room` pixels. @param {number} step @param {number} room */
function stepOf(step, room) {
  return [1, 2, 5, 10, 20, 50, 100, 200, 500].find((every) => every * step >= room) ?? 1000;
}

/** The attention of one token in every head, small, on a canvas: layers down, heads across, in each cell the weight over the position. */

import { mountGrid } from '#viewer/elements/canvas_grid';
import { h, tell, tokenText } from '#viewer/elements/dom';
import { lookOf, shareText, thumbnails, unkeptOf } from '#viewer/reading/attention';
import { percent } from '#viewer/reading/format';
import { visibleNode } from '#viewer/reading/token_words';

const IN_CARD = 3;
const LEFT = 22;
const TOP = 18;
const FIRST = 3; // pixels of a cell for what was not kept

/** @typedef {import('#viewer/reading/attention').Index} Index */
/** @typedef {import('#viewer/reading/attention').Look} Look */
/** @typedef {import('#viewer/elements/canvas_grid').Cell} Cell */
/** @typedef {import('#viewer/elements/canvas_grid').Pen} Pen */
/** @typedef {{ reading: import('#viewer/reading/reading').Reading, state: Readonly<import('#viewer/state').State>, look: Look }} Shown */
/** @typedef {{ look: Look, width: number, cells: Float32Array }} Picture */

/** @param {Index} index @param {() => Shown} now */
export function mountHeadMap(index, now) {
  const { layers } = index;
  /** @type {Picture | null} */
  let picture = null;
  const cells = mountGrid('heads', 'Heads: layers down, heads across', {
    shape: (width) => shapeOf(index, width),
    draw: (pen) => {
      const shown = now();
      if (shown.look.none) return;
      const width = Math.max(4, Math.floor(wideOf(pen)) - FIRST);
      if (picture?.look !== shown.look || picture.width !== width) picture = pictureOf(index, shown, width);
      drawHeads(pen, index, shown, picture);
    },
    frame: (pen) => drawMargins(pen, index, now().state),
    words: (cell) => (now() ? [nameOf(index, cell), ...factsOf(index, now(), cell).map(inWords)].join(', ') : ''),
    tip: (cell) => [
      h('p', { class: 'tooltip-head' }, nameOf(index, cell)),
      ...factsOf(index, now(), cell).map(([parts, number]) => h('p', { class: 'tooltip-row' }, tokenText(parts), h('span', {}, number))),
    ],
    choose({ row, column }) {
      const { state } = now();
      const layer = layers[row]?.layer ?? -1;
      const isSame = layer === state.layer && column === state.head;
      if (column < headsOf(index, row)) tell(cells.element, 'look', isSame ? { layer: -1, head: -1 } : { layer, head: column });
    },
  });
  const caption = h('p', { class: 'remark' });
  const element = h('div', { class: 'head-map' }, h('h4', {}, 'Every head'), caption, cells.element);
  return {
    element,
    redraw: cells.redraw,
    refresh: cells.refresh,
    /** Of another token. */
    update() {
      const { look, state } = now();
      element.hidden = Boolean(look.none) || layers.length === 0;
      const ends = state.reverse ? '' : ' Bar at the left: the first token; grey, at the right: not kept.';
      caption.textContent = `Layers down, heads across; in each cell the weight (its square root) over the position.${ends}`;
    },
  };
}

/** Heads of the layer with most of them. @param {Index} index */
function mostHeads({ layers }) {
  return layers.reduce((most, { heads }) => Math.max(most, heads), 0);
}

/** @param {Index} index @param {number} row */
function headsOf({ layers }, row) {
  return layers[row]?.heads ?? 0;
}

/** @param {Index} index @param {number} width pixels of the view */
function shapeOf(index, width) {
  const [rows, columns] = [index.layers.length, mostHeads(index)];
  const wide = Math.max(9, Math.min(64, Math.floor((width - LEFT) / columns)));
  return { rows, columns, left: LEFT, top: TOP, wide, tall: Math.max(13, Math.min(26, Math.floor(220 / rows))) };
}

/** Pixels that a cell has to draw in. @param {Pen} pen */
function wideOf({ xOf }) {
  return xOf(1) - xOf(0) - 1;
}

/** @param {Index} index @param {Cell} cell */
function nameOf(index, { row, column }) {
  const head = column < 0 ? 'all heads' : column < headsOf(index, row) ? `head ${column}` : 'no such head';
  return `layer ${index.layers[row]?.layer}, ${head}`;
}

/** What a head has most of, and what it did not keep. @param {Index} index @param {Shown} shown @param {Cell} cell */
function factsOf(index, { reading, state }, { row, column }) {
  if (column >= headsOf(index, row)) return [];
  const { trace, layout } = reading;
  const { list, unkept } = lookOf(index, trace, layout.order, { ...state, layer: index.layers[row]?.layer ?? -1, head: column });
  /** @type {[{ text: string, sign: boolean }[], string][]} */
  const facts = list.slice(0, IN_CARD).map((source) => [visibleNode(trace, source.node), shareText(source)]);
  if (unkept || !list.length) facts.push([[{ text: 'not kept', sign: false }], unkept ? percent(unkept) : '']);
  return facts;
}

/** @param {[{ text: string, sign: boolean }[], string]} fact */
function inWords([parts, number]) {
  return `${parts.map(({ text }) => text).join('')} ${number}`;
}

/** @param {Index} index @param {Shown} shown @param {number} width pixels of a cell @returns {Picture} */
function pictureOf(index, { reading: { trace, layout }, state: { reverse }, look }, width) {
  const first = trace.path(look.query)[0] ?? 0;
  const last = () => layout.order.reduce((last, node) => Math.max(last, node), 0);
  const end = reverse ? Math.min(index.attention.queries, last() + 1) : look.query + 1;
  const size = { from: reverse ? first : first + 1, end, width, heads: mostHeads(index) };
  return { look, width, cells: thumbnails(index, { query: look.query, reverse }, size) };
}

/** @param {Pen} pen @param {Index} index @param {Shown} shown @param {Picture} picture */
function drawHeads(pen, index, { state, look }, { width, cells }) {
  const { context, colour, xOf, yOf, from, to } = pen;
  const [sunk, accent, hatch, ink] = ['sunk', 'accent', 'hatch', 'ink'].map(colour);
  const [wide, tall, most] = [wideOf(pen), yOf(1) - yOf(0) - 1, mostHeads(index)];
  const bar = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ thick, /** @type {number} */ weight, /** @type {string} */ fill) => {
    const height = Math.sqrt(weight) * (tall - 1);
    context.fillStyle = fill;
    if (weight) context.fillRect(x, y + tall - height, thick, height);
  };
  for (let row = from.row; row <= to.row; row++) {
    const { layer, first = 0 } = index.layers[row] ?? {};
    for (let column = from.column; column <= Math.min(to.column, headsOf(index, row) - 1); column++) {
      const [x, y, at] = [xOf(column), yOf(row), (row * most + column) * width];
      context.fillStyle = String(sunk);
      context.fillRect(x, y, wide, tall);
      for (let i = 1; i < width; i++) bar(x + i + 1, y, 1, cells[at + i] ?? 0, String(accent));
      if (!state.aside || state.reverse) bar(x, y, 2, cells[at] ?? 0, String(ink));
      if (!state.reverse) bar(x + wide - 2, y, 2, unkeptOf(index, first + look.query * headsOf(index, row) + column), String(hatch));
      if (layer !== state.layer || (state.head >= 0 && state.head !== column)) continue;
      context.strokeStyle = String(accent);
      context.lineWidth = 2;
      context.strokeRect(x, y, wide, tall);
    }
  }
}

/** The numbers of heads and layers. @param {Pen} pen @param {Index} index @param {Shown['state']} state */
function drawMargins({ context, colour, xOf, yOf, from, to, sans }, { layers }, state) {
  context.fillStyle = colour('raised');
  context.fillRect(0, 0, xOf(to.column + 1), TOP - 1);
  context.font = sans;
  context.fillStyle = colour('quiet');
  const apart = Math.ceil(18 / (xOf(1) - xOf(0)));
  for (let column = Math.ceil(from.column / apart) * apart; column <= to.column; column += apart) {
    if (xOf(column) >= LEFT) context.fillText(String(column), xOf(column) + 1, TOP - 6);
  }
  context.textAlign = 'right';
  for (let row = from.row; row <= to.row; row++) {
    if (yOf(row) < TOP - 4) continue;
    context.fillStyle = colour(layers[row]?.layer === state.layer ? 'accent' : 'quiet');
    context.fillText(String(layers[row]?.layer), LEFT - 5, yOf(row) + (yOf(1) - yOf(0)) / 2 + 4);
  }
  context.textAlign = 'left';
}

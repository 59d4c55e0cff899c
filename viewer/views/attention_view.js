/** Where the selected token looked and who looked at it: a part of the panel, closed until it is asked for. */

import { choice, mountAttentionControls, rowsInWords } from '#viewer/elements/attention_controls';
import { mountGrid } from '#viewer/elements/canvas_grid';
import { h, tell, tokenText } from '#viewer/elements/dom';
import { lookOf, shareText, thumbnails, unkeptOf, WEIGHT } from '#viewer/reading/attention';
import { count, percent } from '#viewer/reading/format';
import { bucketOf } from '#viewer/reading/metrics';
import { visibleNode } from '#viewer/reading/token_words';

const SHOWN = 8;
const IN_CARD = 3;
const LEFT = 22;
const TOP = 18;
const FIRST = 3; // pixels of a cell for what was not kept

/** @typedef {import('#viewer/reading/reading').Reading} Reading */
/** @typedef {Readonly<import('#viewer/state').State>} State */
/** @typedef {import('#viewer/reading/attention').Look} Look */
/** @typedef {import('#viewer/reading/attention').Source} Source */
/** @typedef {import('#viewer/elements/canvas_grid').Cell} Cell */

/** @param {HTMLElement} root @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/attention').Index} index */
export function mountAttention(root, trace, index) {
  const { layers, attention } = index;
  /** @type {{ reading: Reading, state: State, look: Look }} */
  let shown;
  let isOpen = false;
  let all = false; // whether the whole list is shown
  /** @type {{ look: Look, width: number, cells: Float32Array } | null} */
  let picture = null;

  const toggle = h('button', { type: 'button', class: 'quiet-button', title: 'Attention of this token (a)' });
  toggle.addEventListener('click', () => tell(toggle, 'command', 'attention'));
  const direction = choice('Direction', 'reverse', 'token', [
    ['where it looked', 'Earlier tokens, by the weight that they had'],
    ['who looked at it', 'Later tokens, by the weight that this one had for them'],
  ]);
  const looking = mountAttentionControls(index, 'token');
  const answer = h('div');
  const most = layers.reduce((most, { heads }) => Math.max(most, heads), 0);
  const headsOf = (/** @type {number} */ place) => layers[place]?.heads ?? 0;
  const nameOf = (/** @type {Cell} */ { row, column }) => `layer ${layers[row]?.layer}, ${column < 0 ? 'all heads' : column < headsOf(row) ? `head ${column}` : 'no such head'}`;
  /** What a head has most of, and what it did not keep. @param {Cell} cell */
  const factsOf = ({ row, column }) => {
    if (column >= headsOf(row)) return [];
    const { list, unkept } = lookOf(index, trace, shown.reading.layout.order, { ...shown.state, layer: layers[row]?.layer ?? -1, head: column });
    /** @type {[{ text: string, sign: boolean }[], string][]} */
    const facts = list.slice(0, IN_CARD).map((source) => [visibleNode(trace, source.node), shareText(source)]);
    if (unkept || !list.length) facts.push([[{ text: 'not kept', sign: false }], unkept ? percent(unkept) : '']);
    return facts;
  };

  const cells = mountGrid('heads', 'Heads: layers down, heads across', {
    shape: (width) => ({
      rows: layers.length, columns: most, left: LEFT, top: TOP,
      wide: Math.max(9, Math.min(64, Math.floor((width - LEFT) / most))), tall: Math.max(13, Math.min(26, Math.floor(220 / layers.length))),
    }),
    draw: (pen) => drawHeads(pen),
    frame({ context, colour, xOf, yOf, from, to, sans }) {
      context.fillStyle = colour('raised');
      context.fillRect(0, 0, xOf(to.column + 1), TOP - 1);
      context.font = sans;
      context.fillStyle = colour('quiet');
      const wide = xOf(1) - xOf(0);
      const apart = Math.ceil(18 / wide);
      for (let column = Math.ceil(from.column / apart) * apart; column <= to.column; column += apart) {
        if (xOf(column) >= LEFT) context.fillText(String(column), xOf(column) + 1, TOP - 6);
      }
      context.textAlign = 'right';
      for (let row = from.row; row <= to.row; row++) {
        if (yOf(row) < TOP - 4) continue;
        context.fillStyle = colour(layers[row]?.layer === shown.state.layer ? 'accent' : 'quiet');
        context.fillText(String(layers[row]?.layer), LEFT - 5, yOf(row) + (yOf(1) - yOf(0)) / 2 + 4);
      }
      context.textAlign = 'left';
    },
    words: (cell) => (shown ? [nameOf(cell), ...factsOf(cell).map(([parts, number]) => `${parts.map(({ text }) => text).join('')} ${number}`)].join(', ') : ''),
    tip: (cell) => [h('p', { class: 'tooltip-head' }, nameOf(cell)), ...factsOf(cell).map(([parts, number]) => h('p', { class: 'tooltip-row' }, tokenText(parts), h('span', {}, number)))],
    choose({ row, column }) {
      const layer = layers[row]?.layer ?? -1;
      const same = layer === shown.state.layer && column === shown.state.head;
      if (column < headsOf(row)) tell(cells.element, 'look', same ? { layer: -1, head: -1 } : { layer, head: column });
    },
  });
  const caption = h('p', { class: 'remark' });
  const grid = h('div', { class: 'head-map' }, h('h4', {}, 'Every head'), caption, cells.element);
  const lines = h('button', { type: 'button', class: 'quiet-button', title: 'Attention between lines (x)' }, 'between all lines');
  lines.addEventListener('click', () => tell(lines, 'command', 'matrix'));
  const body = h('div', { class: 'attention-body', hidden: true }, direction.element, looking.element, answer, grid, small(), lines);
  root.replaceChildren(h('div', { class: 'section-head' }, h('h3', {}, 'Attention'), toggle), body);

  const tokenOf = (/** @type {number} */ node) => tokenText(visibleNode(trace, node));

  /** @param {import('#viewer/elements/canvas_grid').Pen} pen */
  const drawHeads = ({ context, colour, xOf, yOf, from, to }) => {
    const { look, state, reading } = shown;
    if (look.none) return;
    const [wide, tall] = [xOf(1) - xOf(0) - 1, yOf(1) - yOf(0) - 1];
    const width = Math.max(4, Math.floor(wide) - FIRST);
    const first = trace.path(look.query)[0] ?? 0;
    const end = state.reverse ? Math.min(attention.queries, reading.layout.order.reduce((last, node) => Math.max(last, node), 0) + 1) : look.query + 1;
    const size = { from: state.reverse ? first : first + 1, end, width, heads: most };
    if (picture?.look !== look || picture.width !== width) picture = { look, width, cells: thumbnails(index, { query: look.query, reverse: state.reverse }, size) };
    const fills = Object.fromEntries(['sunk', 'accent', 'quiet', 'hatch', 'ink'].map((name) => [name, colour(name)]));
    const bar = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ thick, /** @type {number} */ weight, /** @type {string} */ name) => {
      const height = Math.sqrt(weight) * (tall - 1);
      context.fillStyle = String(fills[name]);
      if (weight) context.fillRect(x, y + tall - height, thick, height);
    };
    for (let row = from.row; row <= to.row; row++) {
      for (let column = from.column; column <= Math.min(to.column, headsOf(row) - 1); column++) {
        const [x, y, at] = [xOf(column), yOf(row), (row * most + column) * width];
        context.fillStyle = String(fills['sunk']);
        context.fillRect(x, y, wide, tall);
        for (let i = 1; i < width; i++) bar(x + i + 1, y, 1, picture.cells[at + i] ?? 0, 'accent');
        if (!state.aside || state.reverse) bar(x, y, 2, picture.cells[at] ?? 0, 'ink');
        if (!state.reverse) bar(x + wide - 2, y, 2, unkeptOf(index, (layers[row]?.first ?? 0) + look.query * headsOf(row) + column), 'hatch');
        if (layers[row]?.layer !== state.layer || (state.head >= 0 && state.head !== column)) continue;
        context.strokeStyle = String(fills['accent']);
        context.lineWidth = 2;
        context.strokeRect(x, y, wide, tall);
      }
    }
  };

  /** What the numbers can and cannot say. */
  function small() {
    const reasons = new Map();
    for (const { layer, reason } of attention.absent) reasons.set(reason, [...(reasons.get(reason) ?? []), layer]);
    return h('div', { class: 'small-print' },
      ...[...reasons].map(([reason, list]) => h('p', {}, `Layer${list.length > 1 ? 's' : ''} ${list.join(', ')}: no attention, ${reason}.`)),
      h('p', {}, `Each head kept its ${count(attention.top)} heaviest sources, each to within 0.4 %. \u2265 is a lower bound: not every head kept it.`),
      h('p', {}, 'Attention shows where heads looked. It is no explanation.'));
  }

  const draw = () => {
    const { look, state } = shown;
    grid.hidden = Boolean(look.none) || layers.length === 0;
    caption.textContent = `Layers down, heads across; in each cell the weight (its square root) over the position.${state.reverse ? '' : ' Bar at the left: the first token; grey, at the right: not kept.'}`;
    if (layers.length === 0) return answer.replaceChildren(remark('No layer has attention that could be recorded.'));
    if (look.none) return answer.replaceChildren(remark(look.none));
    answer.replaceChildren(remark(rowsInWords(index, state), ' ', ...sentence()), list());
  };
  const sentence = () => {
    const { look, state } = shown;
    const token = tokenOf(state.selected);
    if (state.reverse) return state.own ? ['These places looked at ', token, ':'] : ['These tokens were predicted by places that looked at ', token, ':'];
    return state.own ? ['The place of ', token, ' looked at:'] : ['The place before ', token, ', which is ', tokenOf(look.query), ', predicted it and looked at:'];
  };
  const list = () => {
    const { look, state, reading } = shown;
    const entries = all ? look.list : look.list.slice(0, SHOWN);
    const left = look.list.slice(entries.length);
    const sum = left.reduce((total, { share }) => total + share, 0);
    const rest = state.reverse ? [] : [
      left.length > 0 && row('others', `${count(left.length)} other${left.length === 1 ? '' : 's'}`, '', sum, percent(sum)),
      look.aside > 0 && row('aside', 'set aside', '', look.aside, percent(look.aside)),
      row('unkept', 'not kept', '', look.unkept, percent(look.unkept)),
    ];
    const more = h('button', { type: 'button', class: 'quiet-button' }, all ? 'fewer' : `all ${count(look.list.length)}`);
    more.addEventListener('click', () => {
      all = !all;
      draw();
      /** @type {HTMLElement | null} */ (answer.querySelector('.more button'))?.focus();
    });
    return h('div', {},
      h('table', { class: 'sources attends' },
        h('thead', { class: 'visually-hidden' }, h('tr', {}, ...['token', 'line', 'bar', 'weight'].map((name) => h('th', { scope: 'col' }, name)))),
        h('tbody', {}, ...entries.map((source) => row('', go(source), `line ${count(lineOf(reading, source.node))}`, source.share, shareText(source))), ...rest)),
      state.reverse && h('p', { class: 'remark' }, look.list.length ? '' : 'None kept it. ', 'Those that did not keep it are not listed: the list is a lower bound.'),
      look.list.length > SHOWN && h('p', { class: 'more' }, more));
  };
  const go = (/** @type {Source} */ { node, share }) => {
    const button = h('button', { type: 'button', class: `go b${bucketOf(WEIGHT, share)}` }, tokenOf(node));
    button.addEventListener('click', () => tell(button, 'select', { node, by: 'click' }));
    return button;
  };

  return {
    redraw: cells.redraw,
    /** @param {Reading} reading @param {State} state @param {Look | null} look null while it is closed */
    update(reading, state, look) {
      body.hidden = !look;
      toggle.textContent = look ? 'hide attention' : 'where it looked';
      toggle.setAttribute('aria-expanded', String(Boolean(look)));
      const isOpening = look && !isOpen;
      isOpen = look !== null;
      if (!look) return;
      if (shown?.look !== look) all = false;
      shown = { reading, state, look };
      direction.update(state);
      looking.update(state, state.reverse);
      draw();
      cells.refresh(); // its size is the same: measuring it would lay out the page once more
      if (isOpening) root.scrollIntoView({ block: 'start' });
    },
  };
}

/** @param {string} className @param {import('#viewer/elements/dom').Child} what @param {string} where @param {number} share @param {string} number */
function row(className, what, where, share, number) {
  const fill = h('span');
  fill.style.width = `${Math.min(100, 100 * share)}%`;
  fill.hidden = !share;
  return h('tr', { class: className },
    h('th', { scope: 'row' }, what), h('td', { class: 'where' }, where),
    h('td', { class: 'bar-cell' }, h('div', { class: 'bars', aria: { hidden: 'true' } }, h('div', { class: 'bar' }, fill))),
    h('td', { class: 'value' }, number));
}

/** @param {Reading} reading @param {number} node */
function lineOf({ layout }, node) {
  return (layout.lineOf[layout.placeOf[node] ?? 0] ?? 0) + 1;
}

/** @param {import('#viewer/elements/dom').Child[]} words */
function remark(...words) {
  return h('p', { class: 'remark' }, ...words);
}

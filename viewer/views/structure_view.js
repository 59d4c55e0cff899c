/** The syntax of the shown text: a tree of its nodes, or a list of spans, with a number of each; and the mean of each kind. */

import { closer, h, replace, tell, tokenText } from '#viewer/elements/dom';
import { count, decimal } from '#viewer/reading/format';
import { bucketOf, MISSING } from '#viewer/reading/metrics';
import { aggregate, byKind, kindOf, lineAt, spansOf, tokensOf } from '#viewer/reading/syntax';
import { pieces, visible } from '#viewer/reading/text';
import { NUMBERS, SPANS } from '#viewer/state';
import { FLAG } from '#viewer/trace/schema';

const ROW = 24; // pixels, as in the style sheet
const SPARE = 10; // rows drawn beyond those in sight
const INDENT = 14;
const WORDS = 80; // bytes of a row's text
const TREE = 'tree';
const OF_BRANCH = 'This outline is of the main path. A branch has none; of its tokens the panel says the kind.';
const NO_SYNTAX = 'The language of this text is not known, so it has no syntax; --language names it.';
const SHOWN = FLAG.named | FLAG.error | FLAG.missing;

/** @typedef {import('#viewer/reading/syntax').Structure} Structure */
/** @typedef {import('#viewer/reading/syntax').Span} Span */
/** @typedef {import('#viewer/reading/syntax').Aggregate} Aggregate */
/** @typedef {import('#viewer/reading/reading').Reading} Reading */
/** @typedef {import('#viewer/reading/metrics').Metric} Metric */
/** @typedef {Readonly<import('#viewer/state').State>} State */
/** @typedef {{ span: Span, depth: number, open: boolean | null }} Row open: null where there is nothing in it */
/** @typedef {{ roots: Span[], inside: Map<number, Span[]>, opened: Set<number> }} Outline inside: by node */

/** @param {HTMLElement} root */
export function mountStructure(root) {
  /** @type {Reading} */
  let reading;
  /** @type {State} */
  let state;
  /** @type {Structure | null} */
  let structure = null;
  /** @type {Outline | null} */
  let outline = null;
  /** @type {Map<Span, Aggregate>} */
  let known = new Map();
  /** @type {Row[]} */
  let rows = [];
  let active = 0;
  let key = '';
  const { span, by, byLine, byValue, body, grid, kinds, remark, both } = build(root);

  const metric = () => reading.metricOf(state.metric);
  const numbersOf = (/** @type {Span} */ one) => {
    const found = known.get(one) ?? aggregate(structure ? tokensOf(structure, one) : [], reading.valuesOf(metric()));
    known.set(one, found);
    return found;
  };
  const valueOf = (/** @type {Span} */ one) => numbersOf(one)[/** @type {'mean'} */ (state.by)];
  /** In the order of the text, or the most uncertain first. @param {readonly Span[]} spans */
  const ordered = (spans) => {
    const sign = metric().falling ? 1 : -1;
    return state.ranked ? rankedBy(spans, (one) => (numbersOf(one).count ? sign * valueOf(one) : Infinity)) : spans;
  };
  const list = () => (structure ? rowsOf(structure, state.span === TREE ? outline : null, state.span, ordered) : []);
  const draw = () => {
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW) - SPARE);
    const end = Math.min(rows.length, first + Math.ceil(window.innerHeight / ROW) + SPARE);
    replace(body, rows.slice(first, end).map((row, i) => drawRow(row, first + i)));
    body.style.paddingTop = `${first * ROW}px`;
    body.style.paddingBottom = `${(rows.length - end) * ROW}px`;
    if (active >= first && active < end) grid.setAttribute('aria-activedescendant', `outline-${active}`);
    else grid.removeAttribute('aria-activedescendant');
  };
  const drawRow = (/** @type {Row} */ row, /** @type {number} */ index) => {
    if (!structure) return '';
    const { element, fold } = rowElement(structure, row, { index, isActive: index === active, isTree: state.span === TREE }, [
      count(lineAt(structure, row.span.start)), amount(metric(), state.by, valueOf(row.span)), count(numbersOf(row.span).count),
    ]);
    element.addEventListener('click', (event) => (event.target === fold && row.open !== null ? turn(index, !row.open) : choose(index)));
    return element;
  };
  const go = (/** @type {number} */ index) => {
    active = Math.max(0, Math.min(rows.length - 1, index));
    const top = active * ROW;
    grid.scrollTop = Math.min(top, Math.max(grid.scrollTop, top + 2 * ROW - grid.clientHeight)); // the head covers a row's height
    draw();
  };
  const choose = (/** @type {number} */ index) => {
    const one = rows[index]?.span;
    if (!structure || !one) return;
    go(index);
    const around = one.end > one.start ? one : { start: one.start - 1, end: one.start + 1 };
    tell(grid, 'span', tokensOf(structure, around).map(({ node }) => node));
  };
  const turn = (/** @type {number} */ index, /** @type {boolean} */ open) => {
    outline?.opened[open ? 'add' : 'delete'](rows[index]?.span.node ?? -1);
    rows = list();
    grid.setAttribute('aria-rowcount', String(rows.length + 1));
    go(index);
  };
  const above = () => rows.findLastIndex(({ depth }, i) => i < active && depth < (rows[active]?.depth ?? 0));
  const page = () => Math.floor(grid.clientHeight / ROW) - 2;
  listenToKeys(grid, {
    ArrowDown: () => go(active + 1), ArrowUp: () => go(active - 1), Home: () => go(0), End: () => go(rows.length),
    PageDown: () => go(active + page()), PageUp: () => go(active - page()), Enter: () => choose(active), ' ': () => choose(active),
    ArrowRight: () => (rows[active]?.open === false ? turn(active, true) : go(active + Number(rows[active]?.open ?? 0))),
    ArrowLeft: () => (rows[active]?.open ? turn(active, false) : go(above())),
    Escape: () => tell(grid, 'command', 'structure'),
  });
  grid.addEventListener('scroll', draw);

  return {
    /** @param {Reading} next @param {State} chosen */
    update(next, chosen) {
      const found = next.structure();
      const nextKey = [chosen.metric, chosen.span, chosen.by, chosen.ranked].join();
      if (reading && found === structure && nextKey === key && next.branch === reading.branch) return;
      const isOther = found !== structure || chosen.span !== state?.span;
      if (found !== structure) outline = found && outlineOf(found);
      if (found !== structure || chosen.metric !== state?.metric) known = new Map();
      [reading, state, structure, key] = [next, chosen, found, nextKey];
      remark.textContent = next.branch >= 0 ? OF_BRANCH : NO_SYNTAX;
      remark.hidden = found !== null;
      both.hidden = !found;
      span.box.value = state.span;
      by.box.value = state.by;
      for (const option of by.box.options) option.disabled = option.value === 'sum' && metric().key !== 'surprisal';
      grid.setAttribute('role', state.span === TREE ? 'treegrid' : 'grid');
      rows = list();
      grid.setAttribute('aria-rowcount', String(rows.length + 1));
      sortBy(byLine, byValue, metric(), state);
      if (found) kinds.replaceChildren(kindTable(found, metric(), reading.valuesOf(metric()), state.span));
      if (isOther) tell(grid, 'span', []);
      go(isOther ? 0 : active);
    },
  };
}

/** The head with its controls, the outline and the chart of kinds. @param {HTMLElement} root */
function build(root) {
  const span = choice('Rows', 'span', SPANS.map((name) => [name, name === TREE ? 'syntax tree' : `${name}s`]));
  const by = choice('Number', 'by', NUMBERS.map((name) => [name, name]));
  const close = closer('Close the structure (s)', () => tell(root, 'command', 'structure'));
  const [byLine, byValue] = [sorter('line', 'In the order of the text', false), sorter('', 'The most uncertain first', true)];
  const columns = [h('span', { role: 'columnheader' }, 'kind'), byLine, byValue, h('span', { role: 'columnheader', title: 'Measured tokens' }, 'n')];
  const head = h('div', { class: 'outline-row outline-head', role: 'row', aria: { rowindex: '1' } }, columns);
  const body = h('div', { role: 'rowgroup' });
  const grid = h('div', { class: 'outline', tabIndex: 0, aria: { label: 'Spans of the code' } }, h('div', { role: 'rowgroup' }, head), body);
  const kinds = h('div', { class: 'kinds', tabIndex: 0, role: 'region', aria: { label: 'By kind' } });
  const remark = h('p', { class: 'tree-head' });
  const both = h('div', { class: 'outline-both' }, grid, kinds);
  root.replaceChildren(h('div', { class: 'tree-head' }, h('h2', {}, 'Structure'), span.label, by.label, close), remark, both);
  return { span, by, byLine, byValue, body, grid, kinds, remark, both };
}

/** @param {HTMLElement} grid @param {Record<string, () => void>} keys */
function listenToKeys(grid, keys) {
  grid.addEventListener('keydown', (event) => {
    const act = event.target === grid && !event.ctrlKey && !event.altKey && !event.metaKey && keys[event.key];
    if (!act) return;
    act();
    event.preventDefault();
    event.stopPropagation();
  });
}

/** The smallest weight first; what has none keeps its order. @param {readonly Span[]} spans @param {(one: Span) => number} weight */
function rankedBy(spans, weight) {
  return [...spans].sort((a, b) => Number(weight(a) > weight(b)) - Number(weight(a) < weight(b)));
}

/**
 * A list of spans, or what is open of an outline.
 * @param {Structure} structure @param {Outline | null} outline @param {string} size @param {(spans: readonly Span[]) => readonly Span[]} ordered
 * @returns {Row[]}
 */
function rowsOf(structure, outline, size, ordered) {
  if (!outline) return ordered(spansOf(structure, /** @type {'line'} */ (size))).map((span) => ({ span, depth: 0, open: null }));
  const found = [];
  const put = (/** @type {readonly Span[]} */ spans, /** @type {number} */ depth) => [...ordered(spans)].reverse().map((span) => ({ span, depth }));
  const waiting = put(outline.roots, 0);
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { span: { node }, depth } = next;
    const within = outline.inside.get(node);
    const open = within ? outline.opened.has(node) : null;
    found.push({ ...next, open });
    if (within && open) for (const row of put(within, depth + 1)) waiting.push(row);
  }
  return found;
}

/**
 * @param {Structure} structure @param {Row} row
 * @param {{ index: number, isActive: boolean, isTree: boolean }} place @param {import('#viewer/elements/dom').Child[]} numbers
 */
function rowElement(structure, { span, depth, open }, { index, isActive, isTree }, numbers) {
  const flags = structure.table.flags[span.node] ?? 0;
  const fold = h('span', { class: 'fold-mark', aria: { hidden: 'true' } }, open === null ? '' : open ? '\u25be' : '\u25b8');
  const missing = flags & FLAG.missing ? 'MISSING ' : '';
  const kind = h('span', { class: flags & (FLAG.error | FLAG.missing) ? 'wrong' : '' }, missing + (span.kind || 'no code'));
  const name = h('span', { role: 'gridcell', class: 'outline-name' }, isTree && fold, kind, ' ', tokenText(wordsOf(structure.bytes, span)));
  name.style.paddingLeft = `${depth * INDENT}px`;
  const aria = {
    rowindex: String(index + 2),
    ...(isTree && { level: String(depth + 1) }),
    ...(open !== null && { expanded: String(open) }),
    ...(isActive && { selected: 'true' }),
  };
  const cells = numbers.map((number) => h('span', { role: 'gridcell' }, number));
  return { element: h('div', { id: `outline-${index}`, class: 'outline-row', role: 'row', aria }, name, cells), fold };
}

/**
 * Say in the heads of the columns what orders the rows.
 * @param {HTMLElement} byLine @param {HTMLElement} byValue @param {Metric} metric @param {State} state
 */
function sortBy(byLine, byValue, { label, falling }, { ranked, by }) {
  byLine.setAttribute('aria-sort', ranked ? 'none' : 'ascending');
  byValue.setAttribute('aria-sort', !ranked ? 'none' : falling ? 'ascending' : 'descending');
  if (byValue.firstElementChild) byValue.firstElementChild.textContent = `${by} ${label}`;
}

/** The mean of each kind, as bars. @param {Structure} structure @param {Metric} metric @param {Float32Array} values by token @param {string} span */
function kindTable(structure, metric, values, span) {
  const size = span === TREE || span === 'line' ? 'token' : /** @type {'token'} */ (span);
  const rows = byKind(structure, spansOf(structure, size)).map(({ kind, tokens }) => {
    const { mean, count: n } = aggregate(tokens, values);
    const fill = h('span');
    fill.style.width = `${n ? 100 * metric.height(mean) : 0}%`;
    const bar = h('div', { class: 'bars', aria: { hidden: 'true' } }, h('div', { class: 'bar' }, fill));
    return h('tr', {}, h('th', { scope: 'row' }, kind), h('td', { class: 'bar-cell' }, bar), h('td', {}, amount(metric, 'mean', mean)), h('td', {}, count(n)));
  });
  const heads = ['kind', 'bar', 'mean', 'n'].map((name) => h('th', { scope: 'col' }, name));
  const caption = h('caption', {}, `Mean ${metric.label} of the tokens by kind of ${size}, the most frequent`);
  return h('table', {}, caption, h('thead', { class: 'visually-hidden' }, h('tr', {}, heads)), h('tbody', {}, rows));
}

/** @param {string} name @param {'span' | 'by'} key @param {string[][]} choices */
function choice(name, key, choices) {
  const box = h('select', { aria: { label: name } }, choices.map(([value = '', text]) => h('option', { value }, text)));
  box.addEventListener('change', () => tell(box, 'outline', { [key]: box.value }));
  return { box, label: h('label', {}, `${name} `, box) };
}

/** @param {string} name @param {string} title @param {boolean} ranked */
function sorter(name, title, ranked) {
  const button = h('button', { type: 'button', title }, name);
  button.addEventListener('click', () => tell(button, 'outline', { ranked }));
  return h('span', { role: 'columnheader' }, button);
}

/** The nodes that have a name, and what is wrong; open are those that hold statements or blocks. @param {Structure} structure @returns {Outline} */
function outlineOf({ table, passages }) {
  const outline = { roots: /** @type {Span[]} */ ([]), inside: new Map(), opened: new Set() };
  for (const { first, count: size } of passages) {
    for (let node = first; node < first + size; node++) {
      const flags = table.flags[node] ?? 0;
      let parent = table.parent[node] ?? -1;
      if (flags & (FLAG.statement | FLAG.block)) {
        for (let above = parent; above >= 0 && !outline.opened.has(above); above = table.parent[above] ?? -1) outline.opened.add(above);
      }
      if (parent >= 0 && !(flags & SHOWN)) continue;
      while (parent > first && !((table.flags[parent] ?? 0) & SHOWN)) parent = table.parent[parent] ?? -1;
      const span = { start: table.start[node] ?? 0, end: table.end[node] ?? 0, kind: kindOf(table, node), node };
      const siblings = parent < 0 ? outline.roots : (outline.inside.get(parent) ?? []);
      siblings.push(span);
      if (parent >= 0) outline.inside.set(parent, siblings);
    }
  }
  return outline;
}

/** The first words of a span. @param {Uint8Array} bytes @param {Span} span */
function wordsOf(bytes, { start, end }) {
  if (end <= start) return [];
  let stop = Math.min(end, start + WORDS);
  while (stop < end && ((bytes[stop] ?? 0) & 0xc0) === 0x80) stop--;
  const list = pieces([bytes.subarray(start, stop)]).flat();
  const line = list.findIndex(({ kind }, i) => i > 0 && kind === 'newline');
  return visible(line < 0 ? list : list.slice(0, line));
}

/** A number in its colour; a sum has none, as the scale is that of one token. @param {Metric} metric @param {string} by @param {number} value */
function amount(metric, by, value) {
  if (by === 'sum') return decimal(value, metric.unit);
  const bucket = bucketOf(metric, value);
  const isWhole = ['rank', 'settled'].includes(metric.key); // as a token has it; a mean has two decimals
  const text = metric.format(isWhole ? Math.round(100 * value) / 100 : value);
  return h('span', { class: bucket === MISSING ? 'absent' : `amount b${bucket}` }, text);
}

/**
 * The lines of the code as elements, in blocks that are empty until somebody needs them: one span per token and line, the numbers of
 * decisions and of lines beside them, and rows that say where a branch departs and ends.
 */

import { append, h, tell, tokenText } from '#viewer/elements/dom';
import { drawPieces, restOf } from '#viewer/elements/token_pieces';
import { count, percent } from '#viewer/reading/format';
import { visibleNode } from '#viewer/reading/token_words';
import { ORIGIN } from '#viewer/trace/schema';

export const LINES_PER_BLOCK = 20;
const SIGNS_PER_PART = 6000; // of a line
const HEIGHT = 1.615; // em of a line
/** @type {Record<number, string>} */
const ORIGIN_CLASSES = {
  [ORIGIN.prompt]: 'prompt', [ORIGIN.main]: 'output', [ORIGIN.branch]: 'output branch', [ORIGIN.scored]: 'output',
};

/** @typedef {import('#viewer/reading/reading').Reading} Reading */
/** @typedef {{ element: HTMLElement, node: number, base: string }} Drawn base: its classes but those of its colour */

/**
 * @typedef {object} Block
 * @property {HTMLElement} element
 * @property {Map<number, Drawn[]>} cells by token
 * @property {(() => Drawn[]) | null} draw how they come, while it is empty
 * @property {boolean} visible
 * @property {boolean} stale whether its colours are old
 * @property {Part[]} parts of lines in it that are not drawn yet
 */

/** @typedef {{ first: number, last: number, show: () => void }} Part of a long line: its first and last token, and what draws it */

/**
 * Empty blocks, as high as what they will hold.
 * @param {Reading} reading @param {number} from the first one
 * @param {(block: Block, drawn: Drawn[]) => Drawn[]} onDrawn what a part of a long line needs that comes later than its block
 * @returns {Block[]}
 */
export function emptyBlocks(reading, from, onDrawn) {
  const { lines } = reading.layout;
  const drawLine = lineDrawer(reading);
  return Array.from({ length: Math.ceil(lines.length / LINES_PER_BLOCK) - from }, (_, i) => {
    const element = h('div', { class: 'block', data: { block: from + i } });
    const first = (from + i) * LINES_PER_BLOCK;
    const held = Array.from({ length: Math.min(LINES_PER_BLOCK, lines.length - first) }, (_, line) => first + line);
    const height = `${held.length * HEIGHT}em`;
    element.style.containIntrinsicHeight = `auto ${height}`;
    element.style.minHeight = height;
    /** @type {Block} */
    const block = { element, cells: new Map(), draw: null, visible: from + i === 0, stale: true, parts: [] };
    block.draw = () => held.flatMap((line) => drawLine(element, line, (drawn) => onDrawn(block, drawn), block.parts));
    return block;
  });
}

/**
 * What puts a line into its block; of a long one the beginning, and the rest when it is asked for.
 * @param {Reading} reading
 * @returns {(block: HTMLElement, index: number, onDrawn: (drawn: Drawn[]) => Drawn[], parts: Part[]) => Drawn[]}
 */
function lineDrawer(reading) {
  const { trace, layout, file, behind } = reading;
  const forks = new Set(reading.forks);
  const decided = new Set(reading.decisions.flatMap(({ nodes }) => nodes));
  const marks = marksOf(reading);
  const notes = notesOf(reading);
  const moreOf = (/** @type {number} */ node) => (forks.has(node) ? ' fork' : '') + (decided.has(node) ? ' decided' : '');
  return (block, index, onDrawn, parts) => {
    const cells = layout.lines[index] ?? [];
    const draw = (/** @type {import('#viewer/reading/layout').Cell} */ cell) => (
      drawCell(trace, cell, moreOf(cell.node) + (behind?.holds(cell.node, index) ? ' behind' : ''))
    );
    const [first = [], ...others] = partsOf(cells);
    const drawn = first.map(draw);
    const rest = others.map((part) => later(part, cells.length, () => onDrawn(part.map(draw)), parts));
    const isChanged = file?.isChanged(index + 1) ?? false;
    const beside = [marks.get(index), ...margin(file?.lineAt(index + 1), isChanged)];
    const side = isChanged ? ' changed' : sideOf(first.map(({ node }) => trace.nodes.origin[node]));
    const line = h('div', { class: `line${side}`, data: { line: index + 1 } }, beside, drawn.map(({ element }) => element), rest);
    append(block, [line, ...(notes.get(index) ?? [])]);
    return drawn;
  };
}

/** The cells of a line in parts that are drawn at once. @param {readonly import('#viewer/reading/layout').Cell[]} cells */
function partsOf(cells) {
  /** @type {import('#viewer/reading/layout').Cell[][]} */
  const parts = [];
  let room = 0;
  for (const cell of cells) {
    if (room <= 0) parts.push([]);
    if (room <= 0) room = SIGNS_PER_PART;
    parts.at(-1)?.push(cell);
    room -= 1 + cell.pieces.reduce((sum, { text }) => sum + text.length, 0);
  }
  return parts;
}

/**
 * What stands for a part of a line that is not drawn yet.
 * @param {readonly import('#viewer/reading/layout').Cell[]} cells @param {number} all tokens of the line
 * @param {() => Drawn[]} draw @param {Part[]} parts gets it
 */
function later(cells, all, draw, parts) {
  const text = cells.filter(({ kind }) => kind !== 'chip').flatMap(({ pieces }) => pieces.map((piece) => piece.text)).join('');
  const { element, show } = restOf(text, 'token', () => {
    parts.splice(parts.indexOf(part), 1);
    return draw().map((drawn) => drawn.element);
  }, all);
  const part = { first: cells[0]?.node ?? -1, last: cells.at(-1)?.node ?? -1, show };
  element.classList.add('of-line');
  parts.push(part);
  return element;
}

/** The class of a line, by where its tokens come from. @param {(number | undefined)[]} origins */
function sideOf(origins) {
  return origins[0] === ORIGIN.prompt ? ' of-prompt' : origins.includes(ORIGIN.branch) ? ' of-branch' : '';
}

/** The numbers of the decisions beside their lines. They are text for no one: the cards say the same. @param {Reading} reading */
function marksOf({ decisions }) {
  /** @type {Map<number, HTMLElement>} */
  const marks = new Map();
  for (const { number, line, taste } of decisions) {
    const list = marks.get(line) ?? h('span', { class: 'marks' });
    const name = `Decision ${number}`;
    const options = { type: 'button', class: taste ? 'badge taste' : 'badge', tabIndex: -1, title: name, aria: { label: name }, data: { d: number } };
    list.append(h('button', options));
    marks.set(line, list);
  }
  return marks;
}

/**
 * What stands beside a line of scored code: its surprise, and a mark where it changed.
 * @param {import('#viewer/reading/scored_files').Line | undefined} line @param {boolean} isChanged
 */
function margin(line, isChanged) {
  const bits = line && (line.bits < 10 ? line.bits.toFixed(1) : count(Math.round(line.bits)));
  return [
    isChanged && h('span', { class: 'plus', role: 'img', aria: { label: 'changed line' } }),
    line && bits && line.bits >= 0.05 && h('span', { class: 'line-bits', data: { n: line.node, bits } }),
  ];
}

/** Where the path departs and why it ends, as rows after a line. @param {Reading} reading */
function notesOf({ trace, tree, layout, branch, behind }) {
  /** @type {Map<number, HTMLElement[]>} */
  const notes = new Map();
  const add = (/** @type {number} */ node, /** @type {import('#viewer/elements/dom').Children} */ words) => {
    let line = layout.lineOf[layout.placeOf[node] ?? 0] ?? 0;
    while (layout.lines[line + 1]?.some((cell) => cell.node === node)) line++;
    notes.set(line, [...(notes.get(line) ?? []), h('div', { class: 'note-row' }, words)]);
  };
  const token = (/** @type {number} */ node) => [tokenText(visibleNode(trace, node)), ` (${percent(Math.exp(trace.nodes.logprob[node] ?? NaN))})`];
  if (behind && behind.last >= 0) add(behind.last, 'the program ends here: what follows was written, and is no part of it');
  for (const one of tree.trail(branch)) {
    const first = tree.firstOf(one);
    const replaced = tree.replaced(first);
    add(first, ['departs here: ', ...token(first), ...(replaced < 0 ? [] : [' instead of ', ...token(replaced)])]);
  }
  if (branch >= 0) {
    const rejoined = trace.branches.rejoined[branch] ?? -1;
    add(tree.leafOf(branch), [`ends here: ${tree.endOf(branch)}`, ...(rejoined >= 0 ? [' \u00b7 ', wayTo(rejoined)] : [])]);
  }
  return notes;
}

/** @param {number} node */
function wayTo(node) {
  const there = h('button', { type: 'button', class: 'quiet-button' }, 'go there');
  there.addEventListener('click', (event) => {
    event.stopPropagation(); // it is no click beside the tokens
    tell(document, 'select', { node, by: 'click' });
  });
  return there;
}

/**
 * @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/layout').Cell} cell @param {string} marks more classes
 * @returns {Drawn}
 */
function drawCell(trace, cell, marks) {
  const origin = ORIGIN_CLASSES[trace.nodes.origin[cell.node] ?? 1] ?? 'output';
  const base = `t ${origin}${cell.kind === 'text' ? '' : ` ${cell.kind}`}${marks}`;
  const element = document.createElement('span'); // and no class: it gets that with its colour
  element.setAttribute('data-n', String(cell.node));
  append(element, drawPieces(cell.pieces));
  const lead = /^ */.exec(cell.pieces[0]?.text ?? '')?.[0].length ?? 0;
  if (lead) element.setAttribute('data-lead', '\u00b7'.repeat(lead));
  return { element, node: cell.node, base };
}

/**
 * The code: one span per token and line, in blocks of lines that the browser need not lay out while they are out of sight.
 * Draws colours, the selection, and where a branch departs and ends; tells what was pointed at or clicked. Another path replaces
 * only the blocks from the fork on, and the fork stays where it is on the screen.
 */

import { visibleNode } from '#viewer/description';
import { current, h, tell, tokenText } from '#viewer/dom';
import { drawPieces } from '#viewer/drawing';
import { foldsOf } from '#viewer/files';
import { count, percent } from '#viewer/format';
import { MISSING } from '#viewer/metrics';
import { ORIGIN } from '#viewer/trace';

const LINES_PER_BLOCK = 50;
const AT_ONCE = 3; // blocks that may be in sight
const STEP = 84; // pixels: four lines
const SETTLED = 120; // milliseconds without a change of the browser's selection
const encoder = new TextEncoder();
/** By the values of ORIGIN. */
const ORIGIN_CLASSES = ['prompt', 'output', 'output branch', 'output'];

/** @typedef {{ element: HTMLElement, node: number, base: string }} Drawn */
/** @typedef {{ element: HTMLElement, cells: Drawn[], visible: boolean, stale: boolean }} Block */
/** @typedef {{ first: number, end: number, row: HTMLElement }} Fold lines that are folded away, as places [first, end) */

/** @param {HTMLElement} root */
export function mountCode(root) {
  const code = h('div', { class: 'code', tabIndex: 0, role: 'group', aria: { label: 'Code. Arrow keys walk its tokens, n and p its uncertain ones.' } });
  root.replaceChildren(code);

  /** @type {import('#viewer/reading').Reading | undefined} */
  let reading;
  /** @type {Block[]} */
  let blocks = [];
  /** @type {Map<number, Drawn[]>} */
  let cellsOf = new Map();
  /** @type {Uint8Array} */
  let buckets = new Uint8Array();
  let selected = -1;
  let alone = false;
  /** Tokens of a span that was chosen elsewhere. */
  let marked = new Set();
  /** Tokens that match a query. @type {ReadonlySet<number>} */
  let found = new Set();
  /** @type {Fold[]} */
  let folds = [];
  /** The last token that two paths share, and where it was on the screen. */
  let anchor = { node: -1, top: 0 };

  const paint = (/** @type {Block} */ block) => {
    for (const { element, node, base } of block.cells) {
      const name = base + bucketClass(buckets[node] ?? MISSING) + (node === selected ? ' selected' : '') + (marked.has(node) ? ' marked' : '') + (found.has(node) ? ' found' : '');
      if (element.className !== name) element.className = name;
    }
    block.stale = false;
  };
  /** The fork stays where it was, also where the path that is shown now is too short to scroll that far. */
  const stay = () => {
    const { node, top } = anchor;
    anchor = { node: -1, top: NaN };
    code.style.paddingBottom = '';
    if (!(top >= 0 && top < window.innerHeight)) return;
    const scroller = getComputedStyle(root).overflowY === 'auto' ? root : document.documentElement;
    const shift = () => topOf(cellsOf.get(node)) - top;
    scroller.scrollTop += shift();
    if (Math.abs(shift()) < 1 || shift() < 0) return;
    code.style.paddingBottom = `${shift() + 12}px`;
    scroller.scrollTop += shift();
  };
  /** The tokens that the browser's selection holds, whole or in part. @returns {import('#viewer/syntax').Share[]} */
  const stretch = () => {
    const selection = document.getSelection();
    const range = selection && !selection.isCollapsed && selection.getRangeAt(0);
    if (!range || !reading || !code.contains(range.commonAncestorContainer)) return [];
    const { order } = reading.layout;
    const reached = (/** @type {number} */ node) => (cellsOf.get(node) ?? []).some(({ element }) => range.intersectsNode(element));
    const first = Array.from(order.keys()).findIndex((place) => reached(order[place] ?? -1));
    if (first < 0) return [];
    /** @type {import('#viewer/syntax').Share[]} */
    const found = [];
    for (let place = first, node = order[place] ?? -1; reached(node); node = order[++place] ?? -1) {
      const cells = (cellsOf.get(node) ?? []).map(({ element }) => element);
      const size = sizeOf(cells);
      const share = size ? sizeOf(cells, range) / size : Number(found.length > 0); // the rest of a character goes with its beginning
      if (share > 0 && !reading.trace.isSpecial(node)) found.push({ node, share });
    }
    return found;
  };
  const lineAt = (/** @type {number} */ line) => /** @type {HTMLElement | undefined} */ (blocks[Math.floor(line / LINES_PER_BLOCK)]?.element.querySelector(`[data-line="${line + 1}"]`));
  const unfold = (/** @type {Fold} */ { first, end, row }) => {
    row.remove();
    for (let line = first; line < end; line++) lineAt(line)?.removeAttribute('hidden');
    folds = folds.filter((fold) => fold.row !== row);
  };
  const fold = (/** @type {number} */ first, /** @type {number} */ end) => {
    const open = h('button', { type: 'button', class: 'quiet-button' }, `\u2026 ${count(end - first)} lines`);
    const found = { first, end, row: h('div', { class: 'note-row fold' }, open) };
    open.addEventListener('click', (event) => {
      event.stopPropagation();
      unfold(found);
      code.focus({ preventScroll: true });
    });
    lineAt(first)?.before(found.row);
    for (let line = first; line < end; line++) lineAt(line)?.setAttribute('hidden', '');
    return found;
  };
  const whenIdle = window.requestIdleCallback ?? ((/** @type {() => void} */ work) => setTimeout(work, 50));
  const repaint = () => {
    for (const block of blocks) {
      block.stale = true;
      if (block.visible) paint(block);
    }
    later();
  };
  let waiting = false;
  const paintRest = () => {
    waiting = false;
    const block = blocks.find(({ stale }) => stale);
    if (!block) return;
    paint(block);
    later();
  };
  const later = () => {
    if (!waiting) whenIdle(paintRest);
    waiting = true;
  };
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const block = /** @type {Block} */ (blocks[Number(/** @type {HTMLElement} */ (target).dataset['block'])]);
      block.visible = isIntersecting;
      if (isIntersecting && block.stale) paint(block);
    }
  }, { rootMargin: '400px' });

  code.addEventListener('click', (event) => {
    const selection = document.getSelection();
    if (selection && !selection.isCollapsed && code.contains(selection.anchorNode)) return;
    const decision = /** @type {HTMLElement} */ (event.target).dataset['d'];
    if (decision) tell(code, 'decision', { decision: Number(decision), branch: -1 });
    else tell(code, 'select', { node: nodeAt(event.target), by: 'click' });
  });
  code.addEventListener('pointerover', (event) => {
    if (event.pointerType !== 'touch') tell(code, 'point', { node: nodeAt(event.target), cell: cellAt(event.target) });
  });
  code.addEventListener('pointerleave', () => tell(code, 'point', { node: -1, cell: null }));
  let timer = 0;
  document.addEventListener('selectionchange', () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => tell(code, 'stretch', stretch()), SETTLED);
  });
  document.addEventListener('copy', (event) => copyProgram(event, code));
  window.addEventListener('beforeprint', () => blocks.filter(({ stale }) => stale).forEach(paint));

  return {
    /** By a screenful, where the code scrolls by itself; else false. @param {1 | -1} direction */
    scrollPage(direction) {
      if (root.scrollHeight <= root.clientHeight || getComputedStyle(root).overflowY !== 'auto') return false;
      root.scrollBy({ top: direction * (root.clientHeight - 42) });
      return true;
    },

    /** @param {import('#viewer/reading').Reading} next the path to show */
    show(next) {
      if (reading === next) return;
      const shared = reading ? sharedPlaces(reading.layout.order, next.layout.order) : 0;
      const node = next.layout.order[shared - 1] ?? -1;
      const kept = shared ? Math.floor((next.layout.lineOf[shared - 1] ?? 0) / LINES_PER_BLOCK) : 0;
      anchor = { node, top: topOf(cellsOf.get(node)) };
      reading = next;
      code.classList.toggle('on-branch', next.branch >= 0);
      code.classList.toggle('scored', next.file !== null);
      code.classList.toggle('decided-lines', next.trace.decisions.node.length > 0);
      const redrawn = drawBlocks(next, kept);
      for (const block of blocks.splice(kept)) {
        watcher.unobserve(block.element);
        block.element.remove();
      }
      code.append(...redrawn.map((block) => block.element));
      blocks.push(...redrawn);
      cellsOf = new Map();
      for (const cell of blocks.flatMap(({ cells }) => cells)) {
        const list = cellsOf.get(cell.node);
        if (list) list.push(cell);
        else cellsOf.set(cell.node, [cell]);
      }
      for (const block of redrawn) watcher.observe(block.element);
      redrawn.slice(0, AT_ONCE).forEach(paint);
      later();
      if (shared > 0) return;
      marked = new Set();
      root.scrollTop = 0;
      folds = [];
      alone = false;
    },

    /** The number of the open decision stands out. @param {number} decision 0 for none */
    decide(decision) {
      for (const badge of code.getElementsByClassName('badge')) current(badge, /** @type {HTMLElement} */ (badge).dataset['d'] === String(decision));
    },

    /** The changed lines of scored code alone, the others folded away; or all lines. @param {boolean} next */
    isolate(next) {
      if (next === alone || !reading?.file) return;
      alone = next;
      code.classList.toggle('alone', next);
      folds.forEach(unfold);
      if (next) folds = foldsOf(reading.layout.lines.length, reading.file.isChanged).map(([first, end]) => fold(first, end));
    },

    /** @param {Uint8Array} next one bucket per node @param {boolean} attends whether they are those of attention */
    colour(next, attends) {
      if (next === buckets) return;
      code.classList.toggle('attends', attends);
      buckets = next;
      repaint();
    },

    /** Outline the matches of a query. @param {ReadonlySet<number>} next */
    find(next) {
      if (next === found || next.size + found.size === 0) return;
      found = next;
      repaint();
    },

    /** @param {number} node to bring into sight */
    reveal(node) {
      bringIntoSight(cellsOf.get(node)?.[0]?.element, root);
    },

    /** Outline the tokens of a span, and bring it into sight. @param {readonly number[]} nodes */
    mark(nodes) {
      const next = new Set(nodes);
      for (const node of new Set([...marked, ...next])) cellsOf.get(node)?.forEach(({ element }) => element.classList.toggle('marked', next.has(node)));
      marked = next;
      const line = reading?.layout.lineOf[reading.layout.placeOf[nodes[0] ?? -1] ?? -1] ?? -1;
      folds.filter((fold) => line >= fold.first && line < fold.end).forEach(unfold);
      bringIntoSight(cellsOf.get(nodes[0] ?? -1)?.[0]?.element, root);
    },

    /** @param {number} node @param {boolean} reveal whether to bring it into sight */
    select(node, reveal) {
      for (const { element } of cellsOf.get(selected) ?? []) {
        element.classList.remove('selected');
        element.removeAttribute('id');
      }
      selected = node;
      const cells = cellsOf.get(node) ?? [];
      for (const { element } of cells) element.classList.add('selected');
      const first = cells[0]?.element;
      const line = reading?.layout.lineOf[reading.layout.placeOf[node] ?? -1] ?? -1;
      folds.filter((fold) => line >= fold.first && line < fold.end).forEach(unfold);
      stay();
      if (first) first.id = 'selected-token';
      if (first) code.setAttribute('aria-activedescendant', 'selected-token');
      else code.removeAttribute('aria-activedescendant');
      if (reveal) bringIntoSight(first, root);
    },
  };
}

/** Bytes of the text in some cells, of all or of what a range holds. @param {readonly HTMLElement[]} cells @param {Range} [range] */
function sizeOf(cells, range) {
  let size = 0;
  for (const element of cells) {
    const part = document.createRange();
    part.selectNodeContents(element);
    if (range && range.compareBoundaryPoints(Range.START_TO_START, part) > 0) part.setStart(range.startContainer, range.startOffset);
    if (range && range.compareBoundaryPoints(Range.END_TO_END, part) < 0) part.setEnd(range.endContainer, range.endOffset);
    size += encoder.encode(part.toString()).length;
  }
  return size;
}

/** @param {HTMLElement | undefined} element @param {HTMLElement} root what scrolls */
function bringIntoSight(element, root) {
  element?.scrollIntoView({ block: isFar(element, root) ? 'center' : 'nearest', inline: 'nearest' });
}

/** @param {Drawn[] | undefined} cells */
function topOf(cells) {
  return cells?.at(-1)?.element.getBoundingClientRect().top ?? NaN;
}

/** How many places two paths have in common at the beginning. @param {Int32Array} before @param {Int32Array} after */
function sharedPlaces(before, after) {
  const place = after.findIndex((node, i) => before[i] !== node);
  return place < 0 ? after.length : place;
}

/** Whether a jump leads there, not a step. @param {HTMLElement} element @param {HTMLElement} root */
function isFar(element, root) {
  const { top, bottom } = element.getBoundingClientRect();
  const view = root.getBoundingClientRect();
  return bottom < Math.max(0, view.top) - STEP || top > Math.min(window.innerHeight, view.bottom) + STEP;
}

/** @param {number} bucket */
function bucketClass(bucket) {
  return bucket === MISSING ? ' missing' : ` b${bucket}`;
}

/** @param {EventTarget | null} target */
function cellAt(target) {
  return target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest('[data-n]')) : null;
}

/** @param {EventTarget | null} target */
function nodeAt(target) {
  return Number(cellAt(target)?.dataset['n'] ?? -1);
}

/** @param {import('#viewer/reading').Reading} reading @param {number} from the first block to draw */
function drawBlocks(reading, from) {
  const { trace, layout } = reading;
  const forks = new Set(reading.forks);
  const decided = new Set(reading.decisions.flatMap(({ nodes }) => nodes));
  const marks = marksOf(reading);
  const notes = notesOf(reading);
  /** @type {Block[]} */
  const blocks = [];
  for (let index = from * LINES_PER_BLOCK; index < layout.lines.length; index++) {
    const cells = layout.lines[index] ?? [];
    if (index % LINES_PER_BLOCK === 0) {
      const rows = Math.min(LINES_PER_BLOCK, layout.lines.length - index);
      const element = h('div', { class: 'block', data: { block: from + blocks.length } });
      element.style.containIntrinsicHeight = `auto ${rows * 1.615}em`;
      blocks.push({ element, cells: [], visible: from + blocks.length === 0, stale: true });
    }
    const block = /** @type {Block} */ (blocks[blocks.length - 1]);
    const drawn = cells.map((cell) => drawCell(trace, cell, (forks.has(cell.node) ? ' fork' : '') + (decided.has(cell.node) ? ' decided' : '')));
    const origins = cells.map(({ node }) => trace.nodes.origin[node]);
    const isChanged = reading.file?.isChanged(index + 1) ?? false;
    const side = isChanged ? ' changed' : origins[0] === ORIGIN.prompt ? ' of-prompt' : origins.includes(ORIGIN.branch) ? ' of-branch' : '';
    block.cells.push(...drawn);
    block.element.append(h('div', { class: `line${side}`, data: { line: index + 1 } }, marks.get(index), ...margin(reading.file?.lineAt(index + 1), isChanged), ...drawn.map(({ element }) => element)), ...(notes.get(index) ?? []));
  }
  return blocks;
}

/** The numbers of the decisions beside their lines. They are text for no one: the cards say the same. @param {import('#viewer/reading').Reading} reading */
function marksOf({ decisions }) {
  /** @type {Map<number, HTMLElement>} */
  const marks = new Map();
  for (const { number, line, taste } of decisions) {
    const list = marks.get(line) ?? h('span', { class: 'marks' });
    list.append(h('button', { type: 'button', class: taste ? 'badge taste' : 'badge', tabIndex: -1, title: `Decision ${number}`, aria: { label: `Decision ${number}` }, data: { d: number } }));
    marks.set(line, list);
  }
  return marks;
}

/** What stands beside a line of scored code: its surprise, and a mark where it changed. @param {import('#viewer/files').Line | undefined} line @param {boolean} isChanged */
function margin(line, isChanged) {
  return [
    isChanged && h('span', { class: 'plus', role: 'img', aria: { label: 'changed line' } }),
    line && line.bits >= 0.05 && h('span', { class: 'line-bits', data: { n: line.node, bits: line.bits < 10 ? line.bits.toFixed(1) : count(Math.round(line.bits)) } }),
  ];
}

/** Where the path departs and why it ends, as rows after a line. @param {import('#viewer/reading').Reading} reading */
function notesOf({ trace, tree, layout, branch }) {
  /** @type {Map<number, HTMLElement[]>} */
  const notes = new Map();
  const add = (/** @type {number} */ node, /** @type {import('#viewer/dom').Child[]} */ ...words) => {
    let line = layout.lineOf[layout.placeOf[node] ?? 0] ?? 0;
    while (layout.lines[line + 1]?.some((cell) => cell.node === node)) line++;
    notes.set(line, [...(notes.get(line) ?? []), h('div', { class: 'note-row' }, ...words)]);
  };
  const token = (/** @type {number} */ node) => [tokenText(visibleNode(trace, node)), ` (${percent(Math.exp(trace.nodes.logprob[node] ?? NaN))})`];
  for (const one of tree.trail(branch)) {
    const first = tree.firstOf(one);
    const replaced = tree.replaced(first);
    add(first, 'departs here: ', ...token(first), ...(replaced < 0 ? [] : [' instead of ', ...token(replaced)]));
  }
  if (branch >= 0) {
    const rejoined = trace.branches.rejoined[branch] ?? -1;
    const there = h('button', { type: 'button', class: 'quiet-button' }, 'go there');
    there.addEventListener('click', (event) => {
      event.stopPropagation(); // it is no click beside the tokens
      tell(document, 'select', { node: rejoined, by: 'click' });
    });
    add(tree.leafOf(branch), `ends here: ${tree.endOf(branch)}`, rejoined >= 0 && ' \u00b7 ', rejoined >= 0 && there);
  }
  return notes;
}

/** @param {import('#viewer/trace').Trace} trace @param {import('#viewer/layout').Cell} cell @param {string} marks more classes @returns {Drawn} */
function drawCell(trace, cell, marks) {
  const origin = ORIGIN_CLASSES[trace.nodes.origin[cell.node] ?? 1] ?? 'output';
  const base = `t ${origin}${cell.kind === 'text' ? '' : ` ${cell.kind}`}${marks}`;
  const element = h('span', { class: base, data: { n: cell.node } }, ...drawPieces(cell.pieces));
  const lead = /^ */.exec(cell.pieces[0]?.text ?? '')?.[0].length ?? 0;
  if (lead) element.dataset['lead'] = '\u00b7'.repeat(lead);
  return { element, node: cell.node, base };
}

/** Put the exact text on the clipboard, without control tokens. @param {ClipboardEvent} event @param {HTMLElement} code */
function copyProgram(event, code) {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed || !event.clipboardData) return;
  const range = selection.getRangeAt(0);
  if (!code.contains(range.commonAncestorContainer)) return;
  const fragment = range.cloneContents();
  for (const element of fragment.querySelectorAll('.chip, .note-row')) element.remove();
  event.clipboardData.setData('text/plain', fragment.textContent ?? '');
  event.preventDefault();
}

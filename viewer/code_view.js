/**
 * The code: one span per token and line, in blocks of lines that the browser need not lay out while they are out of sight.
 * Draws colours and the selection; tells what was pointed at or clicked.
 */

import { h, tell } from '#viewer/dom';
import { MISSING } from '#viewer/metrics';
import { ORIGIN } from '#viewer/trace';

const LINES_PER_BLOCK = 50;
const STEP = 84; // pixels: four lines

/** @typedef {{ element: HTMLElement, node: number, base: string }} Drawn */
/** @typedef {{ element: HTMLElement, cells: Drawn[], visible: boolean, stale: boolean }} Block */

/**
 * @param {HTMLElement} root
 * @param {import('#viewer/reading').Reading} reading
 */
export function mountCode(root, { trace, layout }) {
  const code = h('div', { class: 'code', tabIndex: 0, role: 'group', aria: { label: 'Code. Arrow keys walk its tokens, n and p its uncertain ones.' } });
  /** @type {Map<number, Drawn[]>} */
  const cellsOf = new Map();
  const blocks = drawBlocks(trace, layout, cellsOf);
  code.append(...blocks.map((block) => block.element));
  root.replaceChildren(code);

  /** @type {Uint8Array} */
  let buckets = new Uint8Array();
  let selected = -1;

  const paint = (/** @type {Block} */ block) => {
    for (const { element, node, base } of block.cells) element.className = base + bucketClass(buckets[node] ?? MISSING) + (node === selected ? ' selected' : '');
    block.stale = false;
  };
  const whenIdle = window.requestIdleCallback ?? ((/** @type {() => void} */ work) => setTimeout(work, 50));
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
  for (const block of blocks) watcher.observe(block.element);

  code.addEventListener('click', (event) => {
    const selection = document.getSelection();
    if (selection && !selection.isCollapsed && code.contains(selection.anchorNode)) return;
    tell(code, 'select', { node: nodeAt(event.target), by: 'click' });
  });
  code.addEventListener('pointerover', (event) => {
    if (event.pointerType !== 'touch') tell(code, 'point', { node: nodeAt(event.target), cell: cellAt(event.target) });
  });
  code.addEventListener('pointerleave', () => tell(code, 'point', { node: -1, cell: null }));
  document.addEventListener('copy', (event) => copyProgram(event, code));
  window.addEventListener('beforeprint', () => blocks.filter(({ stale }) => stale).forEach(paint));

  return {
    /** By a screenful, where the code scrolls by itself; else false. @param {1 | -1} direction */
    scrollPage(direction) {
      if (root.scrollHeight <= root.clientHeight || getComputedStyle(root).overflowY !== 'auto') return false;
      root.scrollBy({ top: direction * (root.clientHeight - 42) });
      return true;
    },

    /** @param {Uint8Array} next one bucket per node */
    colour(next) {
      if (next === buckets) return;
      buckets = next;
      for (const block of blocks) {
        block.stale = true;
        if (block.visible) paint(block);
      }
      later();
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
      if (first) first.id = 'selected-token';
      if (first) code.setAttribute('aria-activedescendant', 'selected-token');
      else code.removeAttribute('aria-activedescendant');
      if (first && reveal) first.scrollIntoView({ block: isFar(first, root) ? 'center' : 'nearest', inline: 'nearest' });
    },
  };
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
  return target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest('.t')) : null;
}

/** @param {EventTarget | null} target */
function nodeAt(target) {
  return Number(cellAt(target)?.dataset['n'] ?? -1);
}

/** @param {import('#viewer/trace').Trace} trace @param {import('#viewer/layout').Layout} layout @param {Map<number, Drawn[]>} cellsOf filled here */
function drawBlocks(trace, layout, cellsOf) {
  /** @type {Block[]} */
  const blocks = [];
  for (const [index, cells] of layout.lines.entries()) {
    if (index % LINES_PER_BLOCK === 0) {
      const rows = Math.min(LINES_PER_BLOCK, layout.lines.length - index);
      const element = h('div', { class: 'block', data: { block: blocks.length } });
      element.style.containIntrinsicHeight = `auto ${rows * 1.615}em`;
      blocks.push({ element, cells: [], visible: blocks.length === 0, stale: true });
    }
    const block = /** @type {Block} */ (blocks[blocks.length - 1]);
    const line = h('div', { class: 'line', data: { line: index + 1 } });
    for (const cell of cells) {
      const drawn = drawCell(trace, cell);
      line.append(drawn.element);
      block.cells.push(drawn);
      const list = cellsOf.get(cell.node);
      if (list) list.push(drawn);
      else cellsOf.set(cell.node, [drawn]);
    }
    const origin = cells.length ? trace.nodes.origin[cells[0]?.node ?? 0] : ORIGIN.main;
    if (origin === ORIGIN.prompt) line.classList.add('of-prompt');
    block.element.append(line);
  }
  return blocks;
}

/** @param {import('#viewer/trace').Trace} trace @param {import('#viewer/layout').Cell} cell @returns {Drawn} */
function drawCell(trace, cell) {
  const origin = trace.nodes.origin[cell.node] === ORIGIN.prompt ? 'prompt' : 'output';
  const base = `t ${origin}${cell.kind === 'text' ? '' : ` ${cell.kind}`}`;
  const element = h('span', { class: base, data: { n: cell.node } });
  const lead = /^ */.exec(cell.pieces[0]?.text ?? '')?.[0].length ?? 0;
  if (lead) element.dataset['lead'] = '\u00b7'.repeat(lead);
  for (const [i, piece] of cell.pieces.entries()) {
    const endsLine = (cell.pieces[i + 1]?.kind ?? 'newline') !== 'text';
    element.append(...(piece.kind === 'text' && endsLine ? splitTrail(piece.text) : [drawPiece(piece)]));
  }
  return { element, node: cell.node, base };
}

/** Spaces at the end in an element of their own, so that they can be shown. @param {string} text */
function splitTrail(text) {
  const words = text.replace(/ +$/, '');
  const spaces = text.length - words.length;
  if (!words || !spaces) return [text];
  return [words, h('span', { class: 'spaces', data: { show: '\u00b7'.repeat(spaces) } }, text.slice(words.length))];
}

/**
 * The exact characters are always in the page, so that what is copied is the program; what they show is the style sheet's.
 * @param {import('#viewer/text').Piece} piece
 */
function drawPiece(piece) {
  if (piece.kind === 'text') return document.createTextNode(piece.text);
  const element = h('span', { class: piece.kind });
  if (piece.show) element.dataset['show'] = piece.show;
  element.append(piece.kind === 'escape' || piece.kind === 'invalid' ? h('span', { class: 'exact' }, piece.text) : piece.text);
  return element;
}

/** Put the exact text on the clipboard, without control tokens. @param {ClipboardEvent} event @param {HTMLElement} code */
function copyProgram(event, code) {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed || !event.clipboardData) return;
  const range = selection.getRangeAt(0);
  if (!code.contains(range.commonAncestorContainer)) return;
  const fragment = range.cloneContents();
  for (const element of fragment.querySelectorAll('.chip')) element.remove();
  event.clipboardData.setData('text/plain', fragment.textContent ?? '');
  event.preventDefault();
}

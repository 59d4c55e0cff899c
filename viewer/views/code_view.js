/**
 * The code: one span per token and line, in blocks of lines that the browser need not lay out while they are out of sight.
 * A block is empty until it is in sight, is asked for, or the browser has time. Draws colours, the selection, and where a branch
 * departs and ends; tells what was pointed at or clicked. Another path replaces only the blocks from the fork on, and the fork
 * stays where it is on the screen.
 */

import { current, h, tell, tokenText } from '#viewer/elements/dom';
import { drawPieces } from '#viewer/elements/token_pieces';
import { count, percent } from '#viewer/reading/format';
import { sharedPlaces } from '#viewer/reading/layout';
import { MISSING } from '#viewer/reading/metrics';
import { foldsOf } from '#viewer/reading/scored_files';
import { visibleNode } from '#viewer/reading/token_words';
import { ORIGIN } from '#viewer/trace/schema';

const LINES_PER_BLOCK = 20;
const LINE = 21; // pixels
const STEP = 4 * LINE;
const SLICE = 8; // milliseconds of work while the browser has time
const SETTLED = 120; // milliseconds without a change of the browser's selection
const encoder = new TextEncoder();
/** @type {Record<number, string>} */
const ORIGIN_CLASSES = {
  [ORIGIN.prompt]: 'prompt', [ORIGIN.main]: 'output', [ORIGIN.branch]: 'output branch', [ORIGIN.scored]: 'output',
};

/** @typedef {{ element: HTMLElement, node: number, base: string }} Drawn */
/** @typedef {{ element: HTMLElement, cells: Map<number, Drawn[]>, draw: (() => Drawn[]) | null, visible: boolean, stale: boolean }} Block cells by token; draw: how they come, while it is empty */
/** @typedef {{ first: number, end: number, row: HTMLElement }} Fold lines that are folded away, as places [first, end) */

/** @param {HTMLElement} root */
export function mountCode(root) {
  const code = h('div', { class: 'code', tabIndex: 0, role: 'group', aria: { label: 'Code. Arrow keys walk its tokens, n and p its uncertain ones.' } });
  root.replaceChildren(code);

  /** @type {import('#viewer/reading/reading').Reading | undefined} */
  let reading;
  /** @type {Block[]} */
  let blocks = [];
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
  let decided = '0';

  const fill = (/** @type {Block | undefined} */ block) => {
    if (!block?.draw) return;
    for (const cell of block.draw()) {
      const list = block.cells.get(cell.node);
      if (list) list.push(cell);
      else block.cells.set(cell.node, [cell]);
    }
    block.draw = null;
    block.element.style.minHeight = '';
    tellDecision(block.element);
    paint(block);
  };
  const fillAll = () => blocks.forEach(fill);
  const blockAt = (/** @type {number} */ line) => blocks[Math.floor(line / LINES_PER_BLOCK)];
  const lineOf = (/** @type {number} */ node) => reading?.layout.lineOf[reading.layout.placeOf[node] ?? -1] ?? -1;
  /** All cells of a token, or those that are drawn, in the order of the text. */
  const cellsOf = (/** @type {number} */ node, isWanted = true) => {
    /** @type {Drawn[]} */
    const found = [];
    let line = lineOf(node);
    if (line < 0) return found;
    do {
      if (isWanted) fill(blockAt(line));
      found.push(...(blockAt(line)?.cells.get(node) ?? []));
      line += LINES_PER_BLOCK - (line % LINES_PER_BLOCK);
    } while (reading?.layout.lines[line]?.[0]?.node === node);
    return found;
  };
  /** What comes into sight with a line. @param {number} line @param {number} above pixels @param {number} below */
  const fillAround = (line, above, below) => {
    const first = Math.max(0, line - Math.ceil(above / LINE));
    for (let at = first - (first % LINES_PER_BLOCK); at <= line + below / LINE; at += LINES_PER_BLOCK) fill(blockAt(at));
  };
  const reveal = (/** @type {number} */ node) => {
    const cell = cellsOf(node)[0];
    if (cell && isFar(cell.element, root)) fillAround(lineOf(node), window.innerHeight / 2, window.innerHeight / 2);
    bringIntoSight(cell?.element, root);
  };
  const tellDecision = (/** @type {HTMLElement} */ element) => {
    for (const badge of element.getElementsByClassName('badge')) current(badge, /** @type {HTMLElement} */ (badge).dataset['d'] === decided);
  };
  const paint = (/** @type {Block} */ block) => {
    for (const list of block.cells.values()) for (const { element, node, base } of list) {
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
    const shift = () => topOf(cellsOf(node)) - top;
    scroller.scrollTop += shift();
    if (Math.abs(shift()) < 1 || shift() < 0) return;
    code.style.paddingBottom = `${shift() + 12}px`;
    scroller.scrollTop += shift();
  };
  /** The tokens that the browser's selection holds, whole or in part. @returns {import('#viewer/reading/syntax').Share[]} */
  const stretch = () => {
    const selection = document.getSelection();
    const range = selection && !selection.isCollapsed && selection.getRangeAt(0);
    if (!range || !reading || !code.contains(range.commonAncestorContainer)) return [];
    const { order } = reading.layout;
    fillAll();
    const reached = (/** @type {number} */ node) => cellsOf(node).some(({ element }) => range.intersectsNode(element));
    const first = Array.from(order.keys()).findIndex((place) => reached(order[place] ?? -1));
    if (first < 0) return [];
    /** @type {import('#viewer/reading/syntax').Share[]} */
    const found = [];
    for (let place = first, node = order[place] ?? -1; reached(node); node = order[++place] ?? -1) {
      const cells = cellsOf(node).map(({ element }) => element);
      const size = sizeOf(cells);
      const share = size ? sizeOf(cells, range) / size : Number(found.length > 0); // the rest of a character goes with its beginning
      if (share > 0 && !reading.trace.isSpecial(node)) found.push({ node, share });
    }
    return found;
  };
  const lineAt = (/** @type {number} */ line) => {
    fill(blockAt(line));
    return /** @type {HTMLElement | undefined} */ (blockAt(line)?.element.querySelector(`[data-line="${line + 1}"]`));
  };
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
  /** @param {IdleDeadline} [deadline] */
  const paintRest = (deadline) => {
    waiting = false;
    const end = performance.now() + Math.min(SLICE, deadline?.timeRemaining() ?? 0);
    do {
      const block = blocks.find(({ stale }) => stale);
      if (!block) return;
      if (block.draw) {
        fill(block);
        continue;
      }
      paint(block);
      break; // the style of many at once would take a frame
    } while (performance.now() < end);
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
      if (!isIntersecting) continue;
      fill(block);
      if (block.stale) paint(block);
    }
  });

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
  document.addEventListener('copy', (event) => {
    fillAll();
    copyProgram(event, code);
  });
  window.addEventListener('beforeprint', () => {
    fillAll();
    blocks.filter(({ stale }) => stale).forEach(paint);
  });

  return {
    /** By a screenful, where the code scrolls by itself; else false. @param {1 | -1} direction */
    scrollPage(direction) {
      if (root.scrollHeight <= root.clientHeight || getComputedStyle(root).overflowY !== 'auto') return false;
      root.scrollBy({ top: direction * (root.clientHeight - 42) });
      return true;
    },

    /** @param {import('#viewer/reading/reading').Reading} next the path to show */
    show(next) {
      if (reading === next) return;
      const shared = reading ? sharedPlaces(reading.layout.order, next.layout.order) : 0;
      const node = next.layout.order[shared - 1] ?? -1;
      const kept = shared ? Math.floor((next.layout.lineOf[shared - 1] ?? 0) / LINES_PER_BLOCK) : 0;
      anchor = { node, top: topOf(cellsOf(node, false)) };
      reading = next;
      code.classList.toggle('on-branch', next.branch >= 0);
      code.classList.toggle('scored', next.file !== null);
      code.classList.toggle('decided-lines', next.trace.decisions.node.length > 0);
      for (const block of blocks.splice(kept)) {
        watcher.unobserve(block.element);
        block.element.remove();
      }
      const redrawn = drawBlocks(next, kept);
      code.append(...redrawn.map((block) => block.element));
      blocks.push(...redrawn);
      fillAround(Math.max(0, lineOf(node)), 0, window.innerHeight - (anchor.top > 0 ? Math.min(anchor.top, window.innerHeight) : 0));
      for (const block of redrawn) watcher.observe(block.element);
      later();
      if (shared > 0) return;
      marked = new Set();
      root.scrollTop = 0;
      folds = [];
      alone = false;
    },

    /** The number of the open decision stands out. @param {number} decision 0 for none */
    decide(decision) {
      if (decided === String(decision)) return;
      decided = String(decision);
      tellDecision(code);
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
    reveal,

    /** Outline the tokens of a span, and bring it into sight. @param {readonly number[]} nodes */
    mark(nodes) {
      const next = new Set(nodes);
      for (const node of new Set([...marked, ...next])) for (const { element } of cellsOf(node, false)) element.classList.toggle('marked', next.has(node));
      marked = next;
      const line = lineOf(nodes[0] ?? -1);
      folds.filter((fold) => line >= fold.first && line < fold.end).forEach(unfold);
      reveal(nodes[0] ?? -1);
    },

    /** @param {number} node @param {boolean} isWanted whether to bring it into sight */
    select(node, isWanted) {
      for (const { element } of cellsOf(selected, false)) {
        element.classList.remove('selected');
        element.removeAttribute('id');
      }
      selected = node;
      const cells = cellsOf(node);
      for (const { element } of cells) element.classList.add('selected');
      const first = cells[0]?.element;
      const line = lineOf(node);
      folds.filter((fold) => line >= fold.first && line < fold.end).forEach(unfold);
      stay();
      if (first) first.id = 'selected-token';
      if (first) code.setAttribute('aria-activedescendant', 'selected-token');
      else code.removeAttribute('aria-activedescendant');
      if (isWanted) reveal(node);
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

/** @param {Drawn[]} cells */
function topOf(cells) {
  return cells.at(-1)?.element.getBoundingClientRect().top ?? NaN;
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

/** Empty blocks, as high as what they will hold. @param {import('#viewer/reading/reading').Reading} reading @param {number} from the first one */
function drawBlocks(reading, from) {
  const { trace, layout } = reading;
  const forks = new Set(reading.forks);
  const decided = new Set(reading.decisions.flatMap(({ nodes }) => nodes));
  const marks = marksOf(reading);
  const notes = notesOf(reading);
  const drawLine = (/** @type {HTMLElement} */ block, /** @type {number} */ index) => {
    const cells = layout.lines[index] ?? [];
    const drawn = cells.map((cell) => drawCell(trace, cell, (forks.has(cell.node) ? ' fork' : '') + (decided.has(cell.node) ? ' decided' : '')));
    const origins = cells.map(({ node }) => trace.nodes.origin[node]);
    const isChanged = reading.file?.isChanged(index + 1) ?? false;
    const side = isChanged ? ' changed' : origins[0] === ORIGIN.prompt ? ' of-prompt' : origins.includes(ORIGIN.branch) ? ' of-branch' : '';
    block.append(h('div', { class: `line${side}`, data: { line: index + 1 } }, marks.get(index), ...margin(reading.file?.lineAt(index + 1), isChanged), ...drawn.map(({ element }) => element)), ...(notes.get(index) ?? []));
    return drawn;
  };
  return Array.from({ length: Math.ceil(layout.lines.length / LINES_PER_BLOCK) - from }, (_, i) => {
    const element = h('div', { class: 'block', data: { block: from + i } });
    const first = (from + i) * LINES_PER_BLOCK;
    const lines = Array.from({ length: Math.min(LINES_PER_BLOCK, layout.lines.length - first) }, (_, line) => first + line);
    const height = `${lines.length * 1.615}em`;
    element.style.containIntrinsicHeight = `auto ${height}`;
    element.style.minHeight = height;
    return /** @type {Block} */ ({ element, cells: new Map(), draw: () => lines.flatMap((line) => drawLine(element, line)), visible: from + i === 0, stale: true });
  });
}

/** The numbers of the decisions beside their lines. They are text for no one: the cards say the same. @param {import('#viewer/reading/reading').Reading} reading */
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

/** What stands beside a line of scored code: its surprise, and a mark where it changed. @param {import('#viewer/reading/scored_files').Line | undefined} line @param {boolean} isChanged */
function margin(line, isChanged) {
  return [
    isChanged && h('span', { class: 'plus', role: 'img', aria: { label: 'changed line' } }),
    line && line.bits >= 0.05 && h('span', { class: 'line-bits', data: { n: line.node, bits: line.bits < 10 ? line.bits.toFixed(1) : count(Math.round(line.bits)) } }),
  ];
}

/** Where the path departs and why it ends, as rows after a line. @param {import('#viewer/reading/reading').Reading} reading */
function notesOf({ trace, tree, layout, branch }) {
  /** @type {Map<number, HTMLElement[]>} */
  const notes = new Map();
  const add = (/** @type {number} */ node, /** @type {import('#viewer/elements/dom').Child[]} */ ...words) => {
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

/** @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/layout').Cell} cell @param {string} marks more classes @returns {Drawn} */
function drawCell(trace, cell, marks) {
  const origin = ORIGIN_CLASSES[trace.nodes.origin[cell.node] ?? 1] ?? 'output';
  const base = `t ${origin}${cell.kind === 'text' ? '' : ` ${cell.kind}`}${marks}`;
  const element = document.createElement('span'); // and no class: it gets that with its colour
  element.setAttribute('data-n', String(cell.node));
  element.append(...drawPieces(cell.pieces));
  const lead = /^ */.exec(cell.pieces[0]?.text ?? '')?.[0].length ?? 0;
  if (lead) element.setAttribute('data-lead', '\u00b7'.repeat(lead));
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

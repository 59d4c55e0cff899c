/**
 * The code, coloured: draws the selection, what matches, and where a branch departs and ends; tells what was pointed at or clicked.
 * Another path replaces only the blocks from the fork on, and the fork stays where it is on the screen.
 */

import { mountBlocks } from '#viewer/elements/code_blocks';
import { mountFolds } from '#viewer/elements/code_folds';
import { LINES_PER_BLOCK } from '#viewer/elements/code_lines';
import { listenToSelection } from '#viewer/elements/code_selection';
import { current, h, tell } from '#viewer/elements/dom';
import { sharedPlaces } from '#viewer/reading/layout';
import { MISSING } from '#viewer/reading/metrics';
import { foldsOf } from '#viewer/reading/scored_files';

const STEP = 84; // pixels, four lines: what is further away is a jump
const PAGE = 42; // pixels that a page keeps in sight
const LABEL = 'Code. Arrow keys walk its tokens, n and p its uncertain ones.';

/** @typedef {import('#viewer/elements/code_lines').Drawn} Drawn */
/** @typedef {import('#viewer/reading/reading').Reading} Reading */

/** @param {HTMLElement} root */
export function mountCode(root) {
  const code = h('div', { class: 'code', tabIndex: 0, role: 'group', aria: { label: LABEL } });
  root.append(code);
  /** @type {Reading | undefined} */
  let reading;
  const looks = mountLooks(code, root);
  const { blocks, folds } = looks;
  /** The last token that two paths share, and where it was on the screen. */
  let anchor = { node: -1, top: NaN };
  let alone = false;

  listenToPointer(code);
  listenToSelection(code, blocks.fillAll, () => reading, (node) => blocks.cellsOf(node, false).map(({ element }) => element));
  window.addEventListener('beforeprint', blocks.finish);

  const isScroller = () => getComputedStyle(root).overflowY === 'auto';
  return {
    /** Whether the code scrolls by itself, and not with the page. */
    isScroller,

    /** By a screenful, where the code scrolls by itself; else false. @param {1 | -1} direction */
    scrollPage(direction) {
      if (root.scrollHeight <= root.clientHeight || !isScroller()) return false;
      root.scrollBy({ top: direction * (root.clientHeight - PAGE) });
      return true;
    },

    /** @param {Reading} next the path to show */
    show(next) {
      if (reading === next) return;
      const shared = reading ? sharedPlaces(reading.layout.order, next.layout.order) : 0;
      const node = next.layout.order[shared - 1] ?? -1;
      anchor = { node, top: topOf(blocks.cellsOf(node, false)) };
      reading = next;
      code.classList.toggle('on-branch', next.branch >= 0);
      code.classList.toggle('scored', next.file !== null);
      code.classList.toggle('decided-lines', next.trace.decisions.node.length > 0);
      blocks.replace(next, shared ? Math.floor((next.layout.lineOf[shared - 1] ?? 0) / LINES_PER_BLOCK) : 0);
      const above = anchor.top > 0 ? Math.min(anchor.top, window.innerHeight) : 0;
      blocks.fillAround(Math.max(0, blocks.lineOf(node)), 0, window.innerHeight - above);
      if (shared > 0) return;
      looks.forget();
      root.scrollTop = 0;
      alone = false;
    },

    /** The changed lines of scored code alone, the others folded away; or all lines. @param {boolean} next */
    isolate(next) {
      if (next === alone || !reading?.file) return;
      alone = next;
      code.classList.toggle('alone', next);
      folds.fold(next ? foldsOf(reading.layout.lines.length, reading.file.isChanged) : []);
    },

    decide: looks.decide,
    colour: looks.colour,
    find: looks.find,
    mark: looks.mark,
    reveal: looks.reveal,

    /** @param {number} node @param {boolean} isWanted whether to bring it into sight */
    select(node, isWanted) {
      const first = looks.select(node)[0]?.element;
      folds.unfoldAt(blocks.lineOf(node));
      stay(code, root, anchor.top, () => topOf(blocks.cellsOf(anchor.node)));
      anchor = { node: -1, top: NaN };
      if (first) first.id = 'selected-token';
      if (first) code.setAttribute('aria-activedescendant', 'selected-token');
      else code.removeAttribute('aria-activedescendant');
      if (isWanted) looks.reveal(node);
    },
  };
}

/** How tokens look: their colours, the selected one, those of a span, those that match. @param {HTMLElement} code @param {HTMLElement} root what scrolls */
function mountLooks(code, root) {
  /** @type {Uint8Array} */
  let buckets = new Uint8Array();
  let selected = -1;
  /** Tokens of a span that was chosen elsewhere. @type {ReadonlySet<number>} */
  let marked = new Set();
  /** Tokens that match a query. @type {ReadonlySet<number>} */
  let found = new Set();
  let decided = '0';
  const classesOf = (/** @type {number} */ node) => (
    bucketClass(buckets[node] ?? MISSING) + (node === selected ? ' selected' : '') + (marked.has(node) ? ' marked' : '') + (found.has(node) ? ' found' : '')
  );
  const tellDecision = (/** @type {HTMLElement} */ element) => {
    for (const badge of element.getElementsByClassName('badge')) current(badge, /** @type {HTMLElement} */ (badge).dataset['d'] === decided);
  };
  const blocks = mountBlocks(code, classesOf, tellDecision);
  const folds = mountFolds(code, blocks.lineAt);
  const reveal = (/** @type {number} */ node) => {
    const cell = blocks.cellsOf(node)[0];
    if (!cell) return;
    if (isFar(cell.element, root)) blocks.fillAround(blocks.lineOf(node), window.innerHeight / 2, window.innerHeight / 2);
    cell.element.scrollIntoView({ block: isFar(cell.element, root) ? 'center' : 'nearest', inline: 'nearest' });
  };
  return {
    blocks,
    folds,

    /** @param {number} node to bring into sight */
    reveal,

    /** The number of the open decision stands out. @param {number} decision 0 for none */
    decide(decision) {
      if (decided === String(decision)) return;
      decided = String(decision);
      tellDecision(code);
    },

    /** @param {Uint8Array} next one bucket per node @param {boolean} attends whether they are those of attention */
    colour(next, attends) {
      if (next === buckets) return;
      code.classList.toggle('attends', attends);
      buckets = next;
      blocks.repaint();
    },

    /** Outline the matches of a query. @param {ReadonlySet<number>} next */
    find(next) {
      if (next === found || next.size + found.size === 0) return;
      found = next;
      blocks.repaint();
    },

    /** Outline the tokens of a span, and bring it into sight. @param {readonly number[]} nodes */
    mark(nodes) {
      const next = new Set(nodes);
      for (const node of new Set([...marked, ...next])) {
        for (const { element } of blocks.cellsOf(node, false)) element.classList.toggle('marked', next.has(node));
      }
      marked = next;
      folds.unfoldAt(blocks.lineOf(nodes[0] ?? -1));
      reveal(nodes[0] ?? -1);
    },

    /** The cells of the token that is selected now. @param {number} node */
    select(node) {
      for (const { element } of blocks.cellsOf(selected, false)) {
        element.classList.remove('selected');
        element.removeAttribute('id');
      }
      selected = node;
      const cells = blocks.cellsOf(node);
      for (const { element } of cells) element.classList.add('selected');
      return cells;
    },

    /** Another text is shown. */
    forget() {
      marked = new Set();
      folds.forget();
    },
  };
}

/** @param {HTMLElement} code */
function listenToPointer(code) {
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
}

/**
 * What was at a height of the screen stays there, also where the path that is shown now is too short to scroll that far.
 * @param {HTMLElement} code @param {HTMLElement} root @param {number} top NaN for nothing @param {() => number} now
 */
function stay(code, root, top, now) {
  code.style.paddingBottom = '';
  if (!(top >= 0 && top < window.innerHeight)) return;
  const scroller = getComputedStyle(root).overflowY === 'auto' ? root : document.documentElement;
  const shift = () => now() - top;
  scroller.scrollTop += shift();
  if (Math.abs(shift()) < 1 || shift() < 0) return;
  code.style.paddingBottom = `${shift() + 12}px`;
  scroller.scrollTop += shift();
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

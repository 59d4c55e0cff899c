/**
 * The code in blocks of lines that the browser need not lay out while they are out of sight. A block is empty until it is in sight, is
 * asked for, or the browser has time; likewise its colours are old until then.
 */

import { failure } from '#viewer/elements/alone';
import { emptyBlocks, LINES_PER_BLOCK } from '#viewer/elements/code_lines';
import { append } from '#viewer/elements/dom';

const LINE = 21; // pixels
const MOST_IDLE = 1000; // blocks that are filled though nobody asked: more would take memory that nobody looks at
const SLICE = 8; // milliseconds of work while the browser has time
const whenIdle = window.requestIdleCallback ?? ((/** @type {() => void} */ work) => setTimeout(work, 50));

/** @typedef {import('#viewer/elements/code_lines').Block} Block */
/** @typedef {import('#viewer/elements/code_lines').Drawn} Drawn */
/** @typedef {import('#viewer/reading/reading').Reading} Reading */

/**
 * @param {HTMLElement} code
 * @param {(node: number) => string} classesOf a token: its colour, and whether it stands out
 * @param {(element: HTMLElement) => void} onFill what a new block needs else
 */
export function mountBlocks(code, classesOf, onFill) {
  /** @type {Block[]} */
  let blocks = [];
  /** @type {import('#viewer/reading/layout').Layout | undefined} */
  let layout;
  const blockAt = (/** @type {number} */ line) => blocks[Math.floor(line / LINES_PER_BLOCK)];
  const lineOf = (/** @type {number} */ node) => layout?.lineOf[layout.placeOf[node] ?? -1] ?? -1;
  const paint = (/** @type {Block} */ block) => paintBlock(block, classesOf);
  const fill = (/** @type {Block | undefined} */ block) => {
    if (!block?.draw) return;
    fillBlock(block, drawn(block));
    onFill(block.element);
    paint(block);
  };
  /** The part of a long line that a token stands in. @param {Block | undefined} block @param {number} node */
  const showPart = (block, node) => {
    const placeOf = (/** @type {number} */ one) => layout?.placeOf[one] ?? -1;
    const place = placeOf(node);
    block?.parts.find(({ first, last }) => place >= placeOf(first) && place <= placeOf(last))?.show();
  };
  const later = whileIdle(() => {
    const block = blocks.find(({ stale }, i) => stale && i < MOST_IDLE);
    if (!block) return 'done';
    if (!block.draw) {
      paint(block);
      return 'enough'; // the style of many at once would take a frame
    }
    fill(block);
    return 'more';
  });
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const block = /** @type {Block} */ (blocks[Number(/** @type {HTMLElement} */ (target).dataset['block'])]);
      block.visible = isIntersecting;
      if (!isIntersecting) continue;
      fill(block);
      if (block.stale) paint(block);
    }
  });
  return {
    lineOf,

    /** The blocks from `kept` on become those of another path. @param {Reading} reading @param {number} kept */
    replace(reading, kept) {
      layout = reading.layout;
      for (const { element } of blocks.splice(kept)) {
        watcher.unobserve(element);
        element.remove();
      }
      const added = emptyBlocks(reading, kept, (block, drawn) => {
        addCells(block, drawn);
        paintCells(drawn, classesOf);
        return drawn;
      });
      append(code, added.map(({ element }) => element));
      blocks = [...blocks, ...added];
      for (const { element } of added) watcher.observe(element);
      later();
    },

    fillAll: () => blocks.forEach(fill),

    /** What comes into sight with a line. @param {number} line @param {number} above pixels @param {number} below */
    fillAround(line, above, below) {
      const first = Math.max(0, line - Math.ceil(above / LINE));
      for (let at = first - (first % LINES_PER_BLOCK); at <= line + below / LINE; at += LINES_PER_BLOCK) fill(blockAt(at));
    },

    /** All cells of a token, or those that are drawn, in the order of the text. @param {number} node */
    cellsOf(node, isWanted = true) {
      /** @type {Drawn[]} */
      const found = [];
      let line = lineOf(node);
      if (line < 0) return found;
      do {
        if (isWanted) fill(blockAt(line));
        if (isWanted) showPart(blockAt(line), node);
        for (const cell of blockAt(line)?.cells.get(node) ?? []) found.push(cell);
        line += LINES_PER_BLOCK - (line % LINES_PER_BLOCK);
      } while (layout?.lines[line]?.[0]?.node === node);
      return found;
    },

    /** The element of a line. @param {number} line */
    lineAt(line) {
      fill(blockAt(line));
      return /** @type {HTMLElement | undefined} */ (blockAt(line)?.element.querySelector(`[data-line="${line + 1}"]`));
    },

    /** New colours: at once what is in sight. */
    repaint() {
      for (const block of blocks) {
        block.stale = true;
        if (block.visible) paint(block);
      }
      later();
    },

    /** All of it, as for printing. */
    finish() {
      blocks.forEach(fill);
      blocks.filter(({ stale }) => stale).forEach(paint);
    },
  };
}

/** What a block holds; where it cannot be drawn, a sentence, and the page says it, too. @param {Block} block */
function drawn(block) {
  try {
    return block.draw?.() ?? [];
  } catch (error) {
    block.element.replaceChildren(failure('These lines could not be drawn', error));
    reportError(error);
    return [];
  }
}

/** @param {Block} block @param {Drawn[]} drawn */
function fillBlock(block, drawn) {
  addCells(block, drawn);
  block.draw = null;
  block.element.style.minHeight = '';
}

/** @param {Block} block @param {Drawn[]} drawn */
function addCells({ cells }, drawn) {
  for (const cell of drawn) {
    const list = cells.get(cell.node);
    if (list) list.push(cell);
    else cells.set(cell.node, [cell]);
  }
}

/** @param {Block} block @param {(node: number) => string} classesOf */
function paintBlock(block, classesOf) {
  for (const list of block.cells.values()) paintCells(list, classesOf);
  block.stale = false;
}

/** @param {readonly Drawn[]} drawn @param {(node: number) => string} classesOf */
function paintCells(drawn, classesOf) {
  for (const { element, node, base } of drawn) {
    const name = base + classesOf(node);
    if (element.className !== name) element.className = name;
  }
}

/** One piece of work after the other while the browser has time. @param {() => 'more' | 'enough' | 'done'} work enough: for now */
function whileIdle(work) {
  let waiting = false;
  /** @param {IdleDeadline} [deadline] */
  const run = (deadline) => {
    waiting = false;
    const end = performance.now() + Math.min(SLICE, deadline?.timeRemaining() ?? 0);
    let came = work();
    while (came === 'more' && performance.now() < end) came = work();
    if (came !== 'done') later();
  };
  const later = () => {
    if (!waiting) whenIdle(run);
    waiting = true;
  };
  return later;
}

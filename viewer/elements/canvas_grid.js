/**
 * Cells on a canvas that scrolls, of which only what is in sight is drawn; for the pointer, for keys, and for screen readers, to
 * which the cell under the cursor exists as an element. Column -1 is the head of a row.
 */

import { colourOf, fontOf, onceAFrame, sized } from '#viewer/elements/canvas';
import { h, tell } from '#viewer/elements/dom';

/** @typedef {{ row: number, column: number }} Cell */
/**
 * Pixels of a cell and of the margins, which do not scroll.
 * @typedef {{ rows: number, columns: number, wide: number, tall: number, left: number, top: number }} Shape
 */

/**
 * @typedef {object} Pen
 * @property {CanvasRenderingContext2D} context
 * @property {(name: string) => string} colour of the style sheet
 * @property {(column: number) => number} xOf
 * @property {(row: number) => number} yOf
 * @property {Cell} from the first cell in sight
 * @property {Cell} to the last
 * @property {string} sans
 * @property {string} mono
 */

/**
 * @typedef {object} Content
 * @property {(width: number) => Shape} shape
 * @property {(pen: Pen) => void} draw the cells, clipped to their room
 * @property {(pen: Pen) => void} frame the margins
 * @property {(cell: Cell) => string} words of a cell, for screen readers
 * @property {(cell: Cell) => import('#viewer/elements/dom').Child[]} tip
 * @property {(cell: Cell) => void} choose
 * @property {Record<string, () => void>} [keys] further ones
 */

/** @param {string} name @param {string} label @param {Content} content */
export function mountGrid(name, label, content) {
  const { shape, words, tip, choose, keys = {} } = content;
  const { canvas, item, line, paper, probe, view } = build(name, label);
  /** @type {Shape} */
  let now = { rows: 0, columns: 0, wide: 1, tall: 1, left: 0, top: 0 };
  /** @type {Cell} */
  let cursor = { row: 0, column: -1 };
  /** @type {Cell | null} */
  let hovered = null;
  const places = () => placesOf(now, view);
  const redraw = onceAFrame(() => {
    const context = now.rows && view.clientWidth ? sized(canvas, view.clientWidth, view.clientHeight) : null;
    if (context) paint(context, view, probe, now, content, [[hovered, 'quiet'], [document.activeElement === view ? cursor : null, 'ink']]);
  });
  const describe = () => {
    line.setAttribute('aria-rowindex', String(cursor.row + 1));
    item.setAttribute('aria-colindex', String(cursor.column + 2));
    item.textContent = now.rows ? words(cursor) : '';
  };
  /** The content or the size changed: what is in the middle stays there. */
  const update = () => {
    if (!view.clientWidth) return;
    const [x, y] = [(view.scrollLeft + view.clientWidth / 2) / now.wide, (view.scrollTop + view.clientHeight / 2) / now.tall];
    now = shape(view.clientWidth);
    paper.style.width = `${now.left + now.columns * now.wide}px`;
    paper.style.height = `${now.top + now.rows * now.tall + 2}px`;
    view.scrollTo(x * now.wide - view.clientWidth / 2, y * now.tall - view.clientHeight / 2);
    cursor = within(now, { row: cursor.row, column: Math.max(-1, cursor.column) });
    view.setAttribute('aria-rowcount', String(now.rows));
    view.setAttribute('aria-colcount', String(now.columns + 1));
    describe();
    redraw();
  };
  /** @param {Cell | null} cell */
  const point = (cell) => {
    hovered = cell;
    tell(view, 'tip', cell && { children: tip(cell), at: places().onScreen(cell) });
    redraw();
  };
  const go = (/** @type {Cell} */ cell) => {
    cursor = within(now, cell);
    bringIntoSight(view, now, cursor);
    describe();
    requestAnimationFrame(() => point(cursor)); // scrolling hides the tooltip, after this
  };
  listenToPointer(view, () => ({ hovered, hit: places().hit }), point, (cell) => {
    cursor = cell;
    choose(cell);
    describe();
  });
  listenToKeys(view, () => stepsFrom(cursor, now, view), go, () => choose(cursor), keys, describe);
  view.addEventListener('scroll', redraw, { passive: true });
  view.addEventListener('focus', redraw);
  view.addEventListener('blur', () => point(null));
  new ResizeObserver(update).observe(view);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  return {
    element: view,
    update,
    redraw,
    /** Other numbers in cells of the same size. */
    refresh() {
      describe();
      redraw();
    },
  };
}

/** @param {string} name @param {string} label */
function build(name, label) {
  const canvas = h('canvas', { aria: { hidden: 'true' } });
  const item = h('div', { role: 'gridcell', id: `${name}-cell`, class: 'visually-hidden' });
  const line = h('div', { role: 'row' }, item);
  const paper = h('div', { class: 'cells-paper' }, canvas);
  const probe = h('span', { hidden: true, class: 'token-text' });
  const aria = { label, activedescendant: item.id };
  const view = h('div', { class: `cells ${name}`, tabIndex: 0, role: 'grid', aria }, line, paper, probe);
  return { canvas, item, line, paper, probe, view };
}

/** Where cells are in the view, and which is where. @param {Shape} shape @param {HTMLElement} view */
function placesOf({ rows, columns, wide, tall, left, top }, view) {
  const xOf = (/** @type {number} */ column) => left + column * wide - view.scrollLeft;
  const yOf = (/** @type {number} */ row) => top + row * tall - view.scrollTop;
  /** x, y, width, height. @param {Cell} cell @returns {[number, number, number, number]} */
  const boxOf = ({ row, column }) => (column < 0 ? [0, yOf(row), left, tall] : [xOf(column), yOf(row), wide, tall]);
  return {
    xOf,
    yOf,
    boxOf,
    /** @param {Cell} cell */
    onScreen(cell) {
      const box = view.getBoundingClientRect();
      const [x, y, width, height] = boxOf(cell);
      return new DOMRect(box.left + Math.min(x, view.clientWidth), box.top + y, width, height);
    },
    /** @param {MouseEvent} event @returns {Cell | null} */
    hit(event) {
      const box = view.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left - left, event.clientY - box.top - top];
      const cell = { row: Math.floor((y + view.scrollTop) / tall), column: x < 0 ? -1 : Math.floor((x + view.scrollLeft) / wide) };
      return y >= 0 && cell.row < rows && cell.column < columns ? cell : null;
    },
  };
}

/** The nearest cell that there is. @param {Shape} shape @param {Cell} cell @returns {Cell} */
function within({ rows, columns }, { row, column }) {
  return { row: Math.max(0, Math.min(row, rows - 1)), column: Math.max(-1, Math.min(column, columns - 1)) };
}

/** @param {HTMLElement} view @param {Shape} shape @param {Cell} cell */
function bringIntoSight(view, shape, cell) {
  const [x, y] = placesOf(shape, view).boxOf(cell);
  if (cell.column >= 0 && (x < shape.left || x + shape.wide > view.clientWidth)) view.scrollLeft += x - (view.clientWidth + shape.left) / 2;
  if (y < shape.top || y + shape.tall > view.clientHeight) view.scrollTop += y - view.clientHeight / 2;
}

/**
 * @param {CanvasRenderingContext2D} context @param {HTMLElement} view @param {HTMLElement} probe @param {Shape} shape @param {Content} content
 * @param {[cell: Cell | null, colour: string][]} outlined
 */
function paint(context, view, probe, shape, { draw, frame }, outlined) {
  const { clientWidth: width, clientHeight: height, scrollLeft, scrollTop } = view;
  const { xOf, yOf, boxOf } = placesOf(shape, view);
  const colour = (/** @type {string} */ name) => colourOf(probe, name);
  const last = { row: Math.floor((scrollTop + height) / shape.tall), column: Math.floor((scrollLeft + width) / shape.wide) };
  /** @type {Pen} */
  const pen = {
    context, colour, xOf, yOf, sans: fontOf(view), mono: fontOf(probe),
    from: { row: Math.floor(scrollTop / shape.tall), column: Math.floor(scrollLeft / shape.wide) },
    to: { row: Math.min(shape.rows - 1, last.row), column: Math.min(shape.columns - 1, last.column) },
  };
  const clipped = (/** @type {number} */ x, /** @type {() => void} */ work) => {
    context.save();
    context.beginPath();
    context.rect(x, shape.top, width, height);
    context.clip();
    work();
    context.restore();
  };
  context.fillStyle = colour('raised');
  context.fillRect(0, 0, width, height);
  clipped(shape.left, () => draw(pen));
  frame(pen);
  for (const [cell, name] of outlined) {
    if (cell) clipped(cell.column < 0 ? 0 : shape.left, () => outline(context, boxOf(cell), colour(name)));
  }
}

/** @param {CanvasRenderingContext2D} context @param {[number, number, number, number]} box @param {string} colour */
function outline(context, [x, y, wide, tall], colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.strokeRect(x + 0.5, y + 0.5, wide - 1, tall - 1);
}

/**
 * @param {HTMLElement} view @param {() => { hovered: Cell | null, hit: (event: MouseEvent) => Cell | null }} now
 * @param {(cell: Cell | null) => void} point @param {(cell: Cell) => void} choose
 */
function listenToPointer(view, now, point, choose) {
  view.addEventListener('pointermove', (event) => {
    const { hovered, hit } = now();
    const cell = hit(event);
    if (event.pointerType !== 'touch' && (cell?.row !== hovered?.row || cell?.column !== hovered?.column)) point(cell);
  });
  view.addEventListener('pointerleave', () => point(null));
  view.addEventListener('click', (event) => {
    const cell = now().hit(event);
    if (cell) choose(cell);
  });
}

/** Where the keys lead. @param {Cell} cursor @param {Shape} shape @param {HTMLElement} view @returns {Record<string, Cell>} */
function stepsFrom({ row, column }, { top, tall, columns }, view) {
  const page = Math.max(1, Math.floor((view.clientHeight - top) / tall) - 1);
  return {
    ArrowDown: { row: row + 1, column }, ArrowUp: { row: row - 1, column },
    ArrowLeft: { row, column: column - 1 }, ArrowRight: { row, column: column + 1 },
    Home: { row, column: -1 }, End: { row, column: columns - 1 },
    PageDown: { row: row + page, column }, PageUp: { row: row - page, column },
  };
}

/**
 * @param {HTMLElement} view @param {() => Record<string, Cell>} steps @param {(cell: Cell) => void} go @param {() => void} choose
 * @param {Record<string, () => void>} keys further ones @param {() => void} describe what is there after these
 */
function listenToKeys(view, steps, go, choose, keys, describe) {
  view.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = steps()[event.key];
    const other = event.key === 'Enter' || event.key === ' ' ? choose : keys[event.key];
    if (!step && !other) return;
    event.preventDefault();
    event.stopPropagation();
    other?.();
    if (step) go(step);
    else describe();
  });
}

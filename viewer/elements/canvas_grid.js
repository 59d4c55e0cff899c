/**
 * Cells on a canvas that scrolls, of which only what is in sight is drawn; for the pointer, for keys, and for screen readers, to
 * which the cell under the cursor exists as an element. Column -1 is the head of a row.
 */

import { h, tell } from '#viewer/elements/dom';

/** @typedef {{ row: number, column: number }} Cell */
/** @typedef {{ rows: number, columns: number, wide: number, tall: number, left: number, top: number }} Shape pixels of a cell and of the margins, which do not scroll */

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
export function mountGrid(name, label, { shape, draw, frame, words, tip, choose, keys = {} }) {
  const canvas = h('canvas', { aria: { hidden: 'true' } });
  const item = h('div', { role: 'gridcell', id: `${name}-cell`, class: 'visually-hidden' });
  const line = h('div', { role: 'row' }, item);
  const paper = h('div', { class: 'cells-paper' }, canvas);
  const probe = h('span', { hidden: true, class: 'token-text' });
  const view = h('div', { class: `cells ${name}`, tabIndex: 0, role: 'grid', aria: { label, activedescendant: item.id } }, line, paper, probe);
  /** @type {Shape} */
  let now = { rows: 0, columns: 0, wide: 1, tall: 1, left: 0, top: 0 };
  /** @type {Cell} */
  let cursor = { row: 0, column: -1 };
  /** @type {Cell | null} */
  let hovered = null;
  let waiting = false;

  const redraw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (now.rows && view.clientWidth) paint();
    });
  };
  const clamp = (/** @type {number} */ value, /** @type {number} */ most) => Math.max(0, Math.min(value, most));
  /** The content or the size changed: what is in the middle stays there. */
  const update = () => {
    if (!view.clientWidth) return;
    const [x, y] = [(view.scrollLeft + view.clientWidth / 2) / now.wide, (view.scrollTop + view.clientHeight / 2) / now.tall];
    now = shape(view.clientWidth);
    paper.style.width = `${now.left + now.columns * now.wide}px`;
    paper.style.height = `${now.top + now.rows * now.tall + 2}px`;
    view.scrollTo(x * now.wide - view.clientWidth / 2, y * now.tall - view.clientHeight / 2);
    cursor = { row: clamp(cursor.row, now.rows - 1), column: Math.min(cursor.column, now.columns - 1) };
    view.setAttribute('aria-rowcount', String(now.rows));
    view.setAttribute('aria-colcount', String(now.columns + 1));
    describe();
    redraw();
  };
  const describe = () => {
    line.setAttribute('aria-rowindex', String(cursor.row + 1));
    item.setAttribute('aria-colindex', String(cursor.column + 2));
    item.textContent = now.rows ? words(cursor) : '';
  };
  const xOf = (/** @type {number} */ column) => now.left + column * now.wide - view.scrollLeft;
  const yOf = (/** @type {number} */ row) => now.top + row * now.tall - view.scrollTop;
  /** Where a cell is in the view: x, y, width, height. @param {Cell} cell @returns {[number, number, number, number]} */
  const boxOf = ({ row, column }) => (column < 0 ? [0, yOf(row), now.left, now.tall] : [xOf(column), yOf(row), now.wide, now.tall]);
  /** @param {Cell | null} cell */
  const point = (cell) => {
    hovered = cell;
    const { left, top } = view.getBoundingClientRect();
    const [x, y, width, height] = cell ? boxOf(cell) : [0, 0, 0, 0];
    tell(view, 'tip', cell && { children: tip(cell), at: new DOMRect(left + Math.min(x, view.clientWidth), top + y, width, height) });
    redraw();
  };
  const paint = () => {
    const context = canvas.getContext('2d');
    const [width, height] = [view.clientWidth, view.clientHeight];
    if (!context) return;
    const density = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    context.scale(density, density);
    const colour = (/** @type {string} */ name) => {
      probe.style.color = `var(--${name})`;
      return getComputedStyle(probe).color;
    };
    const [sans, mono] = [view, probe].map((element) => `11px ${getComputedStyle(element).fontFamily}`);
    /** @type {Pen} */
    const pen = {
      context, colour, xOf, yOf, sans: String(sans), mono: String(mono),
      from: { row: Math.floor(view.scrollTop / now.tall), column: Math.floor(view.scrollLeft / now.wide) },
      to: { row: Math.min(now.rows - 1, Math.floor((view.scrollTop + height) / now.tall)), column: Math.min(now.columns - 1, Math.floor((view.scrollLeft + width) / now.wide)) },
    };
    context.fillStyle = colour('raised');
    context.fillRect(0, 0, width, height);
    const within = (/** @type {number} */ x, /** @type {() => void} */ work) => {
      context.save();
      context.beginPath();
      context.rect(x, now.top, width, height);
      context.clip();
      work();
      context.restore();
    };
    within(now.left, () => draw(pen));
    frame(pen);
    for (const [cell, name] of /** @type {[Cell | null, string][]} */ ([[hovered, 'quiet'], [document.activeElement === view ? cursor : null, 'ink']])) {
      if (!cell) continue;
      within(cell.column < 0 ? 0 : now.left, () => {
        const [x, y, wide, tall] = boxOf(cell);
        context.strokeStyle = colour(name);
        context.lineWidth = 1.5;
        context.strokeRect(x + 0.5, y + 0.5, wide - 1, tall - 1);
      });
    }
  };
  /** @param {MouseEvent} event */
  const hit = (event) => {
    const box = view.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - now.left, event.clientY - box.top - now.top];
    const cell = { row: Math.floor((y + view.scrollTop) / now.tall), column: x < 0 ? -1 : Math.floor((x + view.scrollLeft) / now.wide) };
    return y >= 0 && cell.row < now.rows && cell.column < now.columns ? cell : null;
  };
  view.addEventListener('pointermove', (event) => {
    const cell = hit(event);
    if (event.pointerType !== 'touch' && (cell?.row !== hovered?.row || cell?.column !== hovered?.column)) point(cell);
  });
  view.addEventListener('pointerleave', () => point(null));
  view.addEventListener('click', (event) => {
    const cell = hit(event);
    if (!cell) return;
    cursor = cell;
    choose(cell);
    describe();
  });
  view.addEventListener('scroll', redraw, { passive: true });
  view.addEventListener('focus', redraw);
  view.addEventListener('blur', () => point(null));
  view.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { row, column } = cursor;
    const page = Math.max(1, Math.floor((view.clientHeight - now.top) / now.tall) - 1);
    /** @type {Record<string, [number, number]>} */
    const steps = {
      ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, -1], End: [row, now.columns - 1], PageDown: [row + page, column], PageUp: [row - page, column],
    };
    const step = steps[event.key];
    const other = event.key === 'Enter' || event.key === ' ' ? () => choose(cursor) : keys[event.key];
    if (!step && !other) return;
    event.preventDefault();
    event.stopPropagation();
    other?.();
    if (!step) return describe();
    cursor = { row: clamp(step[0], now.rows - 1), column: Math.max(-1, Math.min(step[1], now.columns - 1)) };
    const [x, y] = boxOf(cursor);
    if (cursor.column >= 0 && (x < now.left || x + now.wide > view.clientWidth)) view.scrollLeft += x - (view.clientWidth + now.left) / 2;
    if (y < now.top || y + now.tall > view.clientHeight) view.scrollTop += y - view.clientHeight / 2;
    describe();
    requestAnimationFrame(() => point(cursor)); // scrolling hides the tooltip, after this
  });
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

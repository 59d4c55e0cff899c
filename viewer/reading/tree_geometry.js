/** Where the bars of the tree are in pixels, from the size of a view, how far it is scrolled, and its zoom. Pure. */

import { MAIN } from '#viewer/reading/branches';
import { firstIndex } from '#viewer/reading/tree_layout';

export const AXIS = 20; // pixels above the first row
export const HANDLE = 5; // radius of the sign that folds
const TALLEST = 24; // pixels of a row
const LOWEST = 5;
const WIDEST = 14; // pixels of a token, before zooming in
const FOOT = 8;
const LEFT = 24;
const LABELLED = 18; // rows this tall have room for the text of a branch
const NEAR = 4; // pixels beside a bar that still count as on it
const APART = 64; // pixels between two numbers of the axis
const DEEPEST_ZOOM = 400;

/** @typedef {import('#viewer/reading/tree_layout').Bar} Bar */
/** @typedef {import('#viewer/reading/tree_layout').TreeLayout} TreeLayout */
/**
 * The view in pixels, how far it is scrolled, and how high the tree may be.
 * @typedef {{ width: number, height: number, left: number, top: number, room: number }} Sight
 */
/** @typedef {ReturnType<typeof frameOf>} Frame */
/** @typedef {{ bar: Bar, at: number, isHandle: boolean }} Hit a position of a bar, or the sign that folds it */

/** @param {TreeLayout} layout @param {Sight} sight @param {number} zoom */
export function frameOf(layout, { width, height, left, top, room }, zoom) {
  const step = zoom * Math.min(WIDEST, (width - 2 * LEFT) / layout.width);
  const row = Math.max(LOWEST, Math.min(TALLEST, Math.floor(zoom * ((room - AXIS - FOOT) / layout.rows.length))));
  return {
    width,
    height,
    step,
    row,
    isTall: row >= LABELLED,
    /** Of all that can be scrolled to. */
    paper: { width: Math.max(width, layout.width * step + 2 * LEFT), height: layout.rows.length * row + AXIS + FOOT },
    /** Positions and rows in sight. */
    from: Math.floor((left - LEFT) / step),
    to: Math.ceil((left + width - LEFT) / step),
    firstRow: Math.max(0, Math.floor(top / row) - 1),
    endRow: Math.min(layout.rows.length, Math.ceil((top + height) / row) + 1),
    xOf: (/** @type {number} */ at) => LEFT + at * step - left,
    /** The middle of the bars of a row. */
    yOf: (/** @type {number} */ line) => AXIS + (line + 1) * row - Math.min(5, row / 2) - top,
    topOf: (/** @type {number} */ line) => AXIS + line * row - top,
    positionAt: (/** @type {number} */ x) => (x + left - LEFT) / step,
    rowAt: (/** @type {number} */ y) => (y + top - AXIS) / row,
  };
}

/** What is at a point of the view. @param {TreeLayout} layout @param {Frame} frame @param {number} x @param {number} y @returns {Hit | null} */
export function hitAt(layout, { step, isTall, xOf, positionAt, rowAt }, x, y) {
  const at = Math.floor(positionAt(x));
  const line = Math.floor(rowAt(y));
  const find = (/** @type {number} */ beside) => layout.find(line, at + beside);
  const bar = find(0) ?? find(Math.ceil(HANDLE / step)) ?? find(-Math.ceil(NEAR / step));
  if (!bar || y < AXIS) return null;
  const isHandle = isTall && bar.branch >= 0 && bar.kids.length > 0 && Math.abs(x - xOf(bar.first)) <= HANDLE + 1;
  return { bar, at: Math.max(bar.first, Math.min(bar.last, at)), isHandle };
}

/** The next zoom; by 0 it is all of the tree. @param {number} zoom @param {number} factor */
export function zoomed(zoom, factor) {
  return factor ? Math.max(1, Math.min(factor * zoom, DEEPEST_ZOOM)) : 1;
}

/** How far to scroll after zooming, so that the middle stays there. @param {Frame} before @param {Frame} after @param {Sight} sight */
export function scrollAfter(before, after, { width, height, top }) {
  const at = before.positionAt(width / 2);
  const line = (top + height / 2) / before.row;
  return { left: at * after.step + LEFT - width / 2, top: line * after.row - height / 2 };
}

/** How far to scroll to have the beginning of a bar in sight. @param {Bar} bar @param {Frame} frame @param {Sight} sight */
export function scrollToBar({ first, row: line }, { step, row }, { width, height, left, top }) {
  const [x, y] = [LEFT + first * step, AXIS + line * row];
  return {
    left: x < left + LEFT || x > left + width - 80 ? x - width / 3 : left,
    top: y < top + AXIS || y + row > top + height ? y - height / 2 : top,
  };
}

/**
 * The bars of a path, each up to where the next one departs.
 * @param {TreeLayout} layout @param {import('#viewer/reading/branches').Tree} tree @param {number} branch
 */
export function segmentsOf(layout, tree, branch) {
  const byBranch = new Map(layout.bars.map((bar) => [bar.branch, bar]));
  const trail = [MAIN, ...tree.trail(branch)];
  return trail.flatMap((one, i) => {
    const bar = byBranch.get(one);
    const next = trail[i + 1];
    return bar ? [{ bar, end: next === undefined ? bar.last + 1 : layout.positionOf(tree.firstOf(next)) }] : [];
  });
}

/** The numbers of the axis that are in sight. @param {TreeLayout} layout @param {Frame} frame */
export function ticksOf({ width }, { step, from, to }) {
  let apart = 10;
  while (apart * step < APART) apart *= apart.toString().startsWith('2') ? 2.5 : 2;
  const ticks = [];
  for (let number = Math.max(0, Math.floor(from / apart)) * apart; number <= Math.min(to, width); number += apart) ticks.push(number);
  return ticks;
}

/** The forks in sight; where a token is less than a pixel, one line per pixel is enough. @param {TreeLayout} layout @param {Frame} frame */
export function forksIn({ forks }, { step, from, to, firstRow, endRow, xOf }) {
  const found = [];
  let column = NaN;
  for (let i = firstIndex(forks.length, (k) => (forks[k]?.at ?? 0) >= from); i < forks.length; i++) {
    const fork = /** @type {TreeLayout['forks'][0]} */ (forks[i]);
    if (fork.at > to) break;
    const x = Math.round(xOf(fork.at));
    if (fork.to < firstRow || fork.from > endRow || (x === column && step < 1)) continue;
    column = x;
    found.push({ ...fork, x });
  }
  return found;
}

/** The bars in sight, each with where the next one of its row begins. @param {TreeLayout} layout @param {Frame} frame */
export function barsIn({ rows }, { from, to, firstRow, endRow }) {
  const found = [];
  for (let line = firstRow; line < endRow; line++) {
    const bars = rows[line] ?? [];
    for (let i = firstIndex(bars.length, (k) => (bars[k]?.last ?? 0) >= from); i < bars.length; i++) {
      const bar = /** @type {Bar} */ (bars[i]);
      if (bar.first > to) break;
      found.push({ bar, next: bars[i + 1]?.first ?? Infinity });
    }
  }
  return found;
}

/** Pixels of a bar. @param {number} p */
export function thickness(p) {
  return 1 + 4 * Math.sqrt(p || 0);
}

/** Opacity of a bar. @param {number} p */
export function strength(p) {
  return 0.35 + 0.65 * Math.sqrt(p || 0);
}

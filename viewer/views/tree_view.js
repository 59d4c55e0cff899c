/**
 * All branches over the sequence, on a canvas of which only what is in sight is drawn. One tree for the keyboard and for screen
 * readers: its items are the bars, and the one where the cursor is exists as an element.
 */

import { closer, h, signed, tell } from '#viewer/elements/dom';
import { count, percent } from '#viewer/reading/format';
import { remembered } from '#viewer/reading/reading';
import { visibleText } from '#viewer/reading/token_words';
import { firstIndex, layOutTree } from '#viewer/reading/tree_layout';

const TALLEST = 24; // pixels of a row
const LOWEST = 5;
const WIDEST = 14; // pixels of a token, before zooming in
const AXIS = 20;
const FOOT = 8;
const LEFT = 24;
const LABELLED = 18; // rows this tall have room for the text of a branch
const HANDLE = 5; // radius of the sign that folds
const LABEL = 40; // tokens
const BESIDE = 150; // pixels that the text of a short branch may take
const DRAG = 4; // pixels that are no click any more
const LEAST = [0, 0.001, 0.01, 0.05, 0.1, 0.25];

/** @typedef {import('#viewer/reading/tree_layout').Bar} Bar */

/** @param {HTMLElement} root @param {import('#viewer/reading/reading').Recording} recording */
export function mountTree(root, { trace, tree }) {
  /** @type {{ least: number, folded: Set<number> }} */
  const fold = { least: 0, folded: new Set() };
  let layout = layOutTree(trace, tree, fold);
  let zoom = 1;
  let cursor = -1; // branch
  /** @type {{ bar: Bar, at: number } | null} */
  let hovered = null;
  /** @type {Readonly<import('#viewer/state').State>} */
  let state;
  let waiting = false;

  const canvas = h('canvas', { aria: { hidden: 'true' } });
  const item = h('div', { id: 'tree-item', role: 'treeitem', class: 'visually-hidden' });
  const paper = h('div', { class: 'tree-paper' }, canvas);
  const view = h('div', { class: 'tree-view', tabIndex: 0, role: 'tree', aria: { label: 'Branches', activedescendant: 'tree-item' } }, item, paper);
  const probe = h('span', { hidden: true, class: 'token-text' });
  const least = h('select', { name: 'least', id: 'tree-least' }, ...LEAST.map((p) => h('option', { value: String(p) }, p ? `${100 * p} % or more` : 'all')));
  const label = h('label', {}, 'Branches of ', least);
  const zooms = [['\u2212', 'Zoom out (\u2212)', 1 / 1.5], ['fit', 'Fit the whole tree (0)', 0], ['+', 'Zoom in (+)', 1.5]].map(([sign, title, factor]) => signed(String(sign), String(title), () => zoomBy(Number(factor))));
  const shown = h('span', { class: 'tree-count' });
  const key = h('span', { class: 'tree-key' }, ...[0.01, 0.25, 1].map((p) => {
    const sample = h('i', { class: 'tree-sample', aria: { hidden: 'true' } });
    sample.style.height = `${thickness(p)}px`;
    sample.style.opacity = String(strength(p));
    return h('span', {}, sample, `${100 * p} %`);
  }), 'probability of a branch\u2019s first token');
  const close = closer('Close the tree (v)', () => tell(root, 'command', 'tree'));
  root.replaceChildren(h('div', { class: 'tree-head' }, h('h2', {}, 'All branches'), shown, label, h('span', { class: 'tree-zoom' }, ...zooms), key, close), view, probe);

  /** Pixels, from the size of the view. */
  const measures = () => {
    const fit = Math.min(WIDEST, (view.clientWidth - 2 * LEFT) / layout.width);
    const room = Math.max(160, 0.38 * window.innerHeight) - AXIS - FOOT;
    const row = Math.max(LOWEST, Math.min(TALLEST, Math.floor(zoom * (room / layout.rows.length))));
    return { step: fit * zoom, row };
  };
  const resize = () => {
    const { step, row } = measures();
    paper.style.width = `${Math.max(view.clientWidth, layout.width * step + 2 * LEFT)}px`;
    paper.style.height = `${layout.rows.length * row + AXIS + FOOT}px`;
    redraw();
  };
  const redraw = () => {
    if (waiting || root.hidden) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
  /** @param {number} factor 0 for all of it */
  const zoomBy = (factor) => {
    const before = measures();
    const middle = view.clientWidth / 2;
    const at = (view.scrollLeft + middle - LEFT) / before.step;
    const top = (view.scrollTop + view.clientHeight / 2) / before.row;
    zoom = factor ? Math.max(1, Math.min(factor * zoom, 400)) : 1;
    resize();
    const { step, row } = measures();
    view.scrollTo(at * step + LEFT - middle, top * row - view.clientHeight / 2);
  };
  const relayout = () => {
    layout = layOutTree(trace, tree, fold);
    hovered = null;
    if (!layout.bars.some(({ branch }) => branch === cursor)) cursor = -1;
    shown.textContent = `${count(layout.bars.length - 1)} of ${count(tree.count)} shown`;
    resize();
    describe();
  };
  const toggle = (/** @type {Bar} */ bar) => {
    if (!fold.folded.delete(bar.branch)) fold.folded.add(bar.branch);
    relayout();
  };
  const barAtCursor = () => /** @type {Bar} */ (layout.bars.find(({ branch }) => branch === cursor) ?? layout.bars[0]);

  /** The item under the cursor, for screen readers. */
  const describe = () => {
    const bar = barAtCursor();
    item.textContent = bar.branch < 0 ? 'Main path' : `${labelOf(bar)}, ${percent(bar.p)}, at token ${count(bar.first + 1)}, ends: ${tree.endOf(bar.branch)}${tree.outcomeOf(bar.branch) && `, led to: ${tree.outcomeOf(bar.branch)}`}`;
    const facts = { level: bar.level, posinset: bar.place, setsize: bar.parent?.kids.length ?? 1, selected: bar.branch === state?.branch, ...(bar.kids.length ? { expanded: !bar.folded } : {}) };
    item.removeAttribute('aria-expanded');
    for (const [name, value] of Object.entries(facts)) item.setAttribute(`aria-${name}`, String(value));
  };
  const labelOf = remembered((/** @type {Bar} */ bar) => {
    if (!bar.parent) return 'main path';
    const first = tree.firstOf(bar.branch);
    const run = Array.from({ length: Math.min(LABEL, bar.last - bar.first + 1) }, (_, i) => first + i);
    return visibleText(trace, run).map((part) => part.text).join('').replace(/ +/g, ' ');
  });
  const go = (/** @type {Bar} */ bar, /** @type {number} */ at) => {
    cursor = bar.branch;
    tell(view, 'select', { node: layout.nodeAt(bar, at), by: 'click' });
    describe();
  };
  /** Where a bar is on the screen, for the tooltip. @param {Bar} bar @param {number} at */
  const placeOf = (bar, at) => {
    const { step, row } = measures();
    const box = view.getBoundingClientRect();
    return new DOMRect(box.left + LEFT + (at + 0.5) * step - view.scrollLeft, box.top + AXIS + bar.row * row - view.scrollTop, 0, row);
  };
  /** @param {Bar} [bar] */
  const point = (bar, at = 0) => {
    hovered = bar ? { bar, at } : null;
    tell(view, 'point-branch', bar ? { branch: bar.branch, node: layout.nodeAt(bar, at), at: placeOf(bar, at) } : null);
    redraw();
  };
  /** @param {Bar} bar */
  const moveTo = (bar) => {
    cursor = bar.branch;
    describe();
    const { step, row } = measures();
    const x = LEFT + bar.first * step;
    const y = AXIS + bar.row * row;
    if (x < view.scrollLeft + LEFT || x > view.scrollLeft + view.clientWidth - 80) view.scrollLeft = x - view.clientWidth / 3;
    if (y < view.scrollTop + AXIS || y + row > view.scrollTop + view.clientHeight) view.scrollTop = y - view.clientHeight / 2;
    requestAnimationFrame(() => point(bar, bar.first)); // scrolling hides the tooltip, after this
  };

  /** @param {PointerEvent | MouseEvent} event */
  const hit = (event) => {
    const { step, row } = measures();
    const box = view.getBoundingClientRect();
    const x = event.clientX - box.left + view.scrollLeft - LEFT;
    const at = Math.floor(x / step);
    const line = Math.floor((event.clientY - box.top + view.scrollTop - AXIS) / row);
    const slack = Math.ceil(4 / step);
    const bar = layout.find(line, at) ?? layout.find(line, at + Math.ceil(HANDLE / step)) ?? layout.find(line, at - slack);
    if (!bar || event.clientY - box.top < AXIS) return null;
    const handle = row >= LABELLED && bar.branch >= 0 && bar.kids.length > 0 && Math.abs(x - bar.first * step) <= HANDLE + 1;
    return { bar, at: Math.max(bar.first, Math.min(bar.last, at)), handle };
  };
  let drag = { x: 0, y: 0, moved: false };
  view.addEventListener('pointerdown', (event) => {
    drag = { x: event.clientX, y: event.clientY, moved: false };
  });
  view.addEventListener('pointermove', (event) => {
    if (event.pointerType !== 'touch' && event.buttons & 1) {
      if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < DRAG) return;
      view.scrollBy(drag.x - event.clientX, drag.y - event.clientY);
      drag = { x: event.clientX, y: event.clientY, moved: true };
      return point();
    }
    const found = hit(event);
    paper.classList.toggle('over', found !== null);
    if (found?.bar !== hovered?.bar || found?.at !== hovered?.at) point(found?.bar, found?.at);
  });
  view.addEventListener('pointerleave', () => point());
  view.addEventListener('click', (event) => {
    const found = drag.moved ? null : hit(event);
    if (found?.handle) toggle(found.bar);
    else if (found) go(found.bar, found.at);
  });
  view.addEventListener('scroll', redraw, { passive: true });
  view.addEventListener('blur', () => point());
  view.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const bar = barAtCursor();
    const index = layout.bars.indexOf(bar);
    const to = (/** @type {Bar | null | undefined} */ other) => other && moveTo(other);
    /** @type {Record<string, () => unknown>} */
    const does = {
      ArrowDown: () => to(layout.bars[index + 1]),
      ArrowUp: () => to(layout.bars[index - 1]),
      Home: () => to(layout.bars[0]),
      End: () => to(layout.bars.at(-1)),
      ArrowLeft: () => (bar.kids.length && !bar.folded ? toggle(bar) : to(bar.parent)),
      ArrowRight: () => (bar.folded ? toggle(bar) : bar.kids.length ? to(layout.bars[index + 1]) : null),
      Enter: () => go(bar, bar.first),
      ' ': () => go(bar, bar.first),
      '+': () => zoomBy(1.5),
      '-': () => zoomBy(1 / 1.5),
      '0': () => zoomBy(0),
      Escape: () => tell(view, 'command', 'tree'),
    };
    const act = does[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
  least.addEventListener('change', () => {
    fold.least = Number(least.value);
    relayout();
  });
  new ResizeObserver(resize).observe(view);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

  /** Draw what is in sight. */
  const draw = () => {
    const context = canvas.getContext('2d');
    const [width, height] = [view.clientWidth, view.clientHeight];
    if (!context || width === 0) return;
    const density = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    context.scale(density, density);
    const { step, row } = measures();
    const isTall = row >= LABELLED;
    const isFocused = document.activeElement === view;
    const isForced = matchMedia('(forced-colors: active)').matches; // then every colour of text is the same, grounds' included
    const [ink, quiet, accent, raised, sunk] = ['ink', 'quiet', 'accent', 'raised', 'sunk'].map((name, i) => {
      probe.style.color = isForced && i > 2 ? 'Canvas' : `var(--${name})`;
      return getComputedStyle(probe).color;
    });
    const [mono, sans] = [probe, root].map((element) => `11px ${getComputedStyle(element).fontFamily}`);
    const pen = (/** @type {string | undefined} */ fill, /** @type {string | undefined} */ stroke, alpha = 1) => {
      context.globalAlpha = alpha;
      Object.assign(context, { fillStyle: fill, strokeStyle: stroke });
      context.beginPath();
    };
    const xOf = (/** @type {number} */ at) => LEFT + at * step - view.scrollLeft;
    const yOf = (/** @type {number} */ line) => AXIS + (line + 1) * row - Math.min(5, row / 2) - view.scrollTop;
    const thick = (/** @type {Bar} */ bar) => Math.min(row - 2, thickness(bar.p));
    const from = Math.floor((view.scrollLeft - LEFT) / step);
    const to = Math.ceil((view.scrollLeft + width - LEFT) / step);
    const top = Math.max(0, Math.floor(view.scrollTop / row) - 1);
    const bottom = Math.min(layout.rows.length, Math.ceil((view.scrollTop + height) / row) + 1);

    pen(quiet, quiet, isTall ? 0.5 : 0.2);
    let column = NaN; // where a token is less than a pixel, one line per pixel is enough
    for (let i = firstIndex(layout.forks.length, (k) => (layout.forks[k]?.at ?? 0) >= from); i < layout.forks.length; i++) {
      const fork = /** @type {import('#viewer/reading/tree_layout').TreeLayout['forks'][0]} */ (layout.forks[i]);
      const x = Math.round(xOf(fork.at));
      if (fork.at > to) break;
      if (fork.to < top || fork.from > bottom || (x === column && step < 1)) continue;
      column = x;
      context.fillRect(x - 0.5, yOf(fork.from), 1, yOf(fork.to) - yOf(fork.from));
    }
    for (let line = top; line < bottom; line++) {
      const bars = layout.rows[line] ?? [];
      for (let i = firstIndex(bars.length, (k) => (bars[k]?.last ?? 0) >= from); i < bars.length; i++) {
        const bar = /** @type {Bar} */ (bars[i]);
        if (bar.first > to) break;
        const length = Math.max(2, (bar.last + 1 - bar.first) * step - 1);
        const [x, y, next] = [xOf(bar.first), yOf(line), xOf(bars[i + 1]?.first ?? Infinity)];
        const isCursor = isFocused && bar.branch === cursor;
        if (isCursor || bar === hovered?.bar) {
          pen(sunk, isCursor ? accent : quiet);
          context.roundRect(x - 3, y - row + 6, length + 6, row - 1, 3);
          context.fill();
          context.stroke();
        }
        pen(ink, ink, strength(bar.p));
        context.fillRect(x, y - thick(bar) / 2, length, thick(bar));
        const room = Math.min(next - x - 10, Math.max(length, BESIDE));
        if (isTall && room > 24) {
          context.save();
          pen(bar.p < 0.05 ? quiet : ink, ink);
          context.rect(x, y - row, room, row);
          context.clip();
          context.font = /** @type {string} */ (bar.parent ? mono : sans);
          context.fillText(labelOf(bar), Math.max(x + 3, 8) + (bar.parent && bar.kids.length ? HANDLE : 0), y - 6);
          context.restore();
        }
        if (!bar.parent || !bar.kids.length || !(isTall || bar.folded)) continue;
        pen(bar.folded ? ink : raised, quiet);
        context.arc(x, y, isTall ? HANDLE : 2, 0, 7);
        context.fill();
        context.stroke();
        pen(bar.folded ? raised : ink, ink);
        if (isTall) context.fillRect(x - 2.5, y - 0.5, 5, 1);
        if (isTall && bar.folded) context.fillRect(x - 0.5, y - 2.5, 1, 5);
      }
    }
    for (const { bar, end } of pathSegments()) {
      const y = yOf(bar.row);
      pen(accent, raised);
      context.fillRect(xOf(bar.first), y - Math.max(2, thick(bar)) / 2, Math.max(2, (end - bar.first) * step), Math.max(2, thick(bar)));
      if (bar.parent) context.fillRect(xOf(bar.first) - 1, yOf(bar.parent.row), 2, y - yOf(bar.parent.row));
      if (bar.branch !== tree.branchOf(state.selected)) continue;
      context.arc(xOf(layout.positionOf(state.selected) + 0.5), y, 4, 0, 7);
      context.lineWidth = 2;
      context.fill();
      context.stroke();
      context.lineWidth = 1;
    }
    pen(raised, raised);
    context.fillRect(0, 0, width, AXIS - 2);
    pen(quiet, quiet);
    context.font = /** @type {string} */ (sans);
    let apart = 10;
    while (apart * step < 64) apart *= apart.toString().startsWith('2') ? 2.5 : 2;
    for (let number = Math.max(0, Math.floor(from / apart)) * apart; number <= Math.min(to, layout.width); number += apart) {
      context.fillRect(xOf(Math.max(0, number - 1)), AXIS - 6, 1, 4);
      context.fillText(count(number || 1), xOf(Math.max(0, number - 1)) + 3, AXIS - 8);
    }
  };

  /** The bars of the shown path, each up to where the next one departs. */
  const pathSegments = () => {
    const byBranch = new Map(layout.bars.map((bar) => [bar.branch, bar]));
    const trail = [-1, ...tree.trail(state.branch)];
    return trail.flatMap((branch, i) => {
      const bar = byBranch.get(branch);
      const next = trail[i + 1];
      return bar ? [{ bar, end: next === undefined ? bar.last + 1 : layout.positionOf(tree.firstOf(next)) }] : [];
    });
  };

  relayout();
  return {
    redraw,
    /** @param {Readonly<import('#viewer/state').State>} next */
    update(next) {
      const isOther = state?.branch !== next.branch;
      state = next;
      if (isOther && cursor !== next.branch && layout.bars.some(({ branch }) => branch === next.branch)) cursor = next.branch;
      describe();
      redraw();
    },
  };
}

/** Pixels of a bar. @param {number} p */
function thickness(p) {
  return 1 + 4 * Math.sqrt(p || 0);
}

/** Opacity of a bar. @param {number} p */
function strength(p) {
  return 0.35 + 0.65 * Math.sqrt(p || 0);
}

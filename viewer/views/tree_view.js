/**
 * All branches over the sequence, on a canvas of which only what is in sight is drawn. One tree for the keyboard and for screen
 * readers: its items are the bars, and the one where the cursor is exists as an element.
 */

import { onceAFrame, sized } from '#viewer/elements/canvas';
import { closer, h, signed, tell } from '#viewer/elements/dom';
import { drawTree } from '#viewer/elements/tree_drawing';
import { MAIN } from '#viewer/reading/branches';
import { count, percent } from '#viewer/reading/format';
import { remembered } from '#viewer/reading/reading';
import { visibleText } from '#viewer/reading/token_words';
import { frameOf, hitAt, scrollAfter, scrollToBar, segmentsOf, strength, thickness, zoomed } from '#viewer/reading/tree_geometry';
import { layOutTree } from '#viewer/reading/tree_layout';

const LABEL = 40; // tokens
const DRAG = 4; // pixels that are no click any more
const LEAST = [0, 0.001, 0.01, 0.05, 0.1, 0.25];
const ZOOM = 1.5;

/** @typedef {import('#viewer/reading/tree_layout').Bar} Bar */
/** @typedef {import('#viewer/reading/tree_geometry').Hit} Hit */
/** @typedef {import('#viewer/reading/reading').Recording} Recording */
/** @typedef {Readonly<import('#viewer/state').State>} State */
/** @typedef {{ bar: Bar, at: number } | null} Pointed */
/** @typedef {(bar: Bar) => void} OfBar */
/** @typedef {{ moveTo: OfBar, toggle: OfBar, go: (bar: Bar, at: number) => void, zoomBy: (factor: number) => void }} Acts */

/** @param {HTMLElement} root @param {Recording} recording */
export function mountTree(root, { trace, tree }) {
  const { view, paper, canvas, item, probe, least, shown } = build(root, (factor) => zoomBy(factor));
  /** @type {{ least: number, folded: Set<number> }} */
  const fold = { least: 0, folded: new Set() };
  let layout = layOutTree(trace, tree, fold);
  let zoom = 1;
  let cursor = MAIN;
  /** @type {Pointed} */
  let hovered = null;
  /** @type {State} */
  let state;
  const labelOf = remembered((/** @type {Bar} */ bar) => labelText(trace, tree, bar));
  const frame = () => frameOf(layout, sightOf(view), zoom);
  const barAtCursor = () => /** @type {Bar} */ (layout.bars.find(({ branch }) => branch === cursor) ?? layout.bars[0]);
  const describe = () => describeItem(item, barAtCursor(), { tree, labelOf, branch: state?.branch });

  const paint = () => {
    const context = view.clientWidth ? sized(canvas, view.clientWidth, view.clientHeight) : null;
    if (!context) return;
    drawTree(context, root, probe, {
      layout, labelOf, frame: frame(),
      cursor: document.activeElement === view ? (layout.bars.find(({ branch }) => branch === cursor) ?? null) : null,
      hovered: hovered?.bar ?? null,
      path: segmentsOf(layout, tree, state.branch),
      selected: { branch: tree.branchOf(state.selected), at: layout.positionOf(state.selected) },
    });
  };
  const paintSoon = onceAFrame(paint);
  const redraw = () => {
    if (!root.hidden) paintSoon();
  };
  const resize = () => {
    const { width, height } = frame().paper;
    paper.style.width = `${width}px`;
    paper.style.height = `${height}px`;
    redraw();
  };
  /** @param {number} factor 0 for all of it */
  const zoomBy = (factor) => {
    const [before, sight] = [frame(), sightOf(view)];
    zoom = zoomed(zoom, factor);
    resize();
    view.scrollTo(scrollAfter(before, frame(), sight));
  };
  const relayout = () => {
    layout = layOutTree(trace, tree, fold);
    hovered = null;
    if (!layout.bars.some(({ branch }) => branch === cursor)) cursor = MAIN;
    shown.textContent = `${count(layout.bars.length - 1)} of ${count(tree.count)} shown`;
    resize();
    describe();
  };
  const toggle = (/** @type {Bar} */ bar) => {
    if (!fold.folded.delete(bar.branch)) fold.folded.add(bar.branch);
    relayout();
  };
  const go = (/** @type {Bar} */ bar, /** @type {number} */ at) => {
    cursor = bar.branch;
    tell(view, 'select', { node: layout.nodeAt(bar, at), by: 'click' });
    describe();
  };
  const point = (/** @type {Pointed} */ next) => {
    hovered = next;
    tell(view, 'point-branch', next && { branch: next.bar.branch, node: layout.nodeAt(next.bar, next.at), at: boxOf(view, frame(), next) });
    redraw();
  };
  const moveTo = (/** @type {Bar} */ bar) => {
    cursor = bar.branch;
    describe();
    view.scrollTo(scrollToBar(bar, frame(), sightOf(view)));
    requestAnimationFrame(() => point({ bar, at: bar.first })); // scrolling hides the tooltip, after this
  };

  listenToPointer(view, paper, {
    hit: (x, y) => hitAt(layout, frame(), x, y),
    isPointed: (found) => found?.bar === hovered?.bar && found?.at === hovered?.at,
    point, toggle, go,
  });
  listenToKeys(view, () => ({ bar: barAtCursor(), bars: layout.bars, moveTo, toggle, go, zoomBy }));
  view.addEventListener('scroll', redraw, { passive: true });
  view.addEventListener('blur', () => point(null));
  least.addEventListener('change', () => {
    fold.least = Number(least.value);
    relayout();
  });
  new ResizeObserver(resize).observe(view);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  relayout();
  return {
    redraw,
    /** @param {State} next */
    update(next) {
      const isOther = state?.branch !== next.branch;
      state = next;
      if (isOther && cursor !== next.branch && layout.bars.some(({ branch }) => branch === next.branch)) cursor = next.branch;
      describe();
      redraw();
    },
  };
}

/** The head with its controls, and the view. @param {HTMLElement} root @param {(factor: number) => void} zoomBy */
function build(root, zoomBy) {
  const canvas = h('canvas', { aria: { hidden: 'true' } });
  const item = h('div', { id: 'tree-item', role: 'treeitem', class: 'visually-hidden' });
  const paper = h('div', { class: 'tree-paper' }, canvas);
  const aria = { label: 'Branches', activedescendant: 'tree-item' };
  const view = h('div', { class: 'tree-view', tabIndex: 0, role: 'tree', aria }, item, paper);
  const probe = h('span', { hidden: true, class: 'token-text' });
  const choices = LEAST.map((p) => h('option', { value: String(p) }, p ? `${100 * p} % or more` : 'all'));
  const least = h('select', { name: 'least', id: 'tree-least' }, choices);
  const zooms = [
    signed('\u2212', 'Zoom out (\u2212)', () => zoomBy(1 / ZOOM)),
    signed('fit', 'Fit the whole tree (0)', () => zoomBy(0)),
    signed('+', 'Zoom in (+)', () => zoomBy(ZOOM)),
  ];
  const shown = h('span', { class: 'tree-count' });
  const key = h('span', { class: 'tree-key' }, [0.01, 0.25, 1].map(sampleOf), 'probability of a branch\u2019s first token');
  const close = closer('Close the tree (v)', () => tell(root, 'command', 'tree'));
  const controls = [shown, h('label', {}, 'Branches of ', least), h('span', { class: 'tree-zoom' }, zooms), key, close];
  root.replaceChildren(h('div', { class: 'tree-head' }, h('h2', {}, 'All branches'), controls), view, probe);
  return { view, paper, canvas, item, probe, least, shown };
}

/** A bar of a probability, as it is drawn. @param {number} p */
function sampleOf(p) {
  const sample = h('i', { class: 'tree-sample', aria: { hidden: 'true' } });
  sample.style.height = `${thickness(p)}px`;
  sample.style.opacity = String(strength(p));
  return h('span', {}, sample, `${100 * p} %`);
}

/** @param {HTMLElement} view @returns {import('#viewer/reading/tree_geometry').Sight} */
function sightOf(view) {
  const { clientWidth, clientHeight, scrollLeft, scrollTop } = view;
  return { width: clientWidth, height: clientHeight, left: scrollLeft, top: scrollTop, room: Math.max(160, 0.38 * window.innerHeight) };
}

/**
 * Where a position of a bar is on the screen, for the tooltip.
 * @param {HTMLElement} view @param {import('#viewer/reading/tree_geometry').Frame} frame @param {{ bar: Bar, at: number }} pointed
 */
function boxOf(view, { xOf, topOf, row }, { bar, at }) {
  const box = view.getBoundingClientRect();
  return new DOMRect(box.left + xOf(at + 0.5), box.top + topOf(bar.row), 0, row);
}

/** What a branch begins with. @param {Recording['trace']} trace @param {Recording['tree']} tree @param {Bar} bar */
function labelText(trace, tree, bar) {
  if (!bar.parent) return 'main path';
  const first = tree.firstOf(bar.branch);
  const run = Array.from({ length: Math.min(LABEL, bar.last - bar.first + 1) }, (_, i) => first + i);
  return visibleText(trace, run).map((part) => part.text).join('').replace(/ +/g, ' ');
}

/**
 * The item under the cursor, for screen readers.
 * @param {HTMLElement} item @param {Bar} bar
 * @param {{ tree: Recording['tree'], labelOf: (bar: Bar) => string, branch: number | undefined }} shown
 */
function describeItem(item, bar, { tree, labelOf, branch }) {
  const led = tree.outcomeOf(bar.branch);
  const facts = [labelOf(bar), percent(bar.p), `at token ${count(bar.first + 1)}`, `ends: ${tree.endOf(bar.branch)}`, ...(led ? [`led to: ${led}`] : [])];
  item.textContent = bar.branch < 0 ? 'Main path' : facts.join(', ');
  const states = { level: bar.level, posinset: bar.place, setsize: bar.parent?.kids.length ?? 1, selected: bar.branch === branch };
  for (const [name, value] of Object.entries(states)) item.setAttribute(`aria-${name}`, String(value));
  if (bar.kids.length) item.setAttribute('aria-expanded', String(!bar.folded));
  else item.removeAttribute('aria-expanded');
}

/**
 * Point, click, and drag to scroll.
 * @param {HTMLElement} view @param {HTMLElement} paper
 * @param {object} does
 * @param {(x: number, y: number) => Hit | null} does.hit
 * @param {(found: Hit | null) => boolean} does.isPointed
 * @param {(found: Pointed) => void} does.point
 * @param {(bar: Bar) => void} does.toggle
 * @param {(bar: Bar, at: number) => void} does.go
 */
function listenToPointer(view, paper, { hit, isPointed, point, toggle, go }) {
  let drag = { x: 0, y: 0, moved: false };
  const hitBy = (/** @type {MouseEvent} */ event) => {
    const box = view.getBoundingClientRect();
    return hit(event.clientX - box.left, event.clientY - box.top);
  };
  view.addEventListener('pointerdown', (event) => {
    drag = { x: event.clientX, y: event.clientY, moved: false };
  });
  view.addEventListener('pointermove', (event) => {
    if (event.pointerType !== 'touch' && event.buttons & 1) {
      if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < DRAG) return;
      view.scrollBy(drag.x - event.clientX, drag.y - event.clientY);
      drag = { x: event.clientX, y: event.clientY, moved: true };
      return point(null);
    }
    const found = hitBy(event);
    paper.classList.toggle('over', found !== null);
    if (!isPointed(found)) point(found);
  });
  view.addEventListener('pointerleave', () => point(null));
  view.addEventListener('click', (event) => {
    const found = drag.moved ? null : hitBy(event);
    if (found?.isHandle) toggle(found.bar);
    else if (found) go(found.bar, found.at);
  });
}

/**
 * The keys of a tree.
 * @param {HTMLElement} view @param {() => { bar: Bar, bars: Bar[] } & Acts} now
 */
function listenToKeys(view, now) {
  view.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { bar, bars, moveTo, toggle, go, zoomBy } = now();
    const index = bars.indexOf(bar);
    const to = (/** @type {Bar | null | undefined} */ other) => other && moveTo(other);
    /** @type {Record<string, () => unknown>} */
    const does = {
      ArrowDown: () => to(bars[index + 1]),
      ArrowUp: () => to(bars[index - 1]),
      Home: () => to(bars[0]),
      End: () => to(bars.at(-1)),
      ArrowLeft: () => (bar.kids.length && !bar.folded ? toggle(bar) : to(bar.parent)),
      ArrowRight: () => (bar.folded ? toggle(bar) : bar.kids.length ? to(bars[index + 1]) : null),
      Enter: () => go(bar, bar.first),
      ' ': () => go(bar, bar.first),
      '+': () => zoomBy(ZOOM),
      '-': () => zoomBy(1 / ZOOM),
      0: () => zoomBy(0),
      Escape: () => tell(view, 'command', 'tree'),
    };
    const act = does[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
}

/** The strip over the whole sequence: a canvas to see where uncertainty lies, and to go there. Everything in it has a key too. */

import { h, tell } from '#viewer/elements/dom';
import { BUCKETS, MISSING } from '#viewer/reading/metrics';
import { bars, placeAt, runs, scaleOf } from '#viewer/reading/strip_layout';
import { ORIGIN } from '#viewer/trace/schema';

const FOOT = 18;
const LEAST = 1.5;
/** @type {Record<number, string>} */
const LABELS = { [ORIGIN.prompt]: 'prompt', [ORIGIN.main]: 'output', [ORIGIN.branch]: 'branch', [ORIGIN.scored]: 'code' };
const PROMPT_ALPHA = 0.5; // the prompt is quieter than the output, here as in the code

/** @typedef {import('#viewer/reading/reading').Reading} Reading */
/** @typedef {import('#viewer/reading/metrics').Metric} Metric */
/** @typedef {{ reading: Reading, metric: Metric, selected: number, found: Iterable<number> }} Shown */

/** @param {HTMLElement} root */
export function mountStrip(root) {
  const canvas = h('canvas', { aria: { hidden: 'true' } });
  const still = h('canvas'); // what no pointer and no selection changes
  const probe = h('span', { hidden: true });
  root.replaceChildren(canvas, probe);
  /** @type {Shown | null} */
  let shown = null;
  let hovered = -1;
  let waiting = false;
  let isStale = true;

  const redraw = (isOther = true) => {
    isStale ||= isOther;
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (!shown || !canvas.clientWidth) return;
      if (isStale) draw(still, canvas, probe, shown);
      isStale = false;
      point(canvas, still, probe, { ...shown, hovered });
    });
  };
  const nodeAt = (/** @type {PointerEvent} */ event) => {
    const { left, width } = canvas.getBoundingClientRect();
    const order = shown?.reading.layout.order ?? [];
    return order[placeAt(scaleOf(order.length, width), event.clientX - left)] ?? -1;
  };
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    tell(canvas, 'select', { node: nodeAt(event), by: 'click' });
  });
  canvas.addEventListener('pointermove', (event) => {
    hovered = nodeAt(event);
    if (canvas.hasPointerCapture(event.pointerId)) tell(canvas, 'select', { node: hovered, by: 'drag' });
    redraw(false);
  });
  canvas.addEventListener('pointerleave', () => {
    hovered = -1;
    redraw(false);
  });
  new ResizeObserver(() => redraw()).observe(canvas);
  window.addEventListener('resize', () => redraw());
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => redraw());

  return {
    redraw,
    /**
     * @param {Reading} reading @param {Metric} metric
     * @param {number} selected node, -1 for none @param {Iterable<number>} found nodes that match a query
     */
    update(reading, metric, selected, found) {
      const isOther = shown?.reading !== reading || shown.metric !== metric || shown.found !== found;
      shown = { reading, metric, selected, found };
      redraw(isOther);
    },
  };
}

/** Canvas knows no custom properties: an element of the page resolves them. @param {HTMLElement} probe @param {string} name */
function colourOf(probe, name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/**
 * What was drawn, and where the pointer and the selection are.
 * @param {HTMLCanvasElement} canvas @param {HTMLCanvasElement} still @param {HTMLElement} probe
 * @param {{ reading: import('#viewer/reading/reading').Reading, selected: number, hovered: number }} shown
 */
function point(canvas, still, probe, { reading: { layout }, selected, hovered }) {
  const context = canvas.getContext('2d');
  const { width, height } = canvas.getBoundingClientRect();
  if (!context) return;
  Object.assign(canvas, { width: still.width, height: still.height });
  context.drawImage(still, 0, 0);
  context.scale(still.width / width, still.height / height);
  const { step } = scaleOf(layout.order.length, width);
  for (const [at, name] of /** @type {[number, string][]} */ ([[hovered, 'quiet'], [selected, 'accent']])) {
    const place = layout.placeOf[at] ?? -1;
    if (place < 0) continue;
    context.fillStyle = colourOf(probe, name);
    context.fillRect(Math.round((place + 0.5) * step) - 1, 0, 2, height - FOOT + 3);
  }
}

/**
 * @param {HTMLCanvasElement} still @param {HTMLCanvasElement} canvas that it is for @param {HTMLElement} probe
 * @param {{ reading: import('#viewer/reading/reading').Reading, metric: import('#viewer/reading/metrics').Metric, found: Iterable<number> }} shown
 */
function draw(still, canvas, probe, shown) {
  const { reading } = shown;
  const { trace, layout } = reading;
  const values = reading.valuesOf(shown.metric);
  const buckets = reading.bucketsFor(shown.metric);
  const { width, height } = canvas.getBoundingClientRect();
  const context = still.getContext('2d');
  if (!context) return;
  const density = window.devicePixelRatio || 1;
  still.width = Math.round(width * density);
  still.height = Math.round(height * density);
  context.scale(density, density);
  const colour = (/** @type {string} */ name) => colourOf(probe, name);
  const fills = Array.from({ length: BUCKETS }, (_, bucket) => colour(bucket < 2 ? `strip-${bucket}` : `b${bucket}`));
  const missing = colour('strip-missing');
  const { order, placeOf } = layout;
  const scale = scaleOf(order.length, width);
  const floor = height - FOOT;
  const node = (/** @type {number} */ place) => order[place] ?? 0;

  for (const { place, x, width: bar, height: share } of bars(scale, (at) => shown.metric.height(values[node(at)] ?? NaN))) {
    const bucket = buckets[node(place)] ?? MISSING;
    context.fillStyle = bucket === MISSING ? missing : (fills[bucket] ?? missing);
    context.globalAlpha = trace.nodes.origin[node(place)] === ORIGIN.prompt ? PROMPT_ALPHA : 1;
    const tall = Number.isNaN(share) ? LEAST : Math.max(LEAST, share * (floor - 4));
    context.fillRect(x, floor - tall, bar, tall);
  }
  context.globalAlpha = 1;
  context.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  context.textBaseline = 'bottom';
  const changed = -1;
  const named = new Set();
  let free = 0; // pixels, from where on there is room for a label
  for (const [first, end, origin] of runs(order.length, (place) =>
    reading.files.compared && reading.files.isChanged(node(place)) ? changed : (trace.nodes.origin[node(place)] ?? 0),
  )) {
    const from = first * scale.step;
    const to = end * scale.step;
    const isPrompt = origin === ORIGIN.prompt;
    const isMarked = origin === ORIGIN.branch || origin === changed;
    context.fillStyle = colour(isPrompt || (origin === ORIGIN.scored && reading.files.compared) ? 'quiet' : isMarked ? 'accent' : 'ink');
    context.fillRect(from, floor + 1, Math.max(1, to - from - (end < order.length ? 2 : 0)), isPrompt ? 1 : 2);
    const label = LABELS[origin] ?? 'changed';
    const { width: wide } = context.measureText(label);
    if (wide >= to - from || named.has(label)) continue;
    named.add(label);
    context.fillText(label, from, height);
    free = from + wide;
  }
  const what = context.measureText(shown.metric.label).width;
  context.fillStyle = colour('quiet');
  if (free + 16 + what < width) context.fillText(shown.metric.label, width - what, height);
  context.fillStyle = colour('accent');
  for (const fork of reading.forks) context.fillRect((placeOf[fork] ?? 0) * scale.step, 0, Math.max(1.5, Math.min(scale.step - 1, 5)), 3);
  context.fillStyle = colour('found');
  for (const match of shown.found) context.fillRect((placeOf[match] ?? 0) * scale.step, 5, Math.max(2, scale.step - 1), 5);
}

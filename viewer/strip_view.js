/** The strip over the whole sequence: a canvas to see where uncertainty lies, and to go there. Everything in it has a key too. */

import { h, tell } from '#viewer/dom';
import { BUCKETS, MISSING } from '#viewer/metrics';
import { bars, placeAt, runs, scaleOf } from '#viewer/strip';
import { ORIGIN } from '#viewer/trace';

const FOOT = 18;
const LEAST = 1.5;
/** By the values of ORIGIN. */
const LABELS = ['prompt', 'output', 'branch', 'code'];
const PROMPT_ALPHA = 0.5; // the prompt is quieter than the output, here as in the code

/** @param {HTMLElement} root */
export function mountStrip(root) {
  const canvas = h('canvas', { aria: { hidden: 'true' } });
  const probe = h('span', { hidden: true });
  root.replaceChildren(canvas, probe);
  /** @type {{ reading: import('#viewer/reading').Reading, metric: import('#viewer/metrics').Metric, selected: number, found: Iterable<number> } | null} */
  let shown = null;
  let hovered = -1;
  let waiting = false;

  const redraw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (shown) draw(canvas, probe, { ...shown, hovered });
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
    redraw();
  });
  canvas.addEventListener('pointerleave', () => {
    hovered = -1;
    redraw();
  });
  new ResizeObserver(redraw).observe(canvas);
  window.addEventListener('resize', redraw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

  return {
    redraw,
    /** @param {import('#viewer/reading').Reading} reading @param {import('#viewer/metrics').Metric} metric @param {number} selected node, -1 for none @param {Iterable<number>} found nodes that match a query */
    update(reading, metric, selected, found) {
      shown = { reading, metric, selected, found };
      redraw();
    },
  };
}

/**
 * @param {HTMLCanvasElement} canvas @param {HTMLElement} probe
 * @param {{ reading: import('#viewer/reading').Reading, metric: import('#viewer/metrics').Metric, selected: number, found: Iterable<number>, hovered: number }} shown
 */
function draw(canvas, probe, shown) {
  const { reading } = shown;
  const { trace, layout } = reading;
  const values = reading.valuesOf(shown.metric);
  const buckets = reading.bucketsFor(shown.metric);
  const { width, height } = canvas.getBoundingClientRect();
  const context = canvas.getContext('2d');
  if (!context || width === 0) return;
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  context.scale(density, density);
  /** Canvas knows no custom properties: an element of the page resolves them. @param {string} name */
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
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
  for (const [first, end, origin] of runs(order.length, (place) => (reading.files.isChanged(node(place)) ? changed : (trace.nodes.origin[node(place)] ?? 0)))) {
    const from = first * scale.step;
    const to = end * scale.step;
    const isPrompt = origin === ORIGIN.prompt;
    const isMarked = origin === ORIGIN.branch || origin === changed;
    context.fillStyle = colour(isPrompt || (origin === ORIGIN.scored && reading.files.compared) ? 'quiet' : isMarked ? 'accent' : 'ink');
    context.fillRect(from, floor + 1, Math.max(1, to - from - (end < order.length ? 2 : 0)), isPrompt ? 1 : 2);
    const label = LABELS[origin] ?? 'changed';
    if (context.measureText(label).width < to - from) context.fillText(label, from, height);
  }
  context.fillStyle = colour('accent');
  for (const fork of reading.forks) context.fillRect((placeOf[fork] ?? 0) * scale.step, 0, Math.max(1.5, Math.min(scale.step - 1, 5)), 3);
  context.fillStyle = colour('found');
  for (const match of shown.found) context.fillRect((placeOf[match] ?? 0) * scale.step, 5, Math.max(2, scale.step - 1), 5);
  for (const [at, name] of /** @type {[number, string][]} */ ([[shown.hovered, 'quiet'], [shown.selected, 'accent']])) {
    const place = placeOf[at] ?? -1;
    if (place < 0) continue;
    context.fillStyle = colour(name);
    context.fillRect(Math.round((place + 0.5) * scale.step) - 1, 0, 2, floor + 3);
  }
}

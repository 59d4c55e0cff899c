/** The strip over the whole sequence: a canvas to see where uncertainty lies, and to go there. Everything in it has a key too. */

import { h, tell } from '#viewer/dom';
import { BUCKETS, MISSING } from '#viewer/metrics';
import { bars, placeAt, runs, scaleOf } from '#viewer/strip';
import { ORIGIN } from '#viewer/trace';

const FOOT = 18;
const LEAST = 1.5;

/**
 * @param {HTMLElement} root
 * @param {import('#viewer/trace').Trace} trace
 * @param {import('#viewer/layout').Layout} layout
 */
export function mountStrip(root, trace, layout) {
  const canvas = h('canvas', { aria: { hidden: 'true' } });
  const probe = h('span', { hidden: true });
  root.replaceChildren(canvas, probe);
  /** @type {{ metric: import('#viewer/metrics').Metric, values: Float32Array, buckets: Uint8Array, selected: number } | null} */
  let shown = null;
  let hovered = -1;
  let waiting = false;

  const redraw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (shown) draw(canvas, probe, trace, layout, { ...shown, hovered });
    });
  };
  const nodeAt = (/** @type {PointerEvent} */ event) => {
    const { left, width } = canvas.getBoundingClientRect();
    return layout.order[placeAt(scaleOf(layout.order.length, width), event.clientX - left)] ?? -1;
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
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

  return {
    redraw,
    /** @param {import('#viewer/metrics').Metric} metric @param {Float32Array} values @param {Uint8Array} buckets @param {number} selected */
    update(metric, values, buckets, selected) {
      shown = { metric, values, buckets, selected };
      redraw();
    },
  };
}

/**
 * @param {HTMLCanvasElement} canvas @param {HTMLElement} probe @param {import('#viewer/trace').Trace} trace @param {import('#viewer/layout').Layout} layout
 * @param {{ metric: import('#viewer/metrics').Metric, values: Float32Array, buckets: Uint8Array, selected: number, hovered: number }} shown
 */
function draw(canvas, probe, trace, layout, shown) {
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
  const fills = Array.from({ length: BUCKETS }, (_, bucket) => colour(`strip-${bucket}`));
  const missing = colour('strip-missing');
  const { order, placeOf } = layout;
  const scale = scaleOf(order.length, width);
  const floor = height - FOOT;
  const node = (/** @type {number} */ place) => order[place] ?? 0;

  for (const { place, x, width: bar, height: share } of bars(scale, (at) => shown.metric.height(shown.values[node(at)] ?? NaN))) {
    const bucket = shown.buckets[node(place)] ?? MISSING;
    context.fillStyle = bucket === MISSING ? missing : (fills[bucket] ?? missing);
    const tall = Number.isNaN(share) ? LEAST : Math.max(LEAST, share * (floor - 4));
    context.fillRect(x, floor - tall, bar, tall);
  }
  context.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  context.textBaseline = 'bottom';
  for (const [first, end, isPrompt] of runs(order.length, (place) => trace.nodes.origin[node(place)] === ORIGIN.prompt)) {
    const from = first * scale.step;
    const to = end * scale.step;
    context.fillStyle = colour(isPrompt ? 'quiet' : 'ink');
    context.fillRect(from, floor + 1, Math.max(1, to - from - (end < order.length ? 2 : 0)), isPrompt ? 1 : 2);
    const label = isPrompt ? 'prompt' : 'output';
    if (context.measureText(label).width < to - from) context.fillText(label, from, height);
  }
  for (const [at, name] of /** @type {[number, string][]} */ ([[shown.hovered, 'quiet'], [shown.selected, 'accent']])) {
    const place = placeOf[at] ?? -1;
    if (place < 0) continue;
    context.fillStyle = colour(name);
    context.fillRect(Math.round((place + 0.5) * scale.step) - 1, 0, 2, floor + 3);
  }
}

/** The tree of branches on a canvas: forks, bars with their texts and signs, the path that is shown, the axis. */

import { colourOf, fontOf } from '#viewer/elements/canvas';
import { count } from '#viewer/reading/format';
import { AXIS, barsIn, forksIn, HANDLE, strength, thickness, ticksOf } from '#viewer/reading/tree_geometry';

const BESIDE = 150; // pixels that the text of a short branch may take
const UNLIKELY = 0.05; // the text of such a branch is quiet

/** @typedef {import('#viewer/reading/tree_layout').Bar} Bar */
/** @typedef {import('#viewer/reading/tree_geometry').Frame} Frame */

/**
 * @typedef {object} Scene
 * @property {import('#viewer/reading/tree_layout').TreeLayout} layout
 * @property {Frame} frame
 * @property {(bar: Bar) => string} labelOf
 * @property {Bar | null} cursor where the keys are, while the view has the focus
 * @property {Bar | null} hovered
 * @property {readonly { bar: Bar, end: number }[]} path that is shown
 * @property {{ branch: number, at: number }} selected
 */

/** @typedef {ReturnType<typeof brushOf>} Brush */

/** @param {CanvasRenderingContext2D} context @param {HTMLElement} root @param {HTMLElement} probe an element that nobody sees @param {Scene} scene */
export function drawTree(context, root, probe, scene) {
  const brush = brushOf(context, root, probe);
  drawForks(brush, scene);
  for (const { bar, next } of barsIn(scene.layout, scene.frame)) drawBar(brush, scene, bar, next);
  for (const segment of scene.path) drawSegment(brush, scene, segment);
  drawAxis(brush, scene);
}

/** Colours, fonts and a way to begin. @param {CanvasRenderingContext2D} context @param {HTMLElement} root @param {HTMLElement} probe */
function brushOf(context, root, probe) {
  const isForced = matchMedia('(forced-colors: active)').matches; // then every colour of text is the same, grounds' included
  const ground = (/** @type {string} */ name) => {
    if (!isForced) return colourOf(probe, name);
    probe.style.color = 'Canvas';
    return getComputedStyle(probe).color;
  };
  return {
    context,
    ink: colourOf(probe, 'ink'),
    quiet: colourOf(probe, 'quiet'),
    accent: colourOf(probe, 'accent'),
    raised: ground('raised'),
    sunk: ground('sunk'),
    mono: fontOf(probe),
    sans: fontOf(root),
    pen(/** @type {string} */ fill, /** @type {string} */ stroke, alpha = 1) {
      context.globalAlpha = alpha;
      Object.assign(context, { fillStyle: fill, strokeStyle: stroke });
      context.beginPath();
    },
  };
}

/** @param {Brush} brush @param {Scene} scene */
function drawForks({ context, quiet, pen }, { layout, frame }) {
  pen(quiet, quiet, frame.isTall ? 0.5 : 0.2);
  for (const { x, from, to } of forksIn(layout, frame)) context.fillRect(x - 0.5, frame.yOf(from), 1, frame.yOf(to) - frame.yOf(from));
}

/** @param {Brush} brush @param {Scene} scene @param {Bar} bar @param {number} next where the next one of its row begins */
function drawBar(brush, scene, bar, next) {
  const { context, ink, pen } = brush;
  const { frame } = scene;
  const length = Math.max(2, (bar.last + 1 - bar.first) * frame.step - 1);
  const [x, y] = [frame.xOf(bar.first), frame.yOf(bar.row)];
  if (bar === scene.cursor || bar === scene.hovered) drawGround(brush, scene, bar, length);
  pen(ink, ink, strength(bar.p));
  context.fillRect(x, y - thick(frame, bar) / 2, length, thick(frame, bar));
  const room = Math.min(frame.xOf(next) - x - 10, Math.max(length, BESIDE));
  if (frame.isTall && room > 24) drawLabel(brush, scene, bar, room);
  if (bar.parent && bar.kids.length && (frame.isTall || bar.folded)) drawHandle(brush, bar, x, y, frame.isTall);
}

/** Behind the bar under the cursor or the pointer. @param {Brush} brush @param {Scene} scene @param {Bar} bar @param {number} length */
function drawGround({ context, sunk, accent, quiet, pen }, { frame, cursor }, bar, length) {
  pen(sunk, bar === cursor ? accent : quiet);
  context.roundRect(frame.xOf(bar.first) - 3, frame.yOf(bar.row) - frame.row + 6, length + 6, frame.row - 1, 3);
  context.fill();
  context.stroke();
}

/** @param {Brush} brush @param {Scene} scene @param {Bar} bar @param {number} room pixels */
function drawLabel({ context, ink, quiet, mono, sans, pen }, { frame, labelOf }, bar, room) {
  const [x, y] = [frame.xOf(bar.first), frame.yOf(bar.row)];
  context.save();
  pen(bar.p < UNLIKELY ? quiet : ink, ink);
  context.rect(x, y - frame.row, room, frame.row);
  context.clip();
  context.font = bar.parent ? mono : sans;
  context.fillText(labelOf(bar), Math.max(x + 3, 8) + (bar.parent && bar.kids.length ? HANDLE : 0), y - 6);
  context.restore();
}

/** The sign that folds. @param {Brush} brush @param {Bar} bar @param {number} x @param {number} y @param {boolean} isTall */
function drawHandle({ context, ink, quiet, raised, pen }, { folded }, x, y, isTall) {
  pen(folded ? ink : raised, quiet);
  context.arc(x, y, isTall ? HANDLE : 2, 0, 7);
  context.fill();
  context.stroke();
  pen(folded ? raised : ink, ink);
  if (isTall) context.fillRect(x - 2.5, y - 0.5, 5, 1);
  if (isTall && folded) context.fillRect(x - 0.5, y - 2.5, 1, 5);
}

/** A part of the path that is shown, and the selected token on it. @param {Brush} brush @param {Scene} scene @param {Scene['path'][0]} segment */
function drawSegment({ context, accent, raised, pen }, { frame, selected }, { bar, end }) {
  const { xOf, yOf, step } = frame;
  const y = yOf(bar.row);
  const high = Math.max(2, thick(frame, bar));
  pen(accent, raised);
  context.fillRect(xOf(bar.first), y - high / 2, Math.max(2, (end - bar.first) * step), high);
  if (bar.parent) context.fillRect(xOf(bar.first) - 1, yOf(bar.parent.row), 2, y - yOf(bar.parent.row));
  if (bar.branch !== selected.branch) return;
  context.arc(xOf(selected.at + 0.5), y, 4, 0, 7);
  context.lineWidth = 2;
  context.fill();
  context.stroke();
  context.lineWidth = 1;
}

/** @param {Brush} brush @param {Scene} scene */
function drawAxis({ context, raised, quiet, sans, pen }, { layout, frame }) {
  pen(raised, raised);
  context.fillRect(0, 0, frame.width, AXIS - 2);
  pen(quiet, quiet);
  context.font = sans;
  for (const number of ticksOf(layout, frame)) {
    const x = frame.xOf(Math.max(0, number - 1));
    context.fillRect(x, AXIS - 6, 1, 4);
    context.fillText(count(number || 1), x + 3, AXIS - 8);
  }
}

/** @param {Frame} frame @param {Bar} bar */
function thick({ row }, { p }) {
  return Math.min(row - 2, thickness(p));
}

/** The dialog that gives any chart in view as a picture: PNG into the clipboard, SVG as a file. */

import { paint, toSvg } from '#viewer/elements/chart_picture';
import { closer, h, replace } from '#viewer/elements/dom';
import { saveAs } from '#viewer/elements/download';

const EDGE = 16;
const CAPTION = 24;
const DENSITY = 2; // pixels of a picture for one of the page

/** What is a chart, by its name; where it is in the page. @type {readonly [string, string][]} */
const CHARTS = [
  ['Strip', '#strip'],
  ['Code', '#code'],
  ['Comparison', '#diff'],
  ['Branches', '.tree-view'],
  ['Attention between lines', '.lines'],
  ['Structure', '.outline-both'],
  ['Decision', '.card[aria-current]'],
  ['Alternatives', '.weighed'],
  ['Attention', '.attention'],
  ['Layers', '.layers'],
  ['Where the alternatives lead', '.overview > section:has(.stack)'],
];

/** @typedef {import('#viewer/elements/chart_picture').Mark} Mark */
/** @typedef {import('#viewer/elements/chart_picture').Box} Box */

/** @param {(words: string) => void} say */
export function mountPictures(say) {
  const [source, setting] = ['.source', '.setting'].map((where) => document.querySelector(where)?.textContent ?? '');
  const list = h('ul', { class: 'shares pictures' });
  const close = closer('Close (Esc)', () => dialog.close());
  const dialog = h('dialog', { class: 'help', aria: { labelledby: 'pictures-title' } },
    h('header', { class: 'panel-head' }, h('h2', { id: 'pictures-title' }, 'Images'), close),
    h('p', {}, 'What is in sight, as it looks. A chart appears here while it is open.'), list);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  const give = (/** @type {string} */ sign, /** @type {string} */ name, /** @type {() => Promise<string>} */ make) => {
    const button = h('button', { type: 'button', class: 'toggle', aria: { label: `${sign}: ${name}` } }, sign);
    button.addEventListener('click', async () => {
      say(await make());
    });
    return button;
  };
  return {
    show() {
      replace(list, CHARTS.flatMap(([name, where]) => {
        const chart = document.querySelector(where);
        if (!chart?.getClientRects().length) return [];
        const caption = `${name} \u00b7 ${source} \u00b7 ${setting}`;
        const file = `${source} ${name.toLowerCase()}`.replace(/[^\w.]+/g, '-');
        return [h('li', {}, name, h('span', { class: 'views' },
          give('copy PNG', name, () => copyPng(chart, caption, `${file}.png`)),
          give('save SVG', name, async () => {
            const { marks, size } = pictureOf(chart, caption);
            return saveAs(`${file}.svg`, toSvg(marks, size), 'image/svg+xml');
          })))];
      }));
      dialog.showModal();
    },
  };
}

/** Where the clipboard is closed to the page, a file. @param {Element} chart @param {string} caption @param {string} name */
async function copyPng(chart, caption, name) {
  const { marks, size } = pictureOf(chart, caption);
  const canvas = h('canvas');
  canvas.width = DENSITY * size.width;
  canvas.height = DENSITY * size.height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.scale(DENSITY, DENSITY);
  paint(context, marks);
  const blob = /** @type {Promise<Blob>} */ (new Promise((resolve) => canvas.toBlob((made) => resolve(/** @type {Blob} */ (made)))));
  try {
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
    return 'Picture copied.';
  } catch {
    return saveAs(name, await blob, 'image/png');
  }
}

/** Everything of a chart that is in sight, on the page's paper, with a caption. @param {Element} chart @param {string} caption */
function pictureOf(chart, caption) {
  const { x, y, width, height } = meet(chart.getBoundingClientRect(), chart.matches('.sheet') ? { x: 0, y: 0, width: innerWidth, height: innerHeight } : null);
  /** @type {Mark[]} */
  const marks = [];
  collect(chart, { x, y, width, height }, marks);
  // Empty room at the right and at the bottom is left out.
  const reach = (/** @type {(mark: Mark) => number} */ end) => marks.reduce((most, mark) => Math.max(most, end(mark)), 0);
  const quiet = getComputedStyle(/** @type {Element} */ (document.querySelector('.setting')));
  const words = `${caption} \u00b7 TokenScope`;
  const measured = measure('12px', quiet).measureText(words).width;
  const size = {
    width: Math.ceil(Math.max(measured, Math.min(width, reach((mark) => mark.x + mark.width) - x))) + 2 * EDGE,
    height: Math.ceil(Math.min(height, reach((mark) => mark.y + mark.height) - y)) + 2 * EDGE + CAPTION,
  };
  const paper = { x: 0, y: 0, ...size, fill: getComputedStyle(document.documentElement).backgroundColor };
  const under = {
    ...fontOf(quiet),
    text: words,
    size: '12px',
    fill: quiet.color,
    x: EDGE,
    y: size.height - CAPTION,
    base: size.height - EDGE,
    width: measured,
    height: 16,
    clip: null,
  };
  return { marks: [paper, ...marks.map((mark) => shifted(mark, EDGE - x, EDGE - y)), under], size };
}

/** @param {Mark} mark @param {number} x @param {number} y */
function shifted(mark, x, y) {
  const moved = { ...mark, x: mark.x + x, y: mark.y + y };
  if ('base' in moved) {
    moved.base += y;
    if (moved.clip) moved.clip = { ...moved.clip, x: moved.clip.x + x, y: moved.clip.y + y };
  }
  return moved;
}

/** The marks of an element and all in it, back to front. @param {Element} element @param {Box} clip @param {Mark[]} marks */
function collect(element, clip, marks) {
  const style = getComputedStyle(element);
  const boxes = [...element.getClientRects()];
  if (!boxes.length || style.visibility === 'hidden' || element.matches('.visually-hidden, button:not(.go, [role] > *), select, label, kbd, [hidden]')) return;
  if (element instanceof HTMLCanvasElement) return void marks.push({ ...plain(element.getBoundingClientRect()), canvas: element });
  for (const box of boxes) decorate(style, plain(box), clip, marks);
  const before = getComputedStyle(element, '::before'); // a swatch stands at the beginning, in the middle of the line
  const [wide, tall] = [parseFloat(before.width), parseFloat(before.height)];
  const [{ x, y, height }] = /** @type {[DOMRect]} */ (boxes);
  if (before.position === 'static' && wide && tall) decorate(before, { x, y: y + (height - tall) / 2, width: wide, height: tall }, clip, marks);
  const within = style.overflowX === 'visible' || style.display === 'inline' ? clip : meet(element.getBoundingClientRect(), clip);
  for (const child of element.childNodes) {
    if (child instanceof Element) collect(child, within, marks);
    else if (child instanceof Text) write(child, style, within, marks);
  }
}

/** Ground, borders and the line under it. @param {CSSStyleDeclaration} style @param {Box} box @param {Box} clip @param {Mark[]} marks */
function decorate(style, box, clip, marks) {
  const { x, y, width, height } = box;
  const fill = (/** @type {string} */ colour, /** @type {Box} */ where, radius = 0) => {
    const seen = meet(where, clip);
    if (seen.width > 0 && seen.height > 0 && !/, 0\)$|^transparent$/.test(colour)) marks.push({ ...seen, fill: colour, radius });
  };
  fill(style.backgroundColor, box, parseFloat(style.borderTopLeftRadius));
  if (style.backgroundImage.startsWith('repeating') && style.backgroundSize === 'auto')
    for (let at = 0; at < width; at += 4)
      fill(style.backgroundImage.match(/rgba?\([^)]*\)/)?.[0] ?? 'grey', { x: x + at, y, width: Math.min(2, width - at), height });
  if (style.borderTopLeftRadius.endsWith('%')) return fill(style.borderTopColor, box, width);
  const [, shadow, depth] = /^(rgba?\([^)]*\)) 0px ([1-9])px 0px 0px$/.exec(style.boxShadow) ?? [];
  if (shadow) fill(shadow, { x, y: y + height, width, height: Number(depth) });
  for (const [side, edge] of /** @type {['Top' | 'Bottom' | 'Left' | 'Right', (by: number) => Box][]} */ ([
    ['Top', (by) => ({ x, y, width, height: by })], ['Bottom', (by) => ({ x, y: y + height - by, width, height: by })],
    ['Left', (by) => ({ x, y, width: by, height })], ['Right', (by) => ({ x: x + width - by, y, width: by, height })],
  ])) if (style[`border${side}Style`] !== 'none') fill(style[`border${side}Color`], edge(parseFloat(style[`border${side}Width`])));
}

/** The lines of a text. @param {Text} node @param {CSSStyleDeclaration} style @param {Box} clip @param {Mark[]} marks */
function write(node, style, clip, marks) {
  const range = document.createRange();
  range.selectNodeContents(node);
  if (!range.getClientRects().length) return;
  const context = measure(style.fontSize, style);
  const ascent = context.measureText('x').fontBoundingBoxAscent;
  const add = (/** @type {number} */ from, /** @type {number} */ to) => {
    range.setStart(node, from);
    range.setEnd(node, to);
    const box = range.getBoundingClientRect();
    const seen = meet(box, clip);
    const words = node.data.slice(from, to).replace(/\n/g, '');
    if (seen.width <= 0 || seen.height <= 0 || !words.trim()) return;
    const isCut = seen.width < box.width - 1 || seen.height < box.height - 1;
    const text = style.textTransform === 'uppercase' ? words.toUpperCase() : words;
    marks.push({ ...plain(box), ...fontOf(style), text, fill: style.color, base: box.y + ascent, size: style.fontSize, clip: isCut ? seen : null });
  };
  let from = 0;
  let top = NaN;
  for (let at = 0; at < node.length; at++) { // a character in another line ends the words before it
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    const box = range.getClientRects()[0];
    if (!box?.width) continue;
    if (Math.abs(box.y - top) > 2) {
      add(from, at);
      from = at;
    }
    top = box.y;
  }
  add(from, node.length);
}

/** @param {string} size @param {CSSStyleDeclaration} style */
function measure(size, style) {
  const context = /** @type {CanvasRenderingContext2D} */ (h('canvas').getContext('2d'));
  context.font = `${style.fontStyle} ${style.fontWeight} ${size} ${style.fontFamily}`;
  return context;
}

/** @param {CSSStyleDeclaration} style */
function fontOf(style) {
  return { style: style.fontStyle, weight: style.fontWeight, family: style.fontFamily };
}

/** @param {Box} box */
function plain({ x, y, width, height }) {
  return { x, y, width, height };
}

/** What two boxes share; of no width or height where that is nothing. @param {Box} one @param {Box | null} other */
function meet(one, other) {
  if (!other) return plain(one);
  const [x, y] = [Math.max(one.x, other.x), Math.max(one.y, other.y)];
  return { x, y, width: Math.min(one.x + one.width, other.x + other.width) - x, height: Math.min(one.y + one.height, other.y + other.height) - y };
}

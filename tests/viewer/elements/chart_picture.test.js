import assert from 'node:assert/strict';
import { test } from 'node:test';

import { paint, toSvg } from '#viewer/elements/chart_picture';

const words = { x: 4, y: 2, width: 30, height: 12, text: 'a', fill: 'rgb(1, 2, 3)', base: 11, size: '12px', style: 'normal', weight: '400', family: '"Some Sans", serif', clip: null };

test('rectangles and words become SVG of the size', () => {
  const svg = toSvg([{ x: 0, y: 0.004, width: 10.126, height: 5, fill: 'red', radius: 2 }, words], { width: 40.2, height: 20 });
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="41" height="20" viewBox="0 0 41 20">\n/);
  assert.ok(svg.includes('<rect x="0" y="0" width="10.13" height="5" rx="2" fill="red"/>'));
  assert.ok(svg.includes('<text x="4" y="11" textLength="30"'));
  assert.ok(svg.includes('font-family="&#34;Some Sans&#34;, serif"'));
});

test('text stays text, and what XML cannot hold is replaced', () => {
  const svg = toSvg([{ ...words, text: '</text><script>alert(1)</script>&\u0000\u001b\ud800\uffff\u{1f600}' }], { width: 1, height: 1 });
  assert.ok(svg.includes('&#60;/text&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;\ufffd\ufffd\ufffd\ufffd\u{1f600}</text>'));
});

test('words that are cut off have an edge of their own', () => {
  const svg = toSvg([{ ...words, clip: { x: 3, y: 1, width: 10, height: 14 } }], { width: 40, height: 20 });
  assert.match(svg, /<svg x="3" y="1" width="10" height="14"><text x="1" y="10" /);
});

test('a canvas takes the same marks', () => {
  /** @type {unknown[][]} */
  const calls = [];
  const context = new Proxy({}, { get: (_, name) => (/** @type {unknown[]} */ ...given) => calls.push([name, ...given]), set: (_, name, value) => Boolean(calls.push([name, value])) });
  const canvas = /** @type {HTMLCanvasElement} */ (/** @type {unknown} */ ({}));
  paint(/** @type {CanvasRenderingContext2D} */ (context), [{ x: 1, y: 2, width: 3, height: 4, fill: 'red', radius: 9 }, words, { x: 5, y: 6, width: 7, height: 8, canvas }]);
  assert.deepEqual(calls.filter(([name]) => ['roundRect', 'fillText', 'drawImage', 'font', 'fillStyle'].includes(String(name))), [
    ['fillStyle', 'red'], ['roundRect', 1, 2, 3, 4, 1.5],
    ['fillStyle', 'rgb(1, 2, 3)'], ['font', 'normal 400 12px "Some Sans", serif'], ['fillText', 'a', 4, 11, 31],
    ['drawImage', canvas, 5, 6, 7, 8],
  ]);
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { bars, placeAt, runs, scaleOf } from '#viewer/reading/strip_layout';

test('every place can be reached by a pixel, and its bar lies there', () => {
  for (const [count, width] of [[1, 300], [40, 300], [300, 300]]) {
    const scale = scaleOf(count, width);
    for (const { place, x, width: bar } of bars(scale, () => 0.5)) assert.equal(placeAt(scale, x + bar / 2), place);
  }
});

test('pixels outside of the tokens mean the nearest of them', () => {
  const scale = scaleOf(10, 1000);
  assert.equal(placeAt(scale, -5), 0);
  assert.equal(placeAt(scale, 900), 9);
});

test('where tokens are more than pixels, the most uncertain of each pixel is drawn', () => {
  const heights = Float32Array.from({ length: 1000 }, (_, i) => (i === 503 ? 1 : i % 7 === 0 ? NaN : 0.1));
  const found = bars(scaleOf(1000, 100), (place) => heights[place]);
  assert.equal(found.length, 100);
  assert.equal(found.filter(({ place }) => place === 503).length, 1);
  assert.ok(found.every(({ height }) => !Number.isNaN(height)));
});

test('runs cover everything once, in order', () => {
  assert.deepEqual(runs(5, (place) => place < 2), [[0, 2, true], [2, 5, false]]);
  assert.deepEqual(runs(0, () => 1), []);
});

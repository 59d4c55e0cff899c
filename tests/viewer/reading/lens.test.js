import assert from 'node:assert/strict';
import test from 'node:test';
import { isUnderLens, layersAt, settledLayers } from '#viewer/reading/lens';
import { bucketOf, marksOf, metricsOf, MISSING } from '#viewer/reading/metrics';

/** Ranks by layer, of the nodes from 2 on. */
function lensOf(layers, ranks) {
  const rank = Int32Array.from(ranks.flat());
  const measured = Float32Array.from(rank, (value) => (value ? 0.5 : NaN));
  return { layers, first: 2, count: ranks[0].length, reason: null, rank, token_id: rank.map((value) => 10 * value), probability: measured, logprob: measured };
}
const LENS = lensOf([0, 4, 10], [[1, 5, 1, 1, 0], [1, 1, 7, 1, 0], [1, 1, 1, 3, 0]]);

test('a token settles where it becomes the first choice and stays it', () => {
  const values = [...settledLayers(LENS, 8)];
  assert.deepEqual(values, [NaN, NaN, 0, 4, 10, Infinity, NaN, NaN]);
});

test('a token has one row per recorded layer, from the first one on', () => {
  assert.deepEqual(layersAt(LENS, 4), [
    { layer: 0, id: 10, p: 0.5, rank: 1, settled: false },
    { layer: 4, id: 70, p: 0.5, rank: 7, settled: false },
    { layer: 10, id: 10, p: 0.5, rank: 1, settled: true },
  ]);
  assert.deepEqual(layersAt(LENS, 5).map(({ settled }) => settled), [false, false, false]);
  for (const node of [0, 1, 6, 7, -1]) assert.deepEqual(layersAt(LENS, node), [], `node ${node}`);
  assert.deepEqual([1, 2, 6, 7].map((node) => isUnderLens(LENS, node)), [false, true, true, false]);
});

test('the scale is a share of the recorded depth; never is its last step, not measured is none', () => {
  const nodes = { sampled_logprob: Float32Array.of(NaN), rank: new Int32Array(8) };
  const metric = metricsOf(nodes, LENS).at(-1);
  assert.equal(metric.key, 'settled');
  assert.deepEqual([0, 4, 5, 7, 8, 9, 10, Infinity, NaN].map((value) => bucketOf(metric, value)), [0, 0, 1, 2, 2, 3, 4, 5, MISSING]);
  assert.deepEqual(marksOf(metric), ['0', '50', '70', '85', '95', 'never']);
  assert.deepEqual([0, 10, Infinity, NaN].map(metric.format), ['layer 0', 'layer 10', 'never', 'not measured']);
  for (const value of metric.values(nodes)) assert.ok(Number.isNaN(value) || (metric.height(value) >= 0 && metric.height(value) <= 1));
});

test('a single recorded layer makes a scale, too; without a lens there is none', () => {
  const nodes = { sampled_logprob: Float32Array.of(NaN), rank: new Int32Array(3) };
  const metric = metricsOf(nodes, lensOf([0], [[1]])).at(-1);
  assert.equal(bucketOf(metric, 0), 4);
  assert.equal(metric.height(0), 0);
  assert.equal(metricsOf(nodes).length, 6);
  assert.equal(metricsOf(nodes, { ...LENS, layers: [], rank: new Int32Array(), reason: 'it has no final norm' }).length, 6);
});

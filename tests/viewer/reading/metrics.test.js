import assert from 'node:assert/strict';
import test from 'node:test';
import { BUCKETS, bucketOf, bucketsOf, marksOf, metricsOf, MISSING } from '#viewer/reading/metrics';

const column = (...values) => Float32Array.from(values);
const nodes = {
  logprob: column(NaN, 0, Math.log(0.5), -10, -Infinity),
  entropy: column(NaN, 0, 1, 2, 3), margin: column(NaN, 1, 0, 0.5, 0.2), rank: Int32Array.from([0, 1, 2, 5, 1000]), gap: column(NaN, 0, 0.7, 1, 2),
  sampled_logprob: column(NaN, NaN, NaN, NaN, NaN),
};

test('surprisal is -log2 p and never negative zero', () => {
  const values = metricsOf(nodes)[0].values(nodes);
  assert.ok(Number.isNaN(values[0]));
  assert.ok(Object.is(values[1], 0));
  assert.ok(Math.abs(values[2] - 1) < 1e-6);
  assert.equal(values[4], Infinity);
});

test('what is not measured has no bucket, whatever the metric', () => {
  for (const metric of metricsOf(nodes)) {
    const buckets = bucketsOf(metric, metric.values(nodes));
    assert.equal(buckets[0], MISSING, metric.key);
    assert.equal(buckets[1], 0, `${metric.key}: certainty has the colour of the paper`);
    assert.ok(buckets[4] > 0 && buckets[4] < BUCKETS, metric.key);
  }
});

test('more uncertain never means a lower bucket', () => {
  for (const metric of metricsOf(nodes)) {
    const grid = Array.from({ length: 400 }, (_, i) => (metric.falling ? 1 - i / 400 : i / 20 + (metric.key === 'rank' ? 1 : 0)));
    const found = grid.map((value) => bucketOf(metric, value));
    assert.deepEqual(found, [...found].sort(), metric.key);
    assert.equal(marksOf(metric).length, BUCKETS);
    assert.equal(metric.edges.length, BUCKETS - 1);
  }
});

test('the legend prints the edges that colour', () => {
  const marks = Object.fromEntries(metricsOf(nodes).map((metric) => [metric.key, marksOf(metric).join(' ')]));
  assert.equal(marks.surprisal, '0 0.1 0.5 1 2 4');
  assert.equal(marks.probability, '100 95 75 50 25 5');
  assert.equal(marks.margin, '1 .95 .75 .5 .25 .05');
  assert.equal(marks.rank, '1 2 3 5 10 100');
});

test('bars stay inside the strip', () => {
  for (const metric of metricsOf(nodes)) {
    for (const value of metric.values(nodes)) {
      const height = metric.height(value);
      assert.ok(Number.isNaN(value) ? Number.isNaN(height) : height >= 0 && height <= 1, `${metric.key} ${value}`);
    }
  }
});

test('the sampled probability is offered only where something was sampled', () => {
  assert.equal(metricsOf(nodes).length, 6);
  assert.equal(metricsOf({ ...nodes, sampled_logprob: column(NaN, -1) }).length, 7);
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { distributionAt } from '#viewer/reading/alternatives';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

const column = (...values) => Float32Array.from(values);

/** One predicted token `own` (0 to 3) after a root; the two most probable are 1 (p 0.6) and 2 (p 0.3), the tail is 0.1. */
function measured({ own, p, rank, q = NaN, qs = [NaN, NaN], qTail = NaN }) {
  const texts = ['root', 'one', 'two', 'three'];
  return readTrace(encode(recording({
    prompt: texts, output: [texts[own]],
    nodes: {
      logprob: column(NaN, NaN, NaN, NaN, Math.log(p)), rank: Int32Array.of(0, 0, 0, 0, rank), tail: column(NaN, NaN, NaN, NaN, 0.1),
      sampled_logprob: column(NaN, NaN, NaN, NaN, Math.log(q)), sampled_tail: column(NaN, NaN, NaN, NaN, qTail), alternative_count: Uint16Array.of(0, 0, 0, 0, 2),
    },
    alternatives: { token_id: Int32Array.of(1, 2), logprob: column(Math.log(0.6), Math.log(0.3)), sampled_logprob: column(...qs.map(Math.log)) },
  })));
}
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);

test('rows and the rest add up to one, what was written is marked', () => {
  const { rows, others, sampled } = distributionAt(measured({ own: 2, p: 0.3, rank: 2 }), 4);
  assert.deepEqual(rows.map(({ id, rank, written }) => [id, rank, written]), [[1, 1, false], [2, 2, true]]);
  near(rows.reduce((sum, { p }) => sum + p, 0) + others.p, 1);
  assert.equal(sampled, false);
});

test('what was written outside of the most probable has a row, its rank, and is taken out of the rest', () => {
  const { rows, others } = distributionAt(measured({ own: 3, p: 0.04, rank: 17 }), 4);
  assert.deepEqual(rows.map(({ id, rank, written }) => [id, rank, written]), [[1, 1, false], [2, 2, false], [3, 17, true]]);
  near(others.p, 0.06);
  near(rows.reduce((sum, { p }) => sum + p, 0) + others.p, 1);
});

test('the distribution that was sampled from stands beside', () => {
  const { rows, others, sampled } = distributionAt(measured({ own: 1, p: 0.6, rank: 1, q: 0.8, qs: [0.8, 0.2], qTail: 0 }), 4);
  assert.equal(sampled, true);
  near(rows[0].q, 0.8);
  near(rows[1].q, 0.2);
  assert.equal(others.q, 0);
});

test('ties share a rank', () => {
  const trace = measured({ own: 1, p: 0.6, rank: 1 });
  trace.alternatives.logprob.fill(Math.log(0.45));
  assert.deepEqual(distributionAt(trace, 4).rows.map(({ rank }) => rank), [1, 1]);
});

test('a root has no distribution', () => assert.equal(distributionAt(measured({ own: 1, p: 0.6, rank: 1 }), 0), null));

import assert from 'node:assert/strict';
import test from 'node:test';
import { forward, indexOf } from '#viewer/reading/attention';
import { layOut } from '#viewer/reading/layout';
import { linesOf, matrixOf, shareAt } from '#viewer/reading/matrix';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

/** Three lines of two, two and one tokens, then a branch; one layer of two heads that keep two sources. */
const trace = readTrace(encode(recording({ prompt: ['a', '\n'], output: ['b', '\n', 'c'], branches: [{ after: 3, text: ['X', '\n', 'Y'] }] }, {
  top: 2,
  layers: [{
    layer: 3,
    rows: [
      [[[0, 1]], [[0, 1]]], [[[0, 0.64], [1, 0.36]], [[1, 0.75], [0, 0.25]]], [[[0, 0.49], [2, 0.25]], [[1, 0.5], [0, 0.36]]],
      [[[0, 0.81], [3, 0.09]], [[2, 0.64], [3, 0.16]]], [[[0, 0.49], [1, 0.25]], [[4, 0.36], [3, 0.25]]],
    ],
  }],
})));
const index = indexOf(trace.attention);
const lines = linesOf(layOut(trace, trace.path(4)));
const ask = (change, spans = lines) => matrixOf(index, trace, spans, { own: true, aside: false, layer: -1, head: -1, ...change });
const near = (found, expected, within = 0.003) => assert.ok(Math.abs(found - expected) <= within, `${found} is not ${expected}`);
const whole = (matrix, row) => Array.from({ length: lines.count }, (_, column) => shareAt(matrix, row, column)).reduce((sum, share) => sum + share, matrix.unkept[row] + matrix.aside[row]);

test('a line is the mean of its tokens and heads, and with what was not kept adds up to 1', () => {
  const matrix = ask({});
  assert.deepEqual([...matrix.tokens], [2, 2, 1]);
  near(shareAt(matrix, 0, 0), 1);
  near(shareAt(matrix, 1, 0), (0.49 + 0.86 + 0.81) / 4);
  near(shareAt(matrix, 1, 1), (0.25 + 0.09 + 0.8) / 4);
  near(matrix.unkept[1], (0.26 + 0.14 + 0.1 + 0.2) / 4);
  assert.equal(shareAt(matrix, 1, 2), 0);
  for (const row of [0, 1, 2]) near(whole(matrix, row), 1, 0.005);
});

test('each row is what its tokens have one by one', () => {
  const matrix = ask({ head: 1, layer: 3 });
  for (const row of [0, 1, 2]) {
    for (const column of [0, 1, 2]) {
      const queries = [0, 1, 2, 3, 4].filter((node) => lines.of[node] === row);
      const sums = queries.map((query) => forward(index, { layer: 3, head: 1 }, query).share.reduce((sum, share, node) => sum + (lines.of[node] === column ? share : 0), 0));
      near(shareAt(matrix, row, column), sums.reduce((a, b) => a + b, 0) / queries.length, 1e-6);
    }
  }
});

test('what predicted a line are the rows of the tokens before its tokens; nothing predicted the first', () => {
  const matrix = ask({ own: false });
  assert.deepEqual([...matrix.tokens], [1, 2, 1]);
  near(shareAt(matrix, 2, 0), 0.405);
  near(shareAt(matrix, 2, 1), (0.09 + 0.8) / 2);
});

test('the first token set aside is told apart, and rows still add up', () => {
  const matrix = ask({ aside: true });
  near(matrix.aside[2], 0.245);
  near(shareAt(matrix, 2, 0), 0.125);
  for (const row of [0, 1, 2]) near(whole(matrix, row), 1, 0.005);
});

test('lines of a branch have no attention, only its first token was predicted by some', () => {
  const spans = linesOf(layOut(trace, trace.path(7)));
  assert.deepEqual([...ask({}, spans).tokens], [2, 2, 0, 0]);
  const matrix = ask({ own: false }, spans);
  assert.deepEqual([...matrix.tokens], [1, 2, 1, 0]);
  assert.equal(matrix.start[3], matrix.start[4]);
});

test('any spans will do: a token may be in none', () => {
  const matrix = ask({}, { count: 1, of: Int32Array.of(-1, 0, -1, 0, -1, -1, -1, -1) });
  assert.deepEqual([...matrix.tokens], [2]);
  near(shareAt(matrix, 0, 0), (0.36 + 0.75 + 0.09 + 0.16) / 4);
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { distributionAt } from '#viewer/reading/alternatives';
import { treeOf } from '#viewer/reading/branches';
import { open, read } from '#viewer/reading/reading';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

/** Main 0 to 4; branch 0 is 5 to 7 after 1, branch 1 is 8 after 6 (on branch 0), branch 2 is 9 and 10 after 1, branch 3 is 11 after the end. */
function example(more = {}) {
  return readTrace(encode(recording({
    prompt: ['a'], output: ['b', 'c', 'd', 'e'],
    branches: [
      { after: 1, text: ['f', 'g', 'h'], p: 0.25 }, { after: 6, text: ['i'], end: 1, p: 0.5 }, { after: 1, text: ['j', 'k'], end: 5, p: 0.125 }, { after: 4, text: ['l'], end: 6 },
    ],
    ...more,
  })));
}

test('every node knows its branch, every branch its parent and its trail', () => {
  const tree = treeOf(example());
  assert.deepEqual(Array.from({ length: 13 }, (_, node) => tree.branchOf(node)), [-1, -1, -1, -1, -1, 0, 0, 0, 1, 2, 2, 3, -2]);
  assert.deepEqual([0, 1, 2, 3].map(tree.parentOf), [-1, 0, -1, -1]);
  assert.deepEqual([-1, 0, 1, 2].map(tree.trail), [[], [0], [0, 1], [2]]);
  assert.deepEqual([-1, 0, 1, 2].map(tree.leafOf), [4, 7, 8, 10]);
});

test('whether a node is on a path agrees with the path itself', () => {
  const trace = example();
  const tree = treeOf(trace);
  for (let branch = -1; branch < tree.count; branch++) {
    const path = [...trace.path(tree.leafOf(branch))];
    for (let node = -1; node <= trace.count; node++) assert.equal(tree.isOn(branch, node), path.includes(node), `branch ${branch}, node ${node}`);
  }
});

test('siblings stand in one place, whichever of them one asks', () => {
  const tree = treeOf(example());
  for (const node of [2, 5, 9]) assert.deepEqual(tree.siblings(node), [2, 5, 9]);
  assert.deepEqual(tree.siblings(7), [7, 8]);
  assert.deepEqual(tree.siblings(3), [3]);
  assert.deepEqual(tree.siblings(11), [11], 'nothing follows the end of the main path');
  assert.deepEqual([5, 8, 9, 11].map(tree.replaced), [2, 7, 2, -1]);
  assert.deepEqual(read(open(example()), 0).forks, [5, 7]);
});

test('the explored share is the sum over all siblings, never more than one', () => {
  const nodes = { logprob: Float32Array.from([NaN, -1, Math.log(0.5), 0, 0, Math.log(0.25), 0, Math.log(0.9), Math.log(0.5), Math.log(0.125), 0, 0]) };
  const tree = treeOf(example({ nodes }));
  for (const node of [2, 5, 9]) assert.ok(Math.abs(tree.explored(node) - 0.875) < 1e-6);
  assert.equal(tree.explored(8), 1);
});

test('every end has words of its own, two of them end the text', () => {
  const ends = [0, 1, 2, 3, 4, 5, 6];
  const trace = example({ branches: ends.map((end, i) => ({ after: 1, text: [`x${i}`], end, rejoined: end === 3 ? 2 : -1 })) });
  const tree = treeOf(trace);
  assert.equal(new Set(ends.map(tree.endOf)).size, 7);
  assert.match(tree.endOf(0), /after 1 token,/);
  assert.deepEqual(ends.filter(tree.isFinished), [1, 2]);
});

test('a continuation outside of the most probable has a row, and leaves the rest', () => {
  const nodes = { logprob: Float32Array.from([NaN, 0, Math.log(0.5), ...Array(9).fill(-3)]), tail: new Float32Array(12).fill(0.5), rank: new Int32Array(12).fill(9), alternative_count: Uint16Array.of(0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0) };
  const trace = example({ nodes, alternatives: { token_id: Int32Array.of(2), logprob: Float32Array.of(Math.log(0.5)), sampled_logprob: Float32Array.of(NaN) } });
  const { rows, others } = distributionAt(trace, 2, [2, 5, 9]);
  assert.deepEqual(rows.map((row) => [row.node, row.written]), [[2, true], [5, false], [9, false]]);
  assert.ok(Math.abs(others.p - (0.5 - 2 * Math.exp(-3))) < 1e-6);
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { treeOf } from '#viewer/reading/branches';
import { layOutTree } from '#viewer/reading/tree_layout';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

const ALL = { least: 0, folded: new Set() };

function laidOut(branches, fold = ALL, output = 12) {
  const trace = readTrace(encode(recording({ prompt: ['p', 'q'], output: Array.from({ length: output }, (_, i) => `m${i}`), branches })));
  return { trace, layout: layOutTree(trace, treeOf(trace), fold) };
}
/** A made-up forest: branches on earlier tokens, with distinct first tokens. */
function forest(count) {
  let seed = 3;
  const random = (limit) => (seed = (seed * 48271) % 0x7fffffff) % limit;
  const branches = [];
  for (let i = 0, made = 42; i < count; i++) {
    const length = 1 + random(9);
    const after = random(3) ? 2 + random(38) : 2 + random(made - 2);
    branches.push({ after, text: Array.from({ length }, (_, k) => `b${i}.${k}`), p: (1 + random(900)) / 1000 });
    made += length;
  }
  return branches;
}

test('the main path is the trunk, a branch hangs below what it leaves', () => {
  const { layout } = laidOut([{ after: 4, text: ['a', 'b', 'c'] }, { after: 15, text: ['d'] }]);
  assert.deepEqual(layout.bars.map(({ branch, first, last, row, level }) => [branch, first, last, row, level]), [[-1, 0, 11, 0, 1], [0, 3, 5, 1, 2], [1, 5, 5, 2, 3]]);
  assert.deepEqual(layout.forks, [{ at: 3, from: 0, to: 1 }, { at: 5, from: 1, to: 2 }]);
  assert.equal(layout.width, 12);
});

test('bars never overlap, and each hangs below its parent within its parent\u2019s length', () => {
  const { layout } = laidOut(forest(400), ALL, 40);
  assert.equal(layout.bars.length, 401);
  for (const row of layout.rows) {
    for (let i = 1; i < row.length; i++) assert.ok(row[i].first > row[i - 1].last);
  }
  for (const { parent, row, first } of layout.bars.slice(1)) {
    assert.ok(row > parent.row);
    assert.ok(first > parent.first && first <= parent.last + 1);
  }
});

test('what is under the pointer is what is drawn there', () => {
  const { trace, layout } = laidOut(forest(60), ALL, 40);
  for (const bar of layout.bars) {
    for (let at = bar.first; at <= bar.last; at++) {
      assert.equal(layout.find(bar.row, at), bar);
      const node = layout.nodeAt(bar, at);
      assert.equal(layout.positionOf(node), at);
      assert.equal(treeOf(trace).branchOf(node), bar.branch);
    }
  }
  assert.equal(layout.find(0, 40), undefined);
  assert.equal(layout.find(99, 0), undefined);
});

test('folding hides a branch with all that hangs on it', () => {
  const branches = [{ after: 4, text: ['a', 'b', 'c'], p: 0.02 }, { after: 6, text: ['x'], p: 0.5 }, { after: 15, text: ['d'], p: 0.9 }];
  const shown = (fold) => laidOut(branches, { ...ALL, ...fold }).layout.bars.map(({ branch }) => branch);
  assert.deepEqual(shown({}), [-1, 0, 2, 1]);
  assert.deepEqual(shown({ least: 0.1 }), [-1, 1]);
  assert.deepEqual(shown({ folded: new Set([0]) }), [-1, 0, 1]);
  assert.deepEqual(shown({ folded: new Set([-1]) }), [-1]);
});

test('a recording without output has a tree, too', () => {
  const { layout } = laidOut([{ after: 1, text: ['a'] }], ALL, 0);
  assert.deepEqual(layout.bars.map(({ first, last }) => [first, last]), [[0, 0], [0, 0]]);
});

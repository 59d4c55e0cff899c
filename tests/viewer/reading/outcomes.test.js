import assert from 'node:assert/strict';
import test from 'node:test';
import { treeOf } from '#viewer/reading/branches';
import { decisionsOn } from '#viewer/reading/decisions';
import { layOut } from '#viewer/reading/layout';
import { outcomeOf } from '#viewer/reading/outcomes';
import { structureOf, whereIs } from '#viewer/reading/syntax';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

const parts = { prompt: ['a', '\n'], output: ['b', ' =', ' c', '\n', 'd'], branches: [{ after: 1, text: ['x', ' =', ' c'] }, { after: 7, text: ['y'] }] };
const traceOf = (more = {}) => readTrace(encode(recording({ ...parts, ...more })));
const pathOf = (trace, tree, branch) => layOut(trace, trace.path(tree.leafOf(branch)));

test('what a branch led to has words and a key; where nothing is known there are none', () => {
  assert.equal(outcomeOf({ outcomes: { outcome: new Uint8Array() } }, 0), null);
  const trace = { outcomes: { outcome: Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) } };
  const found = Array.from({ length: 11 }, (_, branch) => outcomeOf(trace, branch));
  assert.deepEqual(found.map(({ key }) => key), ['unknown', 'same', 'same', 'renamed', 'expression', 'control', 'calls', 'broken', 'unfinished', 'follows', 'complete']);
  assert.ok(found.every(({ words }) => words));
  assert.equal(outcomeOf(trace, -1), null);
});

test('a decision stands on a path with its own tokens, or with what a branch has in their place', () => {
  const trace = traceOf();
  trace.decisions = { node: Int32Array.from([2, 4]), count: Uint16Array.from([2, 1]), syntax: Int32Array.from([-1, -1]), flags: Uint8Array.from([0, 2]) };
  const tree = treeOf(trace);
  const on = (branch) => decisionsOn(trace, tree, pathOf(trace, tree, branch));
  assert.deepEqual(on(-1), [{ number: 1, node: 2, nodes: [2, 3], line: 1, taste: false }, { number: 2, node: 4, nodes: [4], line: 1, taste: true }]);
  assert.deepEqual(on(0), [{ number: 1, node: 7, nodes: [7], line: 1, taste: false }]);
  assert.deepEqual(on(1), [{ number: 1, node: 7, nodes: [7], line: 1, taste: false }], 'a branch of the branch');
});

test('a decision stands on the line of its first sign that is no white space', () => {
  const trace = readTrace(encode(recording({ prompt: ['a'], output: ['\n  b', '\n\n', 'c'] })));
  trace.decisions = { node: Int32Array.from([1, 2]), count: Uint16Array.from([1, 1]), syntax: Int32Array.from([-1, -1]), flags: new Uint8Array(2) };
  const tree = treeOf(trace);
  const lines = () => decisionsOn(trace, tree, pathOf(trace, tree, -1)).map(({ line }) => line);
  assert.deepEqual(lines(), [1, 1], 'of white space alone: where it begins');
  trace.decisions.syntax = Int32Array.from([0, 0]);
  assert.deepEqual(lines(), [1, 3], 'before a part of the syntax: where that begins');
});

test('the tokens of a branch have the kinds of its own program', () => {
  const syntax = [
    { nodes: [['module', -1, 0, 9, 1], ['assignment', 0, 2, 7, 17], ['identifier', 1, 2, 3, 9]] },
    { branch: 0, nodes: [['module', -1, 0, 7, 1], ['call', 0, 2, 7, 9], ['name', 1, 2, 3, 9]] },
  ];
  const trace = traceOf({ syntax });
  const kind = (branch, node) => whereIs(structureOf(trace, 0, branch), node).kind;
  assert.deepEqual([kind(-1, 2), kind(0, 7)], ['identifier', 'name']);
  assert.equal(structureOf(trace, 0, 1), null);
});

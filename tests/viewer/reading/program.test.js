import assert from 'node:assert/strict';
import { test } from 'node:test';

import { layOut } from '#viewer/reading/layout';
import { behindOf, codeOf } from '#viewer/reading/program';
import { readTrace } from '#viewer/trace/trace';

import { encode, recording } from '../recording.js';

/** @param {Parameters<typeof recording>[0]} options @param {number} [kept] of the main path */
function traced(options, kept) {
  const trace = readTrace(encode(recording(options)));
  if (kept !== undefined) trace.run['program'] = { kept };
  return trace;
}

/** The pieces of the code that are grey, as `node:line`. @param {import('#viewer/trace/trace').Trace} trace @param {number} branch @param {number} leaf */
function grey(trace, branch = -1, leaf = trace.run['main_leaf']) {
  const layout = layOut(trace, trace.path(leaf));
  const behind = behindOf(trace, layout, branch);
  return behind && { last: behind.last, cells: layout.lines.flatMap((cells, line) => cells.filter(({ node }) => behind.holds(node, line)).map(({ node }) => `${node}:${line}`)) };
}

test('what was written behind the program is known, by token and line', () => {
  const options = { prompt: ['def f():\n'], output: ['  return 1\n', '\n\ndef', ' g'] };
  assert.equal(grey(traced(options)), null, 'nothing is known of an older recording');
  assert.equal(grey(traced(options, 2 ** 32 - 1)), null);
  assert.equal(grey(traced(options, 9 + 11 + 5 + 2)), null, 'all of it is of the program');
  assert.deepEqual(grey(traced(options, 20)), { last: 1, cells: ['2:2', '2:3', '2:4', '3:4'] });
  assert.deepEqual(grey(traced(options, 21)), { last: 1, cells: ['2:3', '2:4', '3:4'] }, 'a token that the end lies in is grey from there on');
  assert.deepEqual(grey(traced(options, 25)), { last: 2, cells: ['3:4'] });
});

test('the prompt is never grey, nor the suffix behind a hole', () => {
  const segments = [{ role: 'prefix', first: 0, end: 1 }, { role: 'suffix', first: 1, end: 2 }];
  const trace = traced({ prompt: ['a(', ')\n'], output: ['1', 'stop'], kind: 'fim', segments }, 3);
  assert.deepEqual(grey(trace), { last: 2, cells: ['3:0'] });
  assert.equal(codeOf(trace, '0-3 7-9'), 'a(1)\n');
});

test('control tokens have no bytes', () => {
  const trace = traced({ prompt: ['<s>', 'a'], output: ['b', '</s>'], special: ['<s>', '</s>'] }, 1);
  assert.deepEqual(grey(trace)?.cells, ['2:0', '3:0']);
  assert.equal(codeOf(trace, '0-2'), 'ab');
});

test('each branch has an end of its own', () => {
  const trace = traced({ prompt: ['a'], output: ['b'], branches: [{ after: 0, text: ['c', 'd'] }] });
  trace.outcomes = { ...trace.outcomes, kept: Uint32Array.of(2) };
  assert.deepEqual(grey(trace, 0, 3), { last: 2, cells: ['3:0'] });
});

test('code keeps a mark of byte order, and joins its stretches', () => {
  const trace = traced({ prompt: ['\ufeffx\n'], output: ['```\n', 'y\n', '```\n', 'z'] });
  assert.equal(codeOf(trace, '0-5'), '\ufeffx\n');
  assert.equal(codeOf(trace, '9-11 15-16'), 'y\nz');
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { align } from '#viewer/reading/alignment';
import { asText, differences } from '#viewer/reading/branch_diff';
import { open, read } from '#viewer/reading/reading';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

const MAIN = ['if', ' a', ' <', ' 0', ':', '\n    ', 'raise', ' E', '\n', 'return', ' a', '\n', 'end', '\n'];

/** The diff of one branch that departs after `after` tokens of the output. */
function compare(after, text, branch = {}, output = MAIN, more = {}) {
  const trace = readTrace(encode(recording({ prompt: ['def f(a):', '\n'], output, branches: [{ after: after + 1, text, ...branch }], ...more })));
  const recorded = open(trace);
  return differences(read(recorded, -1), read(recorded, 0));
}
const text = (found) => asText(found, 'b').split('\n').slice(2, -1);
const changed = (row) => row.parts.filter(({ mark }) => mark === 'changed').map(({ pieces }) => pieces.map((piece) => piece.text).join(''));

test('one token that differs: one line each, the token marked, the rest of the main path not called deleted', () => {
  const found = compare(2, [' <=', ' 0', ':']);
  assert.deepEqual(text(found), [' def f(a):', '-if a < 0:', '+if a <= 0:', '# The branch ends here: after 3 tokens, the length that was asked for. It was not continued beyond; the main path goes on for 3 lines.']);
  assert.deepEqual(found.rows.filter(({ kind }) => kind !== 'same').map(changed), [[' <'], [' <=']]);
  assert.deepEqual([found.removed, found.added], [1, 1]);
});

test('a branch that ends the text deletes what the main path says beyond', () => {
  const found = compare(2, [' <=', ' 0', ':', '\n    ', 'pass', '\n'], { end: 1 });
  assert.deepEqual(text(found), [' def f(a):', '-if a < 0:', '+if a <= 0:', '-    raise E', '+    pass', '-return a', '-end', '# The branch ends here: the model ended the text.']);
});

test('nothing in common: what was replaced is deleted, the rest of its line lies beyond', () => {
  const found = compare(2, [' is', ' None']);
  assert.deepEqual(text(found).slice(1, 3), ['-if a < 0:', '+if a is None']);
  const marks = found.rows.find(({ kind }) => kind === 'main').parts.map(({ mark }) => mark);
  assert.deepEqual(marks, ['same', 'same', 'changed', 'beyond', 'beyond', 'beyond']);
});

test('a branch that rejoins is compared exactly as far as that', () => {
  const found = compare(1, [' ', 'a', ' <'], { end: 3, rejoined: 4 });
  assert.deepEqual([found.removed, found.added], [1, 2]);
  assert.match(found.end, /says the same/);
  assert.ok(!text(found).some((line) => line.startsWith('-') && line.includes('return')));
});

test('lines far from a difference are left out and counted', () => {
  const lines = Array.from({ length: 30 }, (_, i) => [`x${i}`, '\n']).flat();
  const found = compare(40, ['y', ...lines.slice(41, 58), 'z', '\n'], { end: 2 }, lines);
  assert.deepEqual(found.rows.filter(({ kind }) => kind === 'gap').map((gap) => gap.lines), [18, 2]);
  assert.deepEqual(text(found).filter((line) => /^[-+]/.test(line)), ['-x20', '+y', '-x29', '+z']);
});

test('a hole: the text after it is not compared', () => {
  const segments = [['prefix', 0, 1], ['suffix', 1, 2]].map(([role, first, end]) => ({ role, first, end }));
  const found = compare(1, [' y', ' z'], { end: 1 }, ['x', ' q', ' z'], { kind: 'fim', segments });
  assert.deepEqual(text(found).filter((line) => /^[-+]/.test(line)), ['-def f(a):x q z', '+def f(a):x y z']);
});

test('what cannot be seen stays exact in the text', () => {
  const found = compare(2, ['\u202e', '\t', 'x  ']);
  assert.ok(text(found).includes('+if a\u202e\tx  '));
});

test('an alignment covers all of the second run and a beginning of the first, in order', () => {
  let seed = 5;
  const random = (limit) => (seed = (seed * 48271) % 0x7fffffff) % limit;
  for (let round = 0; round < 60; round++) {
    const run = (length) => Array.from({ length }, () => `w${random(6)}`);
    const [a, b] = [run(random(30)), run(random(30))];
    const { pairs, used } = align(a, b);
    assert.deepEqual(pairs.filter((pair) => pair.a >= 0).map((pair) => pair.a), [...a.keys()].slice(0, used));
    assert.deepEqual(pairs.filter((pair) => pair.b >= 0).map((pair) => pair.b), [...b.keys()]);
    for (const pair of pairs) if (pair.a >= 0 && pair.b >= 0) assert.equal(a[pair.a], b[pair.b]);
  }
});

test('equal runs are equal throughout, long ones too', () => {
  const long = Array.from({ length: 3000 }, (_, i) => `w${i % 700}`);
  const { pairs, used } = align(long, long);
  assert.equal(used, 3000);
  assert.ok(pairs.every(({ a, b }) => a === b));
});

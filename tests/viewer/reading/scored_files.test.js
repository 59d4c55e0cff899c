import assert from 'node:assert/strict';
import test from 'node:test';
import { open, read } from '#viewer/reading/reading';
import { filesOf, foldsOf, textOf } from '#viewer/reading/scored_files';
import { INITIAL, reduce, toHash } from '#viewer/state';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

/** A trace of scored files: each a list of [token, bits]; NaN bits were not measured. */
function traceOf(files, special = []) {
  const tokens = files.flatMap(({ tokens }) => tokens);
  const ends = files.map((_, i) => files.slice(0, i + 1).reduce((sum, { tokens }) => sum + tokens.length, 0));
  const firsts = [0, ...ends.slice(0, -1)];
  const nodes = {
    parent: Int32Array.from(tokens, (_, i) => (firsts.includes(i) ? -1 : i - 1)),
    origin: new Uint8Array(tokens.length).fill(3),
    logprob: Float32Array.from(tokens, ([, bits]) => -bits * Math.LN2),
  };
  const made = recording({ prompt: tokens.map(([text]) => text), kind: 'score', segments: [], nodes, special });
  made.run.files = files.map(({ source, changed = null }, i) => ({ source, first: firsts[i], end: ends[i], exact: true, changed }));
  made.run.main_leaf = ends[0] - 1;
  return readTrace(encode(made));
}
const measured = (trace) => filesOf(trace, trace.nodes.logprob.map((logprob) => Math.abs(logprob / Math.LN2)));
const A = { source: 'a.py', tokens: [['def', NaN], [' f', 1], [':\n    ', 2], ['return', 0.5], [' 1', 4], ['\n\n', 8], ['x', 0.25], ['\n', 0.25]] };
const B = { source: 'b.py', tokens: [['y', NaN], [' =', 1], [' 2', 3], ['\n', 1], ['z', 2]], changed: [[2, 2]] };
const C = { source: 'c.py', tokens: [['u', NaN], ['v', 100]], changed: [] };

test('a line adds up the tokens that begin on it, one that spans lines counts where it begins', () => {
  const { lines } = measured(traceOf([A])).at(0);
  assert.deepEqual(lines, [
    { number: 2, bits: 12.5, tokens: 3, node: 5, changed: false },
    { number: 1, bits: 3, tokens: 2, node: 2, changed: false },
    { number: 4, bits: 0.5, tokens: 2, node: 6, changed: false },
  ]);
});

test('changed lines come first, and files that have some', () => {
  const files = measured(traceOf([A, B, C]));
  assert.deepEqual(files.list.map(({ source }) => source), ['b.py', 'c.py', 'a.py']);
  const [b, c, a] = files.list;
  assert.deepEqual(b.lines.map(({ number, bits, changed }) => [number, bits, changed]), [[2, 2, true], [1, 5, false]]);
  assert.deepEqual([b.changedLines, b.changedBits, b.bits], [1, 2, 7]);
  assert.deepEqual([c.changedLines, c.changed], [0, []]);
  assert.equal(a.changed, null);
  assert.equal(b.perplexity, 2 ** (7 / 4));
  assert.equal(files.compared, true);
  assert.equal(measured(traceOf([A, C])).compared, false);
});

test('a node knows its file and whether its line changed', () => {
  const files = measured(traceOf([A, B]));
  assert.deepEqual([0, 7, 8, 12].map(files.fileOf), [0, 0, 1, 1]);
  assert.deepEqual([...Array(13).keys()].filter(files.isChanged), [12]);
  assert.equal(files.fileOf(-1), -1);
  assert.equal(files.at(1).source, 'b.py');
  assert.equal(files.at(-1).source, 'b.py', 'the first of the list');
});

test('an impossible token makes its line infinite and does not break the order', () => {
  const file = { source: 'a', tokens: [['a', NaN], ['\n', 1], ['b', Infinity], ['\n', 1], ['c', Infinity], ['\n', 2], ['d', 5]] };
  assert.deepEqual(measured(traceOf([file])).at(0).lines.map(({ number }) => number), [2, 3, 4, 1]);
});

test('a control token breaks no line', () => {
  const file = { source: 'a', tokens: [['<s\n>', NaN], ['b', 1]] };
  assert.equal(measured(traceOf([file], ['<s\n>'])).at(0).lines[0].number, 1);
});

test('a line shows its text without its indentation, wherever its tokens begin', () => {
  const trace = traceOf([A]);
  const { lines, ...file } = measured(trace).at(0);
  const texts = Object.fromEntries(lines.map((line) => [line.number, textOf(trace, file, line).map(({ text }) => text).join('')]));
  assert.deepEqual(texts, { 1: 'def f:', 2: 'return 1', 4: 'x' });
  const wide = traceOf([{ source: 'a', tokens: [['a\n  b', NaN], ['c', 1], ['\n', 1], ['\r\n', 1], ['  ', 1], ['\n', 2]] }]);
  const shown = measured(wide).at(0);
  assert.deepEqual(shown.lines.map((line) => textOf(wide, shown, line).map(({ text }) => text).join('')), ['blank line', 'bc', 'blank line']);
});

test('unchanged lines fold but for three beside a changed one; a single one stays', () => {
  const folds = (lines, ...changed) => foldsOf(lines, (number) => changed.includes(number));
  assert.deepEqual(folds(100, 10, 60), [[0, 6], [13, 56], [63, 100]]);
  assert.deepEqual(folds(20, 1, 8, 9, 17), [], 'gaps of none and of one');
  assert.deepEqual(folds(20, 1, 10), [[4, 6], [13, 20]]);
  assert.deepEqual(folds(5), [[0, 5]]);
  assert.deepEqual(folds(3, 2), []);
});

test('only the chosen file is laid out, and a token brings its file along', () => {
  const recording = open(traceOf([A, B]));
  assert.deepEqual([...read(recording, -1).layout.order], [8, 9, 10, 11, 12], 'the first of the list');
  assert.deepEqual([...read(recording, -1, 0).layout.order], [0, 1, 2, 3, 4, 5, 6, 7]);
  const { limits } = recording;
  const select = (state, node) => reduce(state, { type: 'select', node }, limits);
  const there = select(INITIAL, 9);
  assert.deepEqual(there, { ...INITIAL, file: 1, selected: 9 });
  assert.deepEqual(select(there, 3), { ...INITIAL, file: 0, selected: 3 });
  assert.deepEqual(select(there, -1), { ...INITIAL, file: 1 });
  assert.deepEqual(select(there, 99), { ...INITIAL, file: 1 });
  assert.deepEqual(reduce(there, { type: 'file', file: 0 }, limits), { ...INITIAL, file: 0 });
  assert.equal(toHash({ ...there, changed: true }, limits), '#f=1&n=9&changed=1');
  const at = (hash) => reduce(INITIAL, { type: 'address', hash }, limits);
  for (const state of [{ ...INITIAL, file: 0 }, { ...there, changed: true }]) assert.deepEqual(at(toHash(state, limits)), state);
  assert.deepEqual(at('#f=2'), INITIAL);
  assert.deepEqual(at('#f=0&n=9'), there, 'the token decides');
  assert.equal(at('#lens=1').lens, false, 'there is none');
});

test('a recording of a generation has no files', () => {
  const { files, limits } = open(readTrace(encode(recording({ prompt: ['a'], output: ['b'] }))));
  assert.deepEqual([files.list, files.at(0), files.fileOf(1), files.isChanged(1)], [[], null, -1, false]);
  assert.deepEqual(reduce(INITIAL, { type: 'address', hash: '#f=0&changed=1&n=1' }, limits), { ...INITIAL, selected: 1 });
});

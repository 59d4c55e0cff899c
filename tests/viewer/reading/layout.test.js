import assert from 'node:assert/strict';
import test from 'node:test';
import { acrossLines, beside, endOfLine, jump } from '#viewer/navigation';
import { layOut } from '#viewer/reading/layout';
import { open, read } from '#viewer/reading/reading';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

function laidOut(options) {
  const trace = readTrace(encode(recording(options)));
  return layOut(trace, trace.path(trace.run.main_leaf));
}
const lines = (layout) => layout.lines.map((cells) => cells.map(({ pieces }) => pieces.map(({ text }) => text).join('')).join('|'));

test('lines hold the exact text, a token with a break has a cell on each of its lines', () => {
  const layout = laidOut({ prompt: ['def', ' f'], output: [':\n    ', 'x', '\n', '\n', 'y'] });
  assert.deepEqual(lines(layout), ['def| f|:\n', '    |x|\n', '\n', 'y']);
  assert.deepEqual([...layout.lineOf], [0, 0, 0, 1, 1, 2, 3]);
  assert.deepEqual([...layout.columnOf], [0, 3, 5, 4, 5, 0, 0]);
  assert.deepEqual([...layout.outputPlaces], [2, 3, 4, 5, 6]);
});

test('a layout that begins as another does is the same as one from nothing', () => {
  const words = ['x', ' y', '\n', '\n    ', 'a\nb', '\r', '\n', 'z ', new Uint8Array([0xe3, 0x81]), new Uint8Array([0x82]), '\ud83d\ude00', '\u200d', ' = 1', '\u0430', '\u0440\u0436', '\u2013', '# '];
  let seed = 7;
  const random = (limit) => (seed = (seed * 48271) % 0x7fffffff) % limit;
  for (let round = 0; round < 300; round++) {
    const some = () => Array.from({ length: 1 + random(8) }, () => words[random(words.length)]);
    const [prompt, output] = [some(), some()];
    const branches = [{ after: prompt.length - 1 + random(output.length + 1), text: ['|', ...some()] }];
    const trace = readTrace(encode(recording({ prompt, output, branches })));
    const main = trace.path(trace.run.main_leaf);
    const branch = trace.path(trace.branches.first[0] + trace.branches.count[0] - 1);
    for (const [path, known] of [[branch, main], [main, branch]]) assert.deepEqual(layOut(trace, path, layOut(trace, known)), layOut(trace, path));
  }
});

test('a letter of another alphabet is seen among those of the tokens beside it', () => {
  const shown = (...output) => laidOut({ prompt: ['\n'], output }).lines[1].map(({ pieces }) => pieces.map(({ text, show }) => show || text).join('')).join('|');
  assert.equal(shown('p', '\u0430', 'yload'), 'p|<U+0430>|yload');
  assert.equal(shown('\u0430', 'b'), '<U+0430>|b');
  assert.equal(shown(' #', ' a ', '\u2212', ' b'), ' #| a |\u2212| b');
  assert.equal(shown(' c', ' a ', '\u2212', ' b'), ' c| a |<U+2212>| b');
  const after = laidOut({ prompt: ['x'], output: ['\n# ', 'a \u2212 b'] });
  assert.deepEqual(after.lines[1].flatMap(({ pieces }) => pieces.map(({ kind }) => kind)), ['text', 'text']);
});

test('a break at the end opens no empty line', () => {
  assert.deepEqual(lines(laidOut({ prompt: ['a\n'] })), ['a\n']);
});

test('the rest of a split character is a cell of its own without text', () => {
  const bytes = new TextEncoder().encode('\u3042');
  const layout = laidOut({ prompt: ['"'], output: [bytes.slice(0, 2), bytes.slice(2), '"'] });
  assert.deepEqual(layout.lines[0].map(({ kind }) => kind), ['text', 'text', 'rest', 'text']);
  assert.deepEqual(lines(layout), ['"|\u3042||"']);
});

test('a control token stands alone and breaks no line', () => {
  const layout = laidOut({ prompt: ['<s\n>', 'a'], output: ['<s\n>'], special: ['<s\n>'] });
  assert.deepEqual(layout.lines.map((cells) => cells.map(({ kind }) => kind)), [['chip', 'text', 'chip']]);
});

const FIM = {
  kind: 'fim', special: ['<p>', '<s>', '<m>', '<e>'], prompt: ['<p>', 'pre', '<s>', 'suf', '<m>'], output: ['out', '<e>'],
  segments: [['control', 0, 1], ['prefix', 1, 2], ['control', 2, 3], ['suffix', 3, 4], ['control', 4, 5]].map(([role, first, end]) => ({ role, first, end })),
};

test('a hole reads in the order of the file: prefix, output, suffix', () => {
  const layout = laidOut(FIM);
  assert.deepEqual(lines(layout), ['<p>|pre|<m>|out|<e>|<s>|suf']);
  assert.deepEqual([...layout.order], [0, 1, 4, 5, 6, 2, 3]);
});

test('suffix-first models read the same', () => {
  const segments = [['control', 0, 1], ['suffix', 1, 2], ['control', 2, 3], ['prefix', 3, 4]].map(([role, first, end]) => ({ role, first, end }));
  const layout = laidOut({ ...FIM, prompt: ['<s>', 'suf', '<p>', 'pre'], output: ['out'], segments });
  assert.deepEqual(lines(layout), ['<p>|pre|out|<s>|suf']);
});

test('what a chat template adds is told apart from the message', () => {
  const segments = [{ role: 'control', first: 0, end: 2 }, { role: 'text', first: 2, end: 3 }];
  const layout = laidOut({ kind: 'chat', special: ['<u>'], prompt: ['<u>', 'user\n', 'hello'], output: ['hi'], segments });
  assert.deepEqual(layout.lines.map((cells) => cells.map(({ kind }) => kind)), [['chip', 'control'], ['text', 'text']]);
});

test('the arrows walk every token there and back', () => {
  const layout = laidOut({ prompt: ['a', 'b\n'], output: ['c', 'd\n', 'e'] });
  let node = 0;
  const walked = [node];
  for (let i = 0; i < 4; i++) walked.push((node = beside(layout, node, 1)));
  assert.deepEqual(walked, [0, 1, 2, 3, 4]);
  assert.equal(beside(layout, 4, 1), 4);
  assert.equal(beside(layout, 0, -1), 0);
  assert.equal(beside(layout, -1, 1), 2, 'from nowhere to the first token of the output');
});

test('up and down keep to the column and skip empty lines', () => {
  const layout = laidOut({ prompt: ['aaaa', 'bbbb', '\n'], output: ['\n', 'cc', 'dd', 'ee', 'ff'] });
  assert.equal(acrossLines(layout, 1, 1), 3);
  assert.equal(acrossLines(layout, 3, 1), 4);
  assert.equal(acrossLines(layout, 6, -1), 3);
  assert.equal(acrossLines(layout, 1, -1), 1);
  assert.equal(endOfLine(layout, 5, 1), 7);
  assert.equal(endOfLine(layout, 5, -1), 4);
});

test('jumps go to the next of some tokens, and round', () => {
  const layout = laidOut({ prompt: ['a', 'b'], output: ['c', 'd', 'e', 'f'] });
  assert.equal(jump(layout, -1, 1, [3, 5]), 3);
  assert.equal(jump(layout, 3, 1, [3, 5]), 5);
  assert.equal(jump(layout, 5, 1, [3, 5]), 3);
  assert.equal(jump(layout, -1, -1, [3, 5]), 5);
  assert.equal(jump(layout, 5, -1, [3, 5]), 3);
  assert.equal(jump(layout, 2, 1, []), -1);
});

test('uncertain tokens are those of the output, in the order of the file', () => {
  const nodes = { logprob: Float32Array.of(NaN, -9, -9, -0.01, -9, -9) };
  const segments = [['prefix', 0, 1], ['suffix', 1, 2]].map(([role, first, end]) => ({ role, first, end }));
  const trace = readTrace(encode(recording({ kind: 'fim', prompt: ['a', 'b'], output: ['c', 'd', 'e', 'f'], nodes, segments })));
  const reading = read(open(trace), -1);
  assert.deepEqual(reading.uncertainOf(reading.metricOf('surprisal')), [2, 4, 5]);
  assert.deepEqual(reading.uncertainOf(reading.metricOf('entropy')), []);
  assert.equal(reading.metricOf('beauty').key, 'surprisal');
});

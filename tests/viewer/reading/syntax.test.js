import assert from 'node:assert/strict';
import test from 'node:test';
import { read, open } from '#viewer/reading/reading';
import { aggregate, byKind, lineAt, percentile, spansOf, structureOf, tokensOf, whereIs } from '#viewer/reading/syntax';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

const NAMED = 1, MISSING = 4, EXPRESSION = 8, STATEMENT = 16, BLOCK = 32, ARM = 64;
const traceOf = (options) => readTrace(encode(recording(options)));

/** `é = 1` and a line break, `if é:`, another, ` 2`; the token `é =` holds a name and a sign, ` 1\nif` reaches over two statements. */
const nodes = [
  ['module', -1, 0, 16, NAMED], ['assignment', 0, 0, 6, NAMED | STATEMENT], ['identifier', 1, 0, 2, NAMED | EXPRESSION], ['=', 1, 3, 4, 0], ['integer', 1, 5, 6, NAMED | EXPRESSION],
  ['if_statement', 0, 7, 16, NAMED | STATEMENT | BLOCK], ['if', 5, 7, 9, 0], ['identifier', 5, 10, 12, NAMED | EXPRESSION], ['else_clause', 5, 14, 16, NAMED | BLOCK | ARM], [')', 5, 16, 16, MISSING],
];
const prompt = ['<s>', '\u00e9 =', ' 1\nif'];
const output = [Uint8Array.of(32, 0xc3), Uint8Array.of(0xa9), ':', '\n 2'];
const options = { prompt, output, special: ['<s>'], syntax: [{ nodes }] };
const structure = structureOf(traceOf(options), 0);
const span = (found) => found.map(({ start, end, kind }) => [kind, start, end]);

test('a token belongs to a node with the share of its bytes, whatever characters they are', () => {
  assert.deepEqual(tokensOf(structure, { start: 0, end: 2 }), [{ node: 1, share: 2 / 4 }]);
  assert.deepEqual(tokensOf(structure, { start: 7, end: 16 }), [{ node: 2, share: 2 / 5 }, { node: 3, share: 1 }, { node: 4, share: 1 }, { node: 5, share: 1 }, { node: 6, share: 1 }]);
  assert.deepEqual(tokensOf(structure, { start: 11, end: 12 }), [{ node: 4, share: 1 }], 'half a character');
  assert.deepEqual(tokensOf(structure, { start: 16, end: 16 }), [], 'nothing lies in what is missing');
  assert.deepEqual(tokensOf(structure, { start: 0, end: 16 }).map(({ node }) => node), [1, 2, 3, 4, 5, 6], 'control tokens have no bytes');
});

test('spans of five sizes; a block ends where its arm begins', () => {
  assert.deepEqual(span(spansOf(structure, 'block')), [['if_statement', 7, 14], ['else_clause', 14, 16]]);
  assert.deepEqual(span(spansOf(structure, 'statement')), [['assignment', 0, 6], ['if_statement', 7, 16]]);
  assert.deepEqual(span(spansOf(structure, 'expression')), [['identifier', 0, 2], ['integer', 5, 6], ['identifier', 10, 12]]);
  assert.deepEqual(span(spansOf(structure, 'line')), [['line', 0, 7], ['line', 7, 14], ['line', 14, 16]]);
  assert.equal(spansOf(structure, 'token').length, 6);
  assert.deepEqual([0, 6, 7, 13, 14, 16].map((byte) => lineAt(structure, byte)), [1, 1, 2, 2, 3, 3]);
});

test('a token is of the kind of the innermost node that holds it without the white space at its ends', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 0].map((node) => whereIs(structure, node).kind), ['assignment', 'module', 'identifier', 'identifier', 'if_statement', 'else_clause', '']);
  assert.equal(whereIs(structure, 4).statement, 5);
  assert.equal(whereIs(structure, 2).statement, -1);
});

test('a sum weighs by share, the other numbers take a token as a whole, and what is not measured is no zero', () => {
  const values = Float32Array.of(NaN, 4, 1, 2, 8);
  const tokens = [{ node: 0, share: 1 }, { node: 1, share: 0.5 }, { node: 2, share: 1 }, { node: 3, share: 1 }, { node: 4, share: 0.25 }];
  assert.deepEqual(aggregate(tokens, values), { sum: 7, mean: 3.75, min: 1, max: 8, median: 3, count: 4 });
  assert.deepEqual(aggregate([{ node: 0, share: 1 }], values), { sum: NaN, mean: NaN, min: NaN, max: NaN, median: NaN, count: 0 });
  assert.deepEqual(percentile([1, 2, NaN, 3, 4], 3), { share: 0.5, count: 4 });
});

test('the tokens of a kind count once, also where its spans are nested', () => {
  const nested = structureOf(traceOf({ prompt: ['a', '+', 'b'], syntax: [{ nodes: [['sum', -1, 0, 3, NAMED | EXPRESSION], ['sum', 0, 0, 1, NAMED | EXPRESSION]] }] }), 0);
  assert.deepEqual(byKind(nested, spansOf(nested, 'expression')).map(({ kind, tokens }) => [kind, tokens.map(({ node }) => node)]), [['sum', [0, 1, 2]]]);
});

test('the text has the output in the hole, and no control tokens', () => {
  const fim = structureOf(traceOf({
    prompt: ['<P>', 'a ', '<S>', ' c', '<M>'], output: ['b'], kind: 'fim', special: ['<P>'],
    segments: [{ role: 'control', first: 0, end: 1 }, { role: 'prefix', first: 1, end: 2 }, { role: 'control', first: 2, end: 3 }, { role: 'suffix', first: 3, end: 4 }, { role: 'control', first: 4, end: 5 }],
    syntax: [{ nodes: [['module', -1, 0, 5, NAMED], ['middle', 0, 2, 3, NAMED]] }],
  }), 0);
  assert.equal(new TextDecoder().decode(fim.bytes), 'a b c');
  assert.deepEqual(tokensOf(fim, { start: 2, end: 3 }), [{ node: 5, share: 1 }]);
  assert.equal(whereIs(fim, 5).kind, 'middle');
});

test('only the main path has structure, and of a text without passages there is none', () => {
  const branching = open(traceOf({ ...options, branches: [{ after: 4, text: ['x'] }] }));
  assert.equal(read(branching, 0).structure(), null);
  assert.equal(read(branching, -1).structure()?.kinds[3], 'identifier');
  assert.deepEqual(branching.tokensOfKind('identifier'), [3, 4]);
  assert.equal(structureOf(traceOf({ prompt: ['a'] }), 0), null);
  assert.equal(structureOf(traceOf(options), 1), null);
});

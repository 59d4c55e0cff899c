import assert from 'node:assert/strict';
import test from 'node:test';
import { open, read } from '#viewer/reading/reading';
import { search } from '#viewer/reading/search';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

const floats = (...values) => Float32Array.from(values);

/** def mean(v):\n    return sum(v) / n; nodes 0 to 4 are the prompt, 5 to 9 the output. Branch 0 is at 6, branch 1 at 8. */
const small = recording({
  prompt: ['def', ' me', 'an', '(v', '):'],
  output: ['\n    ', 'return', ' sum', '(v', ') / n\n'],
  branches: [{ after: 5, text: ['if', ' v', ':'], p: 0.2 }, { after: 7, text: ['([x for', ' x'], p: 0.3 }],
  nodes: {
    gap: floats(NaN, 0, 2, 0, 0, 0.5, 0, 1.5, 1, 0, 3, 0, 0, 2, 0),
    rank: Int32Array.of(0, 1, 3, 1, 1, 2, 1, 4, 2, 1, 5, 1, 1, 3, 1),
    logprob: floats(NaN, ...[0.9, 0.05, 0.9, 0.9, 0.4, 0.6, 0.2, 0.3, 0.9, 0.2, 0.9, 0.9, 0.3, 0.9].map(Math.log)),
    alternative_count: Uint16Array.from({ length: 15 }, (_, node) => (node === 6 ? 3 : 0)),
  },
  alternatives: { token_id: Int32Array.of(6, 8, 2), logprob: floats(...[0.6, 0.2, 0.01].map(Math.log)), sampled_logprob: floats(NaN, NaN, NaN) },
  syntax: [{ nodes: [['module', -1, 0, 33, 1], ['identifier', 0, 4, 8, 1], ['identifier_list', 0, 24, 27, 1]] }],
});
const traceOf = (document) => open(readTrace(encode(document)));
const main = read(traceOf({ ...small, run: small.run }), -1);
const nodes = (query, reading = main) => {
  const { matches, error } = search(reading, query);
  assert.equal(error, '', query);
  return matches.map((match) => match.nodes);
};
const firsts = (query, reading = main) => search(reading, query).matches.map(({ node }) => node);

test('text is found as it is shown, across the borders of tokens', () => {
  assert.deepEqual(nodes('mean'), [[1, 2]]);
  assert.deepEqual(nodes('def mean(v)'), [[0, 1, 2, 3, 4]]);
  assert.deepEqual(nodes('v'), [[3], [8]]);
  assert.deepEqual(nodes('    return'), [[6]], 'spaces around a query are none of it');
  assert.deepEqual(nodes('sum(V'), [], 'a capital letter counts');
  assert.deepEqual(nodes('SUM'), []);
  assert.deepEqual(nodes('xyz'), []);
  assert.deepEqual(nodes('n'), [[2], [6], [9]]);
  for (const nothing of ['', '   ', '""']) assert.deepEqual(nodes(nothing), [], nothing);
});

test('matches that share a token are one', () => {
  const reading = read(traceOf(recording({ prompt: ['ban', 'ana', 'n', '\n  na', ' na'] })), -1);
  assert.deepEqual(nodes('an', reading), [[0], [1, 2]]);
  assert.deepEqual(nodes('a', reading), [[0], [1], [3], [4]]);
});

test('a pattern works within a line', () => {
  assert.deepEqual(nodes('/me.n/'), [[1, 2]]);
  assert.deepEqual(nodes('/^def|n$/'), [[0], [9]]);
  assert.deepEqual(nodes('/RETURN/i'), [[6]]);
  assert.deepEqual(nodes('/x*/'), [], 'nothing is no match');
  assert.deepEqual(nodes('/(me|su)/'), [[1], [7]]);
  assert.match(search(main, '/(/').error, /^This is no pattern: .+\.$/);
  assert.deepEqual(nodes('/a/g'), [], 'i is the only flag: this is text');
});

test('a pattern that may take for ever is refused, whatever its form', () => {
  const half = 'a'.repeat(2500);
  const reading = read(traceOf(recording({ prompt: [half, half] })), -1);
  for (const source of ['(a+)+b', '(a|a)*b', '((a?)b?)*c', '(?:a*)*b', '(?<x>a+)+b', '(a{1,9}){9}b', '(a)\\1', 'a*a*a*a*b', 'a?'.repeat(30) + 'b', '(a|a)'.repeat(20), '([)]|a+)+b']) {
    assert.match(search(reading, `/${source}/`).error, /take for ever/, source);
  }
  for (const source of ['a*b', 'a.*a.*b', 'a+?b', '[(+*]+', '\\(\\+*x', '(ab)+', '(a+b)?', 'a{2,3}']) assert.doesNotMatch(search(reading, `/${source}/`).error, /for ever/, source);
  const slowest = search(reading, '/a*a*a*b/'); // as slow as is allowed: done, or given up after a second
  assert.deepEqual(slowest.matches, []);
  assert.match(slowest.error, /^(This pattern takes too long\.)?$/);
});

test('numbers are compared, and all conditions hold at one token', () => {
  assert.deepEqual(firsts('gap > 1'), [2, 7]);
  assert.deepEqual(firsts('gap>=1'), [2, 7, 8]);
  assert.deepEqual(firsts('rank = 4'), [7]);
  assert.deepEqual(firsts('probability < 0.1'), [2]);
  assert.deepEqual(firsts('probability < 25%'), [2, 7]);
  assert.deepEqual(firsts('gap > 1 rank<4'), [2]);
  assert.deepEqual(firsts('gap > 1 origin:output'), [7]);
  assert.deepEqual(firsts('origin:prompt gap <= 0'), [1, 3, 4], 'what was not measured is nowhere');
  assert.deepEqual(search(main, 'mean gap > 1').matches, [{ nodes: [1, 2], node: 2 }], 'text goes to the token where the rest holds');
  assert.match(search(main, 'gap >').error, /^After gap > stands a number/);
  assert.match(search(main, 'gap > x').error, /stands a number/);
  assert.deepEqual(nodes('"gap > 1"'), []);
  assert.deepEqual(nodes('/ n'), [[9]]);
});

test('syntax, alternatives, branches', () => {
  assert.deepEqual(firsts('kind:identifier'), [1, 2, 7]);
  assert.deepEqual(firsts('kind:identifier_'), [7]);
  assert.deepEqual(firsts('alt:") /"'), [6], 'likely, and not what stands there');
  assert.deepEqual(firsts('alt:return'), []);
  assert.deepEqual(firsts('alt:an'), [], 'one per cent is not likely');
  assert.deepEqual(firsts('branch:"if v"'), [6]);
  assert.deepEqual(firsts('branch:X'), []);
  assert.deepEqual(firsts('branch:for'), [8]);
  assert.deepEqual(firsts('branch:for', read(traceOf(small), 1)), [13], 'where it stands on its own path');
  for (const query of ['kind:', 'kind:""', 'alt:"']) assert.deepEqual(nodes(query), [], `${query} names nothing`);
  assert.match(search(main, 'origin:mars').error, /prompt or output/);
  assert.match(search(main, 'outcome:mars').error, /An outcome is one of .*calls/);
  assert.deepEqual(firsts('outcome:calls'), []);
  assert.match(search(read(traceOf(recording({ prompt: ['a'] })), -1), 'kind:x').error, /holds no syntax/);
});

test('twenty thousand tokens are searched', () => {
  const reading = read(traceOf(recording({ prompt: Array.from({ length: 20_000 }, (_, i) => (i % 9 ? ` w${i % 500}` : '\n')) })), -1);
  const counts = ['w49 w5', '/w\\d+9/', 'origin:prompt', 'w rank > 1'].map((query) => search(reading, query).matches.length);
  assert.equal(counts[2], 20_000);
  assert.ok(counts.every((count) => count <= 20_000));
});

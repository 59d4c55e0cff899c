import assert from 'node:assert/strict';
import test from 'node:test';
import { INITIAL, isView, parseHash, reduce, toHash as spell } from '#viewer/state';

/** Nodes 0 to 9 on the main path; branch 0 departs after 4 and has 10 to 12; branch 1 departs after 11 and has 13. */
const paths = { '-1': [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 0: [0, 1, 2, 3, 4, 10, 11, 12], 1: [0, 1, 2, 3, 4, 10, 11, 13] };
const limits = {
  isOn: (branch, node) => paths[branch].includes(node), branchOf: (node) => (node < 0 || node > 13 ? -2 : node < 10 ? -1 : node < 13 ? 0 : 1),
  branches: 2, metrics: ['surprisal', 'entropy'], fileOf: () => -1, files: 0, compared: false, lens: true,
  heads: new Map([[0, 4], [2, 6]]), syntax: true,
  homeOf: (decision, branch) => (decision < 1 || decision > 2 ? -1 : branch < 0 ? [6, 5][decision - 1] : [10, 13][branch]),
};
const toHash = (state) => spell(state, limits);

test('the address carries the state there and back', () => {
  for (const state of [INITIAL, { ...INITIAL, selected: 7 }, { ...INITIAL, metric: 'entropy' }, { ...INITIAL, selected: 0, metric: 'entropy' },
    { ...INITIAL, branch: 1, selected: 13, diff: true, tree: true }, { ...INITIAL, branch: 0 },
    { ...INITIAL, selected: 3, attention: true, matrix: true, reverse: true, own: true, aside: true, layer: 2, head: 5 }, { ...INITIAL, layer: 0 },
    { ...INITIAL, structure: true, span: 'line', by: 'sum', ranked: true }]) {
    assert.deepEqual(reduce(INITIAL, { type: 'address', hash: toHash(state) }, limits), state);
  }
  assert.equal(toHash({ ...INITIAL, selected: 7, metric: 'entropy' }), '#n=7&m=entropy');
  assert.equal(toHash(INITIAL), '');
});

test('a decision has an address of its own, and the rest of the view beside it', () => {
  const at = (hash) => reduce(INITIAL, { type: 'address', hash }, limits);
  assert.deepEqual(at('#d1'), { ...INITIAL, decision: 1, selected: 6 });
  assert.deepEqual(at('#d2&b=1&diff=1'), { ...INITIAL, decision: 2, branch: 1, selected: 13, diff: true });
  assert.deepEqual(at('#d1&n=3&m=entropy'), { ...INITIAL, decision: 1, selected: 3, metric: 'entropy' });
  for (const hash of ['#d1', '#d2&b=1&diff=1', '#d2&b=0&n=3&m=entropy', '#d1&n=2&tree=1']) assert.equal(toHash(at(hash)), hash);
  assert.deepEqual(at('#d1&n=99'), at('#d1'));
  assert.deepEqual(at('#d2&b=9'), at('#d2'));
  for (const hash of ['#d0', '#d3', '#d', '#d1x', '#d01', '#d-1', '#n=1&d1']) assert.equal(at(hash).decision, 0, hash);
  for (const hash of ['#d1', '#d12&b=4', '', '#n=3']) assert.equal(isView(hash), true, hash);
  for (const hash of ['#code', '#d', '#decisions']) assert.equal(isView(hash), false, hash);
});

test('a decision opens on the main path, an alternative beside it; without a selection none is open', () => {
  const open = (decision, branch, state = INITIAL) => reduce(state, { type: 'decision', decision, branch }, limits);
  const first = open(1, -1, { ...INITIAL, metric: 'entropy' });
  assert.deepEqual(first, { ...INITIAL, decision: 1, selected: 6, metric: 'entropy' });
  assert.deepEqual(open(1, 0, first), { ...first, branch: 0, selected: 10, diff: true });
  assert.deepEqual(open(2, -1, open(1, 0, first)), { ...first, decision: 2, selected: 5 });
  assert.equal(reduce(first, { type: 'select', node: 3 }, limits).decision, 1, 'another token leaves it open');
  assert.equal(reduce(first, { type: 'select', node: -1 }, limits).decision, 0);
  assert.equal(open(7, -1).decision, 0);
});

test('an address from elsewhere does no harm', () => {
  for (const hash of ['#n=99', '#n=-1', '#n=1e1', '#n=', '#n=<script>', '#m=constructor', '#m=__proto__', '#code', '#%', '#n=99999999999999999999', '#&&&==']) {
    assert.deepEqual(reduce(INITIAL, { type: 'address', hash }, limits), INITIAL, hash);
  }
  const { branch, file, node, metric, ...rest } = parseHash('#n=3&x=y&m=entropy&f=1e1');
  assert.deepEqual([branch, file, node, metric], [-1, -1, 3, 'entropy']);
  for (const [name, value] of Object.entries(rest)) assert.ok(value === false || ['look', 'outline'].includes(name) || (name === 'decision' && value === 0) || (name === 'query' && value === ''), name);
});

test('an unknown metric changes nothing, an unknown token clears the selection', () => {
  const state = { ...INITIAL, selected: 3 };
  assert.equal(reduce(state, { type: 'colour', metric: 'beauty' }, limits), state);
  assert.equal(reduce(state, { type: 'select', node: 50 }, limits).selected, -1);
});

test('the layers of the panel have an address, where there are any', () => {
  const opened = reduce(INITIAL, { type: 'toggle', what: 'lens' }, limits);
  assert.equal(toHash(opened), '#lens=1');
  assert.deepEqual(reduce(INITIAL, { type: 'address', hash: '#lens=1' }, limits), opened);
  assert.deepEqual(reduce(INITIAL, { type: 'toggle', what: 'lens' }, { ...limits, lens: false }), INITIAL);
});

test('definitions open and close', () => {
  const opened = reduce(INITIAL, { type: 'toggle', what: 'definitions' }, limits);
  assert.equal(opened.definitions, true);
  assert.equal(reduce(opened, { type: 'toggle', what: 'definitions' }, limits).definitions, false);
});

test('a token of another path brings its path along, one of this path does not change it', () => {
  const select = (state, node) => reduce(state, { type: 'select', node }, limits);
  assert.deepEqual(select(INITIAL, 11), { ...INITIAL, branch: 0, selected: 11 });
  const nested = select(INITIAL, 13);
  assert.equal(nested.branch, 1);
  assert.equal(select(nested, 10).branch, 1, 'the parent branch\u2019s tokens before the fork are on the path');
  assert.equal(select(nested, 12).branch, 0);
  assert.equal(select(nested, 7).branch, -1);
  assert.equal(select(nested, 2).branch, 1);
  assert.deepEqual(select(nested, -1), { ...nested, selected: -1 });
  assert.deepEqual(select(nested, 99), { ...nested, selected: -1 });
});

test('an address names a branch; an unknown one is the main path', () => {
  const at = (hash) => reduce(INITIAL, { type: 'address', hash }, limits);
  assert.deepEqual(at('#b=1'), { ...INITIAL, branch: 1 });
  assert.equal(toHash(at('#b=1&n=13&m=entropy')), '#b=1&n=13&m=entropy');
  for (const hash of ['#b=2', '#b=-1', '#b=x', '#b=1e0', '#b=']) assert.deepEqual(at(hash), INITIAL, hash);
  assert.equal(at('#b=0&n=7').branch, -1, 'the token decides');
  assert.equal(at('#n=13').branch, 1);
});

test('only a branch is compared, and only branches make a tree', () => {
  assert.equal(reduce(INITIAL, { type: 'toggle', what: 'diff' }, limits).diff, false);
  const compared = reduce({ ...INITIAL, branch: 0 }, { type: 'toggle', what: 'diff' }, limits);
  assert.equal(compared.diff, true);
  assert.equal(reduce(compared, { type: 'select', node: 8 }, limits).diff, false);
  assert.equal(reduce(compared, { type: 'select', node: 13 }, limits).diff, true);
  assert.equal(reduce(INITIAL, { type: 'address', hash: '#tree=1&diff=1' }, { ...limits, branches: 0 }).tree, false);
});

test('a head belongs to its layer, and only what was recorded can be looked at', () => {
  const look = (change, state = INITIAL) => reduce(state, { type: 'look', change }, limits);
  assert.equal(toHash(look({ layer: 2, head: 5, aside: true })), '#s=1&l=2&h=5');
  assert.equal(look({ layer: 0, head: 5 }).head, -1);
  assert.equal(look({ layer: 1, head: 0 }).layer, -1);
  assert.equal(look({ head: 3 }).head, -1, 'a head of all layers is none');
  assert.equal(look({ own: true }, look({ layer: 2, head: 5 })).head, 5);
  const without = { ...limits, heads: null };
  for (const what of ['attention', 'matrix']) assert.equal(reduce(INITIAL, { type: 'toggle', what }, without)[what], false);
  assert.deepEqual(reduce(INITIAL, { type: 'address', hash: '#a=1&x=1&l=0&h=1' }, without), INITIAL);
});

test('the structure has an address; what it does not know is as at the start, and only surprisal is summed', () => {
  const at = (hash) => reduce(INITIAL, { type: 'address', hash }, limits);
  assert.equal(toHash(at('#syntax=1&span=block&by=max&ranked=1')), '#syntax=1&span=block&by=max&ranked=1');
  assert.deepEqual(at('#span=__proto__&by=constructor'), INITIAL);
  assert.equal(at('#by=sum&m=entropy').by, 'mean');
  assert.equal(reduce(at('#by=sum'), { type: 'colour', metric: 'entropy' }, limits).by, 'mean');
  assert.equal(reduce(INITIAL, { type: 'address', hash: '#syntax=1' }, { ...limits, syntax: false }).structure, false);
});

test('a query is part of the address, whatever it holds', () => {
  const at = (hash) => reduce(INITIAL, { type: 'address', hash }, limits);
  for (const query of ['a', 'gap > 1', '/x+y/i & %', '#n=3&b=0', '\u201c\u{1f600}\u201d', ' "" ']) {
    const state = reduce({ ...INITIAL, selected: 3 }, { type: 'search', query }, limits);
    assert.deepEqual(at(toHash(state)), state, query);
    assert.match(toHash(state), /^#n=3&q=[\w%.*-]+$/);
  }
  assert.equal(toHash(at('#q=gap%20%3E%201')), '#q=gap%20%3E%201');
  assert.deepEqual(at('#q=x'), { ...INITIAL, query: 'x' }, 'nothing is selected');
  assert.doesNotThrow(() => toHash(reduce(INITIAL, { type: 'search', query: '\ud800' }, limits)), 'half a character');
  assert.equal(at(`#q=${'x'.repeat(9999)}`).query.length, 500);
});

test('another metric takes the place of attention in the code', () => {
  const opened = reduce(INITIAL, { type: 'toggle', what: 'attention' }, limits);
  assert.deepEqual(reduce(opened, { type: 'colour', metric: 'entropy' }, limits), { ...INITIAL, metric: 'entropy' });
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { INITIAL, parseHash, reduce, toHash } from '#viewer/state';

const limits = { isShown: (node) => node >= 0 && node < 10, metrics: ['surprisal', 'entropy'] };

test('the address carries the state there and back', () => {
  for (const state of [INITIAL, { ...INITIAL, selected: 7 }, { ...INITIAL, metric: 'entropy' }, { ...INITIAL, selected: 0, metric: 'entropy' }]) {
    assert.deepEqual(reduce(INITIAL, { type: 'address', hash: toHash(state) }, limits), state);
  }
  assert.equal(toHash({ ...INITIAL, selected: 7, metric: 'entropy' }), '#n=7&m=entropy');
  assert.equal(toHash(INITIAL), '');
});

test('an address from elsewhere does no harm', () => {
  for (const hash of ['#n=99', '#n=-1', '#n=1e1', '#n=', '#n=<script>', '#m=constructor', '#m=__proto__', '#code', '#%', '#n=99999999999999999999', '#&&&==']) {
    assert.deepEqual(reduce(INITIAL, { type: 'address', hash }, limits), INITIAL, hash);
  }
  assert.deepEqual(parseHash('#n=3&x=y&m=entropy'), { node: 3, metric: 'entropy' });
});

test('an unknown metric changes nothing, an unknown token clears the selection', () => {
  const state = { ...INITIAL, selected: 3 };
  assert.equal(reduce(state, { type: 'colour', metric: 'beauty' }, limits), state);
  assert.equal(reduce(state, { type: 'select', node: 50 }, limits).selected, -1);
});

test('definitions open and close', () => {
  const opened = reduce(INITIAL, { type: 'explain' }, limits);
  assert.equal(opened.definitions, true);
  assert.equal(reduce(opened, { type: 'explain' }, limits).definitions, false);
});

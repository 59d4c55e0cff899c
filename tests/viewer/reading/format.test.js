import assert from 'node:assert/strict';
import test from 'node:test';
import { count, decimal, hexBytes, percent, probability, share } from '#viewer/reading/format';

const plain = (text) => text.replaceAll('\u00a0', ' ');

test('per cent never reads zero for what is possible, nor 100 for what is not certain', () => {
  const cases = [[0.541, '54.1 %'], [0, '0 %'], [1, '100 %'], [1e-9, '<0.1 %'], [0.0005, '0.1 %'], [0.99949, '99.9 %'], [0.9999, '>99.9 %']];
  for (const [value, expected] of cases) assert.equal(plain(percent(value)), expected);
  assert.equal(percent(NaN), '\u2013');
});

test('tiny probabilities are powers of ten', () => {
  assert.equal(plain(probability(3.2e-7)), '3.2 \u00d7 10\u207b\u2077');
  assert.equal(plain(probability(0.25)), '25.0 %');
});

test('decimals carry their unit and say what is not measured', () => {
  assert.equal(plain(decimal(0.894, 'bits')), '0.89 bits');
  assert.equal(plain(decimal(0.001, 'bits')), '<0.01 bits');
  assert.equal(plain(decimal(0, 'nats')), '0.00 nats');
  assert.equal(plain(decimal(Infinity, 'bits')), 'infinite bits');
  assert.equal(decimal(NaN, 'bits'), 'not measured');
});

test('shares are told apart from their ends', () => {
  assert.deepEqual([0, 0.0001, 0.134, 0.9999, 1].map(share), ['0.000', '<0.001', '0.134', '>0.999', '1.000']);
});

test('counts have thousands, bytes are hexadecimal', () => {
  assert.equal(count(151936), '151,936');
  assert.equal(hexBytes(Uint8Array.from([1, 255]), 2), '01 ff');
  assert.equal(hexBytes(Uint8Array.from([1, 255]), 1), '01 \u2026');
});

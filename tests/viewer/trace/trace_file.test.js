import assert from 'node:assert/strict';
import test from 'node:test';
import { traceFile, xxh64 } from '#viewer/trace/trace_file';

const bytes = (text) => new TextEncoder().encode(text);
const digits = (value) => value.toString(16).padStart(16, '0');

test('XXH64 with seed 0 gives the numbers that others give', () => {
  const known = [
    ['', 'ef46db3751d8e999'], ['a', 'd24ec4f1a98c6e5b'], ['as', '1c330fb2d66be179'], ['abc', '44bc2cf5ad770999'], ['asd', '631c37ce72a97393'], ['asdf', '415872f599cea71e'],
    ['Call me Ishmael. Some years ago--never mind how long precisely-', '02a2e85470d6fd96'],
  ];
  for (const [text, hash] of known) assert.equal(digits(xxh64(bytes(text))), hash, text);
});

test('it hashes what a view shows, not the buffer behind it', () => {
  const whole = bytes('xxabcxx');
  assert.equal(xxh64(whole.subarray(2, 5)), xxh64(bytes('abc')));
});

test('a file is the envelope, one frame of raw blocks and the checksum of its content', () => {
  const payload = Uint8Array.from({ length: (1 << 17) + 5 }, (_, i) => (i * i) % 251);
  const file = traceFile(payload, 265);
  const view = new DataView(file.buffer);
  assert.deepEqual([...file.subarray(0, 12)], [0x89, 0x54, 0x53, 0x43, 0x0d, 0x0a, 0x1a, 0x0a, 1, 0, 9, 1]);
  assert.equal(view.getBigUint64(12, true), BigInt(payload.length));
  assert.equal(view.getUint32(20, true), 0xfd2fb528);
  assert.equal(view.getUint32(26, true), payload.length);
  assert.deepEqual([...file.subarray(30, 33)], [0, 0, 16], '2 ** 17 bytes, raw, not the last');
  assert.deepEqual([...file.subarray(33 + (1 << 17), 36 + (1 << 17))], [5 << 3 | 1, 0, 0]);
  assert.equal(file.length, 30 + 2 * 3 + payload.length + 4);
  assert.equal(view.getUint32(file.length - 4, true), Number(xxh64(payload) & 0xffffffffn));
  assert.equal(traceFile(new Uint8Array(), 6).length, 37, 'nothing is one empty block');
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { decode } from '#viewer/trace/msgpack';

const bytes = (...values) => Uint8Array.from(values);
const text = (string) => [0xa0 | string.length, ...Buffer.from(string)];

test('every type of the format decodes to its value', () => {
  const cases = [
    [[0xc0], null], [[0xc2], false], [[0xc3], true], [[0x05], 5], [[0xff], -1], [[0xe0], -32],
    [[0xcc, 200], 200], [[0xcd, 1, 0], 256], [[0xce, 0, 1, 0, 0], 65536], [[0xcf, 0, 0, 0, 1, 0, 0, 0, 0], 2 ** 32],
    [[0xd0, 0x80], -128], [[0xd1, 0xff, 0], -256], [[0xd2, 0xff, 0xff, 0, 0], -65536], [[0xd3, ...Array(8).fill(0xff)], -1],
    [[0xca, 0x3f, 0x80, 0, 0], 1], [[0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0], 1],
    [text('abc'), 'abc'], [[0xd9, 2, 0xc3, 0xa9], '\u00e9'], [[0xda, 0, 1, 65], 'A'], [[0xdb, 0, 0, 0, 1, 65], 'A'],
    [[0x92, 1, 2], [1, 2]], [[0xdc, 0, 1, 7], [7]], [[0xdd, 0, 0, 0, 1, 7], [7]],
  ];
  for (const [input, expected] of cases) assert.deepEqual(decode(bytes(...input)), expected);
  assert.equal(decode(bytes(0xcf, ...Array(8).fill(0xff))), 2n ** 64n - 1n);
});

test('binary data is a view, a map has no prototype', () => {
  const input = bytes(0xc4, 2, 9, 8);
  const found = decode(input);
  assert.equal(found.buffer, input.buffer);
  assert.deepEqual([...found], [9, 8]);
  const map = decode(bytes(0x81, ...text('__proto__'), 1));
  assert.equal(Object.getPrototypeOf(map), null);
  assert.equal(map.__proto__, 1);
});

const refused = {
  'a string longer than the document': [bytes(0xdb, 0xff, 0xff, 0xff, 0xff), /ends too early/],
  'binary data longer than the document': [bytes(0xc6, 0x7f, 0xff, 0xff, 0xff), /ends too early/],
  'a list longer than the document': [bytes(0xdd, 0x7f, 0xff, 0xff, 0xff), /list is longer/],
  'a map longer than the document': [bytes(0xdf, 0x7f, 0xff, 0xff, 0xff), /map is longer/],
  'an empty document': [bytes(), /ends too early/],
  'a number cut short': [bytes(0xcb, 1, 2), /ends too early/],
  'something after the document': [bytes(0xc0, 0xc0), /follows/],
  'a key twice': [bytes(0x82, ...text('a'), 1, ...text('a'), 2), /twice/],
  'a key that is no string': [bytes(0x81, 1, 1), /not a string/],
  'a string that is not UTF-8': [bytes(0xa2, 0xc3, 0x28), /UTF-8/],
  'an extension': [bytes(0xd4, 1, 1), /unknown type/],
  'nesting without end': [Uint8Array.from(Array(100).fill(0x91)), /too deep/],
};
for (const [name, [input, message]] of Object.entries(refused)) {
  test(`${name} is refused`, () => assert.throws(() => decode(input), message));
}

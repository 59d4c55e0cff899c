import assert from 'node:assert/strict';
import test from 'node:test';
import { unpackColumn } from '#viewer/trace/columns';

const column = (dtype, filters, data) => ({ dtype, unit: '', filters, data: Uint8Array.from(data) });

test('filters are undone in reverse order', () => {
  const shuffled = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  assert.deepEqual([...unpackColumn('c', column('<i4', ['shuffle'], shuffled), 3)], [1, 1, 1]);
  assert.deepEqual([...unpackColumn('c', column('<i4', ['parent', 'shuffle'], shuffled), 3)], [-1, 0, 1]);
  assert.deepEqual([...unpackColumn('c', column('<i4', ['delta', 'shuffle'], shuffled), 3)], [1, 2, 3]);
});

test('shuffled values of every size come back, wherever they begin', () => {
  let seed = 3;
  const byte = () => (seed = (seed * 48271) % 0x7fffffff) & 255;
  for (const [dtype, Type] of [['|u1', Uint8Array], ['<u2', Uint16Array], ['<i4', Int32Array], ['<u4', Uint32Array], ['<i8', BigInt64Array]]) {
    const size = Type.BYTES_PER_ELEMENT;
    for (let rows = 0; rows < 12; rows++) {
      const bytes = Uint8Array.from({ length: rows * size }, byte);
      const data = new Uint8Array(bytes.length + 3).subarray(3);
      bytes.forEach((value, i) => (data[(i % size) * rows + Math.floor(i / size)] = value));
      assert.deepEqual(unpackColumn('c', { dtype, unit: '', filters: ['shuffle'], data }, rows), new Type(bytes.buffer));
    }
  }
});

test('differences wrap around', () => {
  assert.deepEqual([...unpackColumn('c', column('|u1', ['delta'], [250, 10]), 2)], [250, 4]);
  assert.deepEqual([...unpackColumn('c', column('<i8', ['delta'], [...Array(8).fill(255), 2, ...Array(7).fill(0)]), 2)], [-1n, 1n]);
});

test('data need not be aligned', () => {
  const data = new Uint8Array([9, 0, 0, 128, 63]).subarray(1);
  assert.deepEqual([...unpackColumn('c', { dtype: '<f4', unit: '', filters: [], data }, 1)], [1]);
});

const refused = {
  'an unknown type': [column('<c8', [], []), 0, /unknown type/],
  'a type from the prototype': [column('constructor', [], []), 0, /unknown type/],
  'an unknown filter': [column('|u1', ['zip'], [1]), 1, /filter/],
  'differences of floats': [column('<f4', ['delta'], [0, 0, 0, 0]), 1, /filter/],
  'parents of another type': [column('|u1', ['parent'], [1]), 1, /filter/],
  'shuffle before another filter': [column('|u1', ['shuffle', 'delta'], [1]), 1, /filter/],
  'too few bytes': [column('<i4', [], [1, 2]), 1, /1 rows/],
  'no data': [{ dtype: '|u1', filters: [] }, 0, /no data/],
  'no map': [null, 0, /not a map/],
};
for (const [name, [stored, rows, message]] of Object.entries(refused)) {
  test(`${name} is refused`, () => assert.throws(() => unpackColumn('c', stored, rows), message));
}

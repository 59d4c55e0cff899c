import assert from 'node:assert/strict';
import test from 'node:test';
import { readTrace } from '#viewer/trace';
import { encode, recording } from './recording.js';

const example = () => recording({ prompt: ['a', '<end>'], output: ['b', 'b'], special: ['<end>'] });
const text = (bytes) => new TextDecoder().decode(bytes);

test('a recording is read into columns, paths and bytes', () => {
  const trace = readTrace(encode(example()));
  assert.deepEqual([...trace.path(3)], [0, 1, 2, 3]);
  assert.deepEqual([...trace.path(1)], [0, 1]);
  assert.equal([0, 1, 2, 3].map((node) => text(trace.bytesOf(node))).join('|'), 'a|<end>|b|b');
  assert.deepEqual([0, 1, 2].map((node) => trace.isSpecial(node)), [false, true, false]);
});

test('a branch shares its prefix with the main path', () => {
  const document = example();
  document.tables.nodes.columns.parent.data = new Uint8Array(Int32Array.of(-1, 0, 1, 1).buffer);
  const trace = readTrace(encode(document));
  assert.deepEqual([...trace.path(3)], [0, 1, 3]);
});

test('a spelling replaces the bytes of its node alone', () => {
  const document = example();
  document.tables.spellings = { rows: 1, columns: { node: { dtype: '<i4', filters: [], data: Uint8Array.of(3, 0, 0, 0) }, byte_count: { dtype: '<u4', filters: [], data: Uint8Array.of(2, 0, 0, 0) } } };
  document.tables.spelling_bytes = { rows: 2, columns: { byte: { dtype: '|u1', filters: [], data: Uint8Array.of(66, 66) } } };
  const trace = readTrace(encode(document));
  assert.deepEqual([2, 3].map((node) => text(trace.bytesOf(node))), ['b', 'BB']);
});

test('tables and columns of a later minor version are no obstacle', () => {
  const document = example();
  document.tables.future = { rows: 1, columns: { x: { dtype: '<f8', filters: ['shuffle'], data: new Uint8Array(8) } } };
  document.tables.nodes.columns.beauty = { dtype: '|u1', filters: [], data: new Uint8Array(4) };
  assert.equal(readTrace(encode(document)).count, 4);
});

const column = (values) => ({ dtype: values instanceof Int32Array ? '<i4' : values instanceof Float32Array ? '<f4' : values instanceof Uint16Array ? '<u2' : '|u1', filters: [], data: new Uint8Array(values.buffer) });
const refused = {
  'a token before its parent': [(d) => (d.tables.nodes.columns.parent = column(Int32Array.of(-1, 0, 3, 2))), /after its parent/],
  'a token that is its own parent': [(d) => (d.tables.nodes.columns.parent = column(Int32Array.of(0, 0, 1, 2))), /after its parent/],
  'a parent below -1': [(d) => (d.tables.nodes.columns.parent = column(Int32Array.of(-2, 0, 1, 2))), /after its parent/],
  'an unknown id': [(d) => (d.tables.nodes.columns.token_id = column(Int32Array.of(0, 1, 2, 77))), /not in the list/],
  'alternatives that do not add up': [(d) => (d.tables.nodes.columns.alternative_count = column(Uint16Array.of(0, 0, 0, 9))), /alternatives do not add up/],
  'bytes that do not add up': [(d) => (d.tables.token_bytes = { rows: 1, columns: { byte: column(Uint8Array.of(1)) } }), /bytes of the tokens/],
  'a missing table': [(d) => delete d.tables.spellings, /spellings.node is missing/],
  'a missing column': [(d) => delete d.tables.nodes.columns.rank, /nodes.rank is missing/],
  'a column of another type': [(d) => (d.tables.nodes.columns.rank = column(Float32Array.of(1, 2, 3, 4))), /nodes.rank is missing or of another type/],
  'a probability above one': [(d) => (d.tables.nodes.columns.logprob = column(Float32Array.of(0, 0, 0, 1))), /larger than one/],
  'a leaf outside of the tree': [(d) => (d.run.main_leaf = 4), /end of the output/],
  'no tokens': [(d) => (d.tables.nodes = { rows: 0, columns: Object.fromEntries(Object.entries(d.tables.nodes.columns).map(([k, v]) => [k, { ...v, data: new Uint8Array() }])) }), /no token/],
  'a negative row count': [(d) => (d.tables.nodes.rows = -1), /row count/],
  'an enormous row count': [(d) => (d.tables.nodes.rows = 2 ** 40), /row count/],
  'segments that overlap': [(d) => (d.run.prompt.segments = [{ role: 'text', first: 1, end: 2 }]), /segments/],
  'no segments': [(d) => (d.run.prompt.segments = null), /segments/],
  'no run': [(d) => (d.run = 3), /run is not a map/],
};
for (const [name, [spoil, message]] of Object.entries(refused)) {
  test(`${name}: refused with a reason`, () => {
    const document = example();
    spoil(document);
    assert.throws(() => readTrace(encode(document)), message);
  });
}

test('flipped and cut bytes end in an error or a recording, never in anything else', () => {
  const original = encode(example());
  let seed = 7;
  const random = (limit) => (seed = (seed * 48271) % 0x7fffffff) % limit;
  for (let round = 0; round < 3000; round++) {
    const bytes = original.slice(0, round % 5 ? original.length : random(original.length));
    if (bytes.length) bytes[random(bytes.length)] ^= 1 << random(8);
    try {
      readTrace(bytes);
    } catch (error) {
      assert.ok(error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError), `${error}`);
    }
  }
});

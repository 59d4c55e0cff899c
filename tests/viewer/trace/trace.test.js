import assert from 'node:assert/strict';
import test from 'node:test';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

const example = () => recording({ prompt: ['a', '<end>'], output: ['b', 'b'], special: ['<end>'] });
const text = (bytes) => new TextDecoder().decode(bytes);

test('a recording is read into columns, paths and bytes', () => {
  const trace = readTrace(encode(example()));
  assert.deepEqual([...trace.path(3)], [0, 1, 2, 3]);
  assert.deepEqual([...trace.path(1)], [0, 1]);
  assert.equal([0, 1, 2, 3].map((node) => text(trace.bytesOf(node))).join('|'), 'a|<end>|b|b');
  assert.deepEqual([0, 1, 2].map((node) => trace.isSpecial(node)), [false, true, false]);
});

const branched = () => recording({ prompt: ['a'], output: ['b', 'c', 'd'], branches: [{ after: 1, text: ['x', 'y'], end: 3, rejoined: 2 }, { after: 4, text: ['z'] }] });

test('a branch shares its prefix with the main path', () => {
  const trace = readTrace(encode(branched()));
  assert.deepEqual([...trace.path(5)], [0, 1, 4, 5]);
  assert.deepEqual([...trace.path(6)], [0, 1, 4, 6]);
  assert.deepEqual([...trace.branches.first], [4, 6]);
});

test('a file without the table of branches has none', () => assert.equal(readTrace(encode(example())).branches.first.length, 0));

test('a control token with a spelling of its own is text', () => {
  const document = example();
  document.tables.spellings = { rows: 1, columns: { node: { dtype: '<i4', filters: [], data: Uint8Array.of(1, 0, 0, 0) }, byte_count: { dtype: '<u4', filters: [], data: Uint8Array.of(5, 0, 0, 0) } } };
  document.tables.spelling_bytes = { rows: 5, columns: { byte: { dtype: '|u1', filters: [], data: new TextEncoder().encode('<end>') } } };
  const trace = readTrace(encode(document));
  assert.deepEqual([0, 1, 2].map((node) => trace.isSpecial(node)), [false, false, false]);
  assert.equal(trace.isSpecialId(trace.nodes.token_id[1]), true);
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

const column = (values) => ({ dtype: values instanceof Int32Array ? '<i4' : values instanceof Uint32Array ? '<u4' : values instanceof Float32Array ? '<f4' : values instanceof Uint16Array ? '<u2' : '|u1', filters: [], data: new Uint8Array(values.buffer) });
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
const spoilt = (table, name, values) => [(d) => (d.tables[table].columns[name] = column(values))];
const refusedBranches = {
  'siblings with one id': [...spoilt('nodes', 'token_id', Int32Array.of(0, 1, 2, 3, 2, 5, 6)), /two tokens with one parent have the same id/],
  'branches that share a token': [...spoilt('branches', 'first', Int32Array.of(4, 5)), /share a token/],
  'a branch without tokens': [...spoilt('branches', 'count', Uint32Array.of(2, 0)), /has no token/],
  'a branch beyond the end': [...spoilt('branches', 'count', Uint32Array.of(2, 2)), /do not exist/],
  'a branch before the beginning': [...spoilt('branches', 'first', Int32Array.of(-1, 6)), /out of order/],
  'tokens of another origin': [...spoilt('nodes', 'origin', Uint8Array.of(0, 1, 1, 1, 2, 1, 2)), /origin of its tokens disagree/],
  'a main path through a branch': [...spoilt('nodes', 'origin', Uint8Array.of(0, 1, 1, 2, 2, 2, 2)), /the main path runs through a branch/],
  'a token of no branch': [(d) => Object.assign(d.run, { main_leaf: 2 }) && spoilt('nodes', 'origin', Uint8Array.of(0, 1, 1, 2, 2, 2, 2))[0](d), /belongs to none/],
  'a branch that is no chain': [...spoilt('nodes', 'parent', Int32Array.of(-1, 0, 1, 2, 1, 2, 4)), /not a chain/],
  'a branch from nowhere': [...spoilt('nodes', 'parent', Int32Array.of(-1, 0, 1, 2, 1, 4, -1)), /before the first token/],
  'nothing forced': [...spoilt('branches', 'forced', Uint16Array.of(0, 1)), /forces no token/],
  'too much forced': [...spoilt('branches', 'forced', Uint16Array.of(3, 1)), /forces no token, or too many/],
  'an unknown end': [...spoilt('branches', 'end', Uint8Array.of(3, 9)), /unknown reason/],
  'rejoined nowhere': [...spoilt('branches', 'rejoined', Int32Array.of(-1, -1)), /without saying where/],
  'rejoined without saying so': [...spoilt('branches', 'rejoined', Int32Array.of(2, 2)), /the other way round/],
  'rejoined beyond the end': [...spoilt('branches', 'rejoined', Int32Array.of(7, -1)), /rejoins/],
  'no settings of the tree': [(d) => delete d.run.tree, /no settings of the tree/],
  'a column too few': [(d) => delete d.tables.branches.columns.asked, /branches.asked is missing/],
};
for (const [name, [spoil, message]] of [...Object.entries(refused), ...Object.entries(refusedBranches)]) {
  test(`${name}: refused with a reason`, () => {
    const document = name in refused ? example() : branched();
    spoil(document);
    assert.throws(() => readTrace(encode(document)), message);
  });
}

test('flipped and cut bytes end in an error or a recording, never in anything else', () => {
  const original = encode(branched());
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

test('tables, columns and facts of a later version stand in nobody\u2019s place, whatever they are called', () => {
  const syntax = [{ nodes: [['module', -1, 0, 1, 1]] }];
  const attention = { top: 1, layers: [{ layer: 0, rows: [[[[0, 1]]], [[[0, 1]]]] }] };
  const later = () => {
    const document = recording({ prompt: ['a'], output: ['b'], syntax }, attention);
    const { tables, run } = document;
    const first = (name) => Object.values(tables[name].columns)[0];
    for (const [table, names] of [['attention_layers', ['top', 'queries', 'absent']], ['attention_rows', ['top', 'node2']], ['syntax', ['kinds', 'fields', 'passages', 'ofBranches']]]) {
      for (const name of names) tables[table].columns[name] = { ...first(table) };
    }
    Object.assign(run.attention, { node: 'x', weight: 'x', layer: 'x', heads: 'x', unkept: 'x' });
    Object.assign(run.syntax, { kind: 'x', parent: 'x', start: 'x' });
    const named = Object.fromEntries(['constructor', 'toString', 'hasOwnProperty', 'valueOf'].map((name) => [name, { rows: 1, columns: { constructor: { dtype: '|u1', unit: '', filters: [], data: new Uint8Array(1) } } }]));
    document.tables = { ...tables, ...named };
    Object.defineProperty(document.tables, '__proto__', { value: named.constructor, enumerable: true });
    return document;
  };
  const trace = readTrace(encode(later()));
  const plain = readTrace(encode(recording({ prompt: ['a'], output: ['b'], syntax }, attention)));
  assert.deepEqual(trace.attention, plain.attention);
  assert.deepEqual(trace.syntax, plain.syntax);
});

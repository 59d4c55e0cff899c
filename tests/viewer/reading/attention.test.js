import assert from 'node:assert/strict';
import test from 'node:test';
import { forward, headCount, indexOf, lookOf, queryOf, reverse, shareText, thumbnails } from '#viewer/reading/attention';
import { MISSING } from '#viewer/reading/metrics';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

const ALL = { layer: -1, head: -1 };
/** Five tokens, a branch of one after the third; layer 0 with two heads, layer 2 with one; two sources are kept. */
const LAYERS = [
  {
    layer: 0,
    rows: [
      [[[0, 1]], [[0, 1]]],
      [[[0, 0.64], [1, 0.36]], [[1, 0.81], [0, 0.19]]],
      [[[0, 0.64], [2, 0.25]], [[1, 0.49], [0, 0.36]]],
      [[[0, 0.81], [3, 0.09]], [[2, 0.64], [3, 0.16]]],
      [[[0, 0.49], [1, 0.25]], [[4, 0.36], [3, 0.25]]],
    ],
  },
  { layer: 2, rows: [[[[0, 1]]], [[[0, 1]]], [[[2, 0.5], [1, 0.5]]], [[[0, 0.25], [1, 0.25]]], [[[3, 0.36], [2, 0.36]]]] },
];
const open = (layers = LAYERS) => readTrace(encode(recording({ prompt: ['a', 'b'], output: ['c', 'd', 'e'], branches: [{ after: 2, text: ['X', 'Y'] }] }, { top: 2, layers })));
const trace = open();
const index = indexOf(trace.attention);
const order = trace.path(4);
const ask = (change) => lookOf(index, trace, order, { selected: 3, reverse: false, own: false, aside: false, ...ALL, ...change });
const near = (found, expected, within = 0.004) => assert.ok(Math.abs(found - expected) <= within, `${found} is not ${expected}`);
const shares = ({ list }) => Object.fromEntries(list.map(({ node, share }) => [node, share]));

test('one head is its row, heaviest first, and what was not kept is the rest', () => {
  const { list, unkept, none } = ask({ own: true, layer: 0, head: 1 });
  assert.equal(none, '');
  assert.deepEqual(list.map(({ node }) => node), [2, 3]);
  near(list[0].share, 0.64);
  near(list[1].share, 0.16);
  near(unkept, 0.2);
});

test('averages are over all heads, those that did not keep a source included; then the share is a lower bound', () => {
  const { list, unkept } = ask({ own: true });
  const found = Object.fromEntries(list.map((entry) => [entry.node, entry]));
  near(found[0].share, (0.81 + 0.25) / 3);
  near(found[3].share, (0.09 + 0.16) / 3);
  near(found[2].share, 0.64 / 3);
  assert.ok(list.every(({ atLeast }) => atLeast));
  assert.equal(shareText(found[0]).slice(0, 2), '\u2265\u00a0');
  near(list.reduce((sum, { share }) => sum + share, unkept), 1);
});

test('where every head kept all there is, no share is a bound', () => {
  const { list, unkept } = ask({ selected: 1, own: true });
  assert.deepEqual(list.map(({ atLeast }) => atLeast), [false, false]);
  near(unkept, 0);
  assert.equal(shareText({ share: 0.5, atLeast: false }), '50.0\u00a0%');
});

test('the slack of a share is at most the lightest kept source of each row that did not keep it', () => {
  const { share, slack } = forward(index, ALL, 3);
  near(slack[0], 0.16 / 3);
  near(slack[2], (0.09 + 0.25) / 3);
  assert.equal(share[2] + slack[2] < 1, true);
});

test('a layer is the mean of its heads; the heads are counted', () => {
  near(shares(ask({ own: true, layer: 0 }))[3], 0.125);
  assert.deepEqual([ALL, { layer: 0, head: -1 }, { layer: 2, head: 0 }].map((heads) => headCount(index, heads)), [3, 2, 1]);
});

test('what predicted a token is the row of the token before it, what it looked at is its own', () => {
  assert.deepEqual(ask({ selected: 3 }).list, ask({ selected: 2, own: true }).list);
  assert.equal(queryOf(trace, false, 0), -1);
  assert.match(ask({ selected: 0 }).none, /first token/);
  assert.equal(ask({ selected: 0, own: true }).list[0].node, 0);
});

test('tokens of a branch have no rows, but its first was predicted by a row', () => {
  assert.deepEqual(ask({ selected: 5 }).list, ask({ selected: 2, own: true }).list);
  assert.match(ask({ selected: 5, own: true }).none, /on a branch/);
  assert.match(ask({ selected: 6 }).none, /on a branch/);
  assert.match(ask({ selected: 6, reverse: true }).none, /on a branch/);
});

test('reverse is the transpose of forward, for every choice of heads', () => {
  for (const heads of [ALL, { layer: 0, head: -1 }, { layer: 0, head: 1 }, { layer: 2, head: 0 }]) {
    for (let source = 0; source < 5; source++) {
      const back = reverse(index, heads, source);
      for (let query = 0; query < 5; query++) {
        const row = forward(index, heads, query);
        near(back.share[query], row.share[source] ?? 0, 1e-12);
        if (back.share[query]) near(back.slack[query], row.slack[source], 1e-12);
      }
    }
  }
});

test('in reverse the convention shifts the list by one token, on the path that is shown', () => {
  const own = ask({ selected: 1, reverse: true, own: true });
  const next = ask({ selected: 1, reverse: true });
  assert.deepEqual(own.list.map(({ node }) => node).sort(), [1, 2, 3, 4]);
  assert.deepEqual(next.list.map(({ node, share }) => [node - 1, share]), own.list.filter(({ node }) => node < 4).map(({ node, share }) => [node, share]));
  const branch = lookOf(index, trace, trace.path(6), { selected: 1, reverse: true, own: false, aside: false, ...ALL });
  assert.deepEqual(branch.list.map(({ node }) => node).sort(), [2, 5]);
});

test('the first token can be set aside: its share is told, the others stay what they are', () => {
  const [whole, rest] = [ask({ own: true }), ask({ own: true, aside: true })];
  assert.deepEqual(rest.list, whole.list.filter(({ node }) => node !== 0));
  assert.equal(rest.aside, shares(whole)[0]);
  assert.equal(rest.unkept, whole.unkept);
  assert.equal(rest.buckets[0], 0);
});

test('not kept is another colour than little; what comes later has none', () => {
  const { buckets } = ask({ selected: 3, own: true, layer: 0, head: 0 });
  assert.deepEqual([...buckets], [5, MISSING, MISSING, 3, 0, 0, 0]);
  const back = ask({ selected: 2, own: true, reverse: true, layer: 0, head: 0 });
  assert.deepEqual([...back.buckets], [0, 0, 4, MISSING, MISSING, 0, 0]);
});

test('thumbnails hold the heaviest weight of each column, by layer and head, the first token in a column of its own', () => {
  const found = [...thumbnails(index, { query: 3, reverse: false }, { from: 1, end: 4, width: 3, heads: 2 })];
  [[0.81, 0, 0.09], [0, 0.64, 0.16], [0.25, 0.25, 0], [0, 0, 0]].flat().forEach((expected, i) => near(found[i], expected));
  const back = [...thumbnails(index, { query: 1, reverse: true }, { from: 0, end: 5, width: 3, heads: 2 })];
  [[0, 0.36, 0.25], [0, 0.81, 0], [0, 0.5, 0.25], [0, 0, 0]].flat().forEach((expected, i) => near(back[i], expected));
  const first = thumbnails(index, { query: 0, reverse: false }, { from: 1, end: 1, width: 3, heads: 2 });
  assert.deepEqual([...first], [1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0]);
});

test('without a layer there is nothing to add', () => {
  const bare = open([]);
  const look = lookOf(indexOf(bare.attention), bare, order, { selected: 3, reverse: false, own: false, aside: false, ...ALL });
  assert.deepEqual([look.list, look.unkept], [[], 0]);
});

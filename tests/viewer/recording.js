/** Small recordings for the viewer's tests, as payload bytes: a msgpack encoder for what the format needs, and columns. */

const encoder = new TextEncoder();

/** @param {any} value @returns {Uint8Array} */
export function encode(value) {
  if (value === null) return Uint8Array.of(0xc0);
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xc3 : 0xc2);
  if (typeof value === 'number') {
    const bytes = new Uint8Array(9);
    bytes[0] = Number.isInteger(value) ? 0xd3 : 0xcb;
    const view = new DataView(bytes.buffer);
    if (Number.isInteger(value)) view.setBigInt64(1, BigInt(value));
    else view.setFloat64(1, value);
    return bytes;
  }
  if (typeof value === 'string') return headed(0xdb, encoder.encode(value));
  if (value instanceof Uint8Array) return headed(0xc6, value);
  if (Array.isArray(value)) return joined([header(0xdd, value.length), ...value.map(encode)]);
  return joined([header(0xdf, Object.keys(value).length), ...Object.entries(value).flat().map(encode)]);
}

function header(type, length) {
  const bytes = new Uint8Array(5);
  bytes[0] = type;
  new DataView(bytes.buffer).setUint32(1, length);
  return bytes;
}

const headed = (type, data) => joined([header(type, data.length), data]);
const joined = (parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

const DTYPES = { Uint8Array: '|u1', Uint16Array: '<u2', Uint32Array: '<u4', Int32Array: '<i4', Float32Array: '<f4' };

/** A table as the format stores it, without filters. */
function table(columns) {
  const rows = Object.values(columns)[0].length;
  const stored = Object.entries(columns).map(([name, values]) => [
    name,
    { dtype: DTYPES[values.constructor.name], unit: '', filters: [], data: new Uint8Array(values.buffer) },
  ]);
  return { rows, columns: Object.fromEntries(stored) };
}

/**
 * The document of a recording: `prompt` and `output` are lists of token texts (strings or bytes).
 * @param {{ prompt: (string | Uint8Array)[], output?: (string | Uint8Array)[], special?: string[], kind?: string,
 *   segments?: { role: string, first: number, end: number }[], nodes?: object, alternatives?: object,
 *   branches?: { after: number, text: (string | Uint8Array)[], forced?: number, end?: number, rejoined?: number, p?: number }[],
 *   syntax?: { text?: number, branch?: number, nodes: [string, number, number, number, number][] }[] }} options
 *   syntax: by passage, its text and its nodes as [kind, parent within the passage, start, end, flags]
 *   branches depart after the node `after`; their nodes follow the output in order, p is that of their first tokens
 * @param {{ top: number, layers: { layer: number, rows: [number, number][][][] }[], absent?: object[] }} [attention] rows by query and head:
 *   kept sources with their weights, heaviest first; what they leave of 1 was not kept
 */
export function recording({ prompt, output = [], special = [], kind = 'text', segments, nodes = {}, alternatives = {}, branches = [], syntax }, attention) {
  const main = prompt.length + output.length;
  const texts = [...prompt, ...output, ...branches.flatMap(({ text }) => text)].map((text) => (typeof text === 'string' ? encoder.encode(text) : text));
  const keys = texts.map((bytes) => Buffer.from(bytes).toString('hex'));
  const distinct = [...new Set(keys)];
  const bytes = distinct.map((key) => Uint8Array.from(Buffer.from(key, 'hex')));
  const count = texts.length;
  const firsts = branches.map((_, i) => branches.slice(0, i).reduce((sum, { text }) => sum + text.length, main));
  const parents = Int32Array.from(texts, (_, i) => (firsts.includes(i) ? branches[firsts.indexOf(i)].after : i - 1));
  const logprob = new Float32Array(count).fill(NaN);
  for (const [i, first] of firsts.entries()) logprob[first] = Math.log(branches[i].p ?? 0.1);
  const unknown = () => new Float32Array(count).fill(NaN);
  const isSpecial = bytes.map((entry) => Number(special.includes(new TextDecoder().decode(entry))));
  return {
    run: {
      model: { id: 'tiny', vocab_size: 100 },
      prompt: { source: 'p.py', kind, exact: true, segments: segments ?? [{ role: 'text', first: 0, end: prompt.length }] },
      sampling: { do_sample: false },
      main_leaf: main - 1,
      command: ['tokenscope-record', 'p.py', '-o', 'p.tsc'],
      ...(branches.length ? { tree: { engine: 'tree-attention' } } : {}),
      ...(attention ? { attention: { top: attention.top, queries: attention.layers[0]?.rows.length ?? 0, absent: attention.absent ?? [] } } : {}),
      ...(syntax ? { syntax: syntaxFacts(syntax) } : {}),
      finish: 'length',
      notes: [],
    },
    metrics: { surprisal: { unit: 'bits', range: '>= 0', definition: '-log2 p' } },
    tables: {
      nodes: table({
        parent: parents, token_id: Int32Array.from(keys, (key) => distinct.indexOf(key)),
        origin: Uint8Array.from(texts, (_, i) => (i < prompt.length ? 0 : i < main ? 1 : 2)), logprob, entropy: unknown(), margin: unknown(),
        rank: new Int32Array(count), gap: unknown(), tail: unknown(), sampled_logprob: unknown(), sampled_tail: unknown(),
        alternative_count: new Uint16Array(count), ...nodes,
      }),
      alternatives: table({ token_id: new Int32Array(), logprob: new Float32Array(), sampled_logprob: new Float32Array(), ...alternatives }),
      tokens: table({ id: Int32Array.from(distinct.keys()), special: Uint8Array.from(isSpecial), byte_count: Uint32Array.from(bytes, (entry) => entry.length) }),
      token_bytes: table({ byte: joined(bytes) }),
      spellings: table({ node: new Int32Array(), byte_count: new Uint32Array() }),
      spelling_bytes: table({ byte: new Uint8Array() }),
      ...(attention && attentionTables(attention)),
      ...(syntax && { syntax: syntaxTable(syntax) }),
      ...(branches.length && {
        branches: table({
          first: Int32Array.from(firsts), count: Uint32Array.from(branches, ({ text }) => text.length),
          forced: Uint16Array.from(branches, ({ forced = 1 }) => forced), asked: new Uint8Array(branches.length),
          end: Uint8Array.from(branches, ({ end = 0 }) => end), rejoined: Int32Array.from(branches, ({ rejoined = -1 }) => rejoined),
        }),
      }),
    },
  };
}

const kindsOf = (passages) => [...new Set(passages.flatMap(({ nodes }) => nodes.map(([kind]) => kind)))];
const before = (passages, i) => passages.slice(0, i).reduce((sum, { nodes }) => sum + nodes.length, 0);

function syntaxFacts(passages) {
  return { kinds: kindsOf(passages), fields: [''], passages: passages.map(({ text = 0, nodes, branch }, i) => ({ text, ...(branch === undefined ? {} : { branch }), language: 'python', first: before(passages, i), count: nodes.length })) };
}

function syntaxTable(passages) {
  const rows = passages.flatMap(({ nodes }, i) => nodes.map(([kind, parent, ...rest]) => [kindsOf(passages).indexOf(kind), parent < 0 ? -1 : parent + before(passages, i), ...rest]));
  const column = (i) => rows.map((row) => row[i]);
  return table({
    kind: Uint16Array.from(column(0)), field: new Uint16Array(rows.length), parent: Int32Array.from(column(1)), start: Uint32Array.from(column(2)),
    end: Uint32Array.from(column(3)), flags: Uint8Array.from(column(4)),
  });
}

function attentionTables({ top, layers }) {
  const rows = layers.flatMap(({ rows }) => rows.flat());
  const padded = rows.flatMap((row) => Array.from({ length: top }, (_, i) => row[i] ?? [0, 0]));
  return {
    attention_layers: table({ layer: Uint16Array.from(layers, ({ layer }) => layer), heads: Uint16Array.from(layers, ({ rows }) => rows[0].length) }),
    attention_rows: table({ unkept: Uint16Array.from(rows, (row) => Math.round(65535 * (1 - row.reduce((sum, [, weight]) => sum + weight, 0)))) }),
    attention: table({ node: Int32Array.from(padded, ([node]) => node), weight: Uint8Array.from(padded, ([, weight]) => Math.round(255 * Math.sqrt(weight))) }),
  };
}

/**
 * Payload bytes -> the recording: typed columns, the facts of the run, and paths through the tree of tokens.
 * Checks what the format demands, so that everything after this module may index without asking again.
 */

import { unpackColumn } from '#viewer/trace/columns';
import { decode } from '#viewer/trace/msgpack';

/** Where a token comes from (column nodes.origin). */
export const ORIGIN = Object.freeze({ prompt: 0, main: 1, branch: 2, scored: 3 });

/** @typedef {{ [key: string]: any }} Facts the map `run` as FORMAT.md describes it */
/** @typedef {{ unit: string, range: string, definition: string }} Definition */
/** @typedef {{ role: string, first: number, end: number }} Segment */

/**
 * @typedef {object} Nodes one entry per token
 * @property {Int32Array} parent -1 for a root
 * @property {Int32Array} token_id
 * @property {Uint8Array} origin
 * @property {Float32Array} logprob nats
 * @property {Float32Array} entropy bits
 * @property {Float32Array} margin
 * @property {Int32Array} rank 0 where not measured
 * @property {Float32Array} gap nats
 * @property {Float32Array} tail
 * @property {Float32Array} sampled_logprob nats
 * @property {Float32Array} sampled_tail
 * @property {Uint16Array} alternative_count
 * @property {Float32Array} noise nats
 */

/** @typedef {{ token_id: Int32Array, logprob: Float32Array, sampled_logprob: Float32Array }} Alternatives */
/** @typedef {{ first: Int32Array, count: Uint32Array, forced: Uint16Array, asked: Uint8Array, end: Uint8Array, rejoined: Int32Array }} Branches */

/**
 * @typedef {object} Attention per recorded layer, then per query node, then per head: one row, whose sources are its `top` entries
 * @property {number} top entries of a row, heaviest first; an entry of weight 0 is no entry
 * @property {number} queries the nodes 0 to queries - 1 have rows
 * @property {readonly { layer: number, reason: string }[]} absent layers without rows
 * @property {Uint16Array} layer number of each recorded layer, from 0
 * @property {Uint16Array} heads of each recorded layer
 * @property {Uint16Array} unkept by row, in 1/65535: the mass of all sources that are not among the entries
 * @property {Int32Array} node by entry: the source
 * @property {Uint8Array} weight by entry: a code c for the weight (c / 255) squared
 */

/**
 * @typedef {object} Lens per recorded layer, then per node from `first` on: what that layer would have said in its place
 * @property {readonly number[]} layers from 0
 * @property {number} first
 * @property {number} count
 * @property {string | null} reason why there is none though it was asked for
 * @property {Int32Array} token_id the most probable token
 * @property {Float32Array} probability of that token
 * @property {Int32Array} rank of the token that stands there, 0 where not measured
 * @property {Float32Array} logprob of the token that stands there, nats
 */

/**
 * @typedef {object} SyntaxTable the code, parsed: per passage one tree of nodes, parents first; bytes count within the passage's text
 * @property {readonly string[]} kinds
 * @property {readonly string[]} fields
 * @property {readonly Passage[]} passages of the texts as they stand
 * @property {readonly Passage[]} ofBranches what branches wrote instead: the nodes of each that touch its own bytes
 * @property {Uint16Array} kind index into kinds
 * @property {Uint16Array} field index into fields
 * @property {Int32Array} parent -1 for a passage's first node
 * @property {Uint32Array} start
 * @property {Uint32Array} end
 * @property {Uint8Array} flags 1 named, 2 error, 4 missing, 8 expression, 16 statement, 32 block, 64 arm
 */

/** @typedef {{ text: number, language: string, first: number, count: number, branch?: number }} Passage */
/** @typedef {{ outcome: Uint8Array, scope: Uint8Array, start: Uint32Array, main_end: Uint32Array, branch_end: Uint32Array }} Outcomes by branch, or empty: what it led to, and the bytes that were compared */

/**
 * @typedef {object} Decisions ranked forks; options stand in their order, `option_count` for each
 * @property {Int32Array} node first token of what was written
 * @property {Uint16Array} count its tokens
 * @property {Int32Array} syntax the node that it decides, -1 for none
 * @property {Float32Array} probability of what was written
 * @property {Float32Array} difference how much else the explored alternatives lead to, 0 to 1
 * @property {Uint8Array} flags 1 coin flip, 2 taste: only names differ
 * @property {Uint16Array} option_count
 */

/** @typedef {{ source: string, first: number, end: number, exact: boolean, changed: [number, number][] | null }} File nodes first to end - 1; changed lines from 1 */

const REQUIRED = {
  nodes: {
    parent: Int32Array, token_id: Int32Array, origin: Uint8Array, logprob: Float32Array, entropy: Float32Array,
    margin: Float32Array, rank: Int32Array, gap: Float32Array, tail: Float32Array, sampled_logprob: Float32Array,
    sampled_tail: Float32Array, alternative_count: Uint16Array, noise: Float32Array,
  },
  alternatives: { token_id: Int32Array, logprob: Float32Array, sampled_logprob: Float32Array },
  tokens: { id: Int32Array, special: Uint8Array, byte_count: Uint32Array },
  token_bytes: { byte: Uint8Array },
  spellings: { node: Int32Array, byte_count: Uint32Array },
  spelling_bytes: { byte: Uint8Array },
  branches: { first: Int32Array, count: Uint32Array, forced: Uint16Array, asked: Uint8Array, end: Uint8Array, rejoined: Int32Array },
  attention_layers: { layer: Uint16Array, heads: Uint16Array },
  attention_rows: { unkept: Uint16Array },
  attention: { node: Int32Array, weight: Uint8Array },
  lens: { token_id: Int32Array, probability: Float32Array, rank: Int32Array, logprob: Float32Array },
  syntax: { kind: Uint16Array, field: Uint16Array, parent: Int32Array, start: Uint32Array, end: Uint32Array, flags: Uint8Array },
  outcomes: { outcome: Uint8Array, scope: Uint8Array, start: Uint32Array, main_end: Uint32Array, branch_end: Uint32Array },
  decisions: { node: Int32Array, count: Uint16Array, syntax: Int32Array, probability: Float32Array, difference: Float32Array, flags: Uint8Array, option_count: Uint16Array },
  decision_options: { node: Int32Array, token_id: Int32Array, probability: Float32Array, branch: Int32Array },
  checks: { branch: Int32Array, result: Uint8Array, output: Uint16Array },
};
const LATER = Object.keys(REQUIRED).slice(6); // a file without them has no rows there
const ENDS = 7;
const OUTCOMES = 9;
const REJOINED = 3;
/** @type {{ [table: string]: number | undefined }} */
const MAX_ROWS_OF = { nodes: 2 ** 24, decisions: 1000, decision_options: 8000 };
const MAX_ROWS = 2 ** 28;
const MAX_TEXT = 2 ** 27;
const MAX_TABLE = 2 ** 24;

export class Trace {
  /** @param {Facts} run @param {Record<string, Definition>} definitions @param {{ [table: string]: any }} tables */
  constructor(run, definitions, tables) {
    this.run = run;
    this.definitions = definitions;
    /** @type {Nodes} */
    this.nodes = tables.nodes;
    /** @type {Alternatives} */
    this.alternatives = tables.alternatives;
    /** @type {Branches} */
    this.branches = tables.branches;
    /** @type {Attention | null} */
    this.attention = run['attention'] ? { ...run['attention'], ...tables.attention_layers, ...tables.attention_rows, ...tables.attention } : null;
    /** @type {Lens | null} */
    this.lens = run['lens'] ? { ...run['lens'], ...tables.lens } : null;
    /** @type {SyntaxTable | null} */
    this.syntax = run['syntax'] ? { ...run['syntax'], ...tables.syntax, ...byOwner(run['syntax'].passages) } : null;
    /** @type {Outcomes} */
    this.outcomes = tables.outcomes;
    /** @type {Decisions} */
    this.decisions = tables.decisions;
    /** @type {{ branch: Int32Array, result: Uint8Array, output: Uint16Array }} what the user's command said: of branches, -1 is the main path */
    this.checks = tables.checks;
    /** @type {readonly File[]} the files that were scored; none in a recording of a generation */
    this.files = run['files'] ?? [];
    this.count = this.nodes.parent.length;
    /** @type {Segment[]} */
    this.segments = run.prompt.segments;
    this.alternativeOffsets = offsets(this.nodes.alternative_count);
    this.tokenOffsets = offsets(tables.tokens.byte_count);
    this.tokenBytes_ = /** @type {Uint8Array} */ (tables.token_bytes.byte);
    /** @type {Uint8Array[]} by row of the tokens, as far as anybody asked: the same view each time */
    this.bytes_ = [];
    this.special_ = /** @type {Uint8Array} */ (tables.tokens.special);
    /** @type {Map<number, number>} row of each token id */
    this.rowOfId_ = new Map(Array.from(/** @type {Int32Array} */ (tables.tokens.id), (id, row) => [id, row]));
    this.spellings_ = spellings(tables);
  }

  /** Indices of the nodes from the root to a leaf. @param {number} leaf */
  path(leaf) {
    const nodes = [];
    for (let node = leaf; node >= 0; node = at(this.nodes.parent, node)) nodes.push(node);
    return new Int32Array(nodes.reverse());
  }

  /** The bytes of a token id inside a text. @param {number} id */
  bytesOfId(id) {
    const row = this.rowOfId_.get(id) ?? 0;
    return this.bytes_[row] ??= this.tokenBytes_.subarray(this.tokenOffsets[row], this.tokenOffsets[row + 1]);
  }

  /** Whether an id is a control token. @param {number} id */
  isSpecialId(id) {
    return this.special_[this.rowOfId_.get(id) ?? 0] === 1;
  }

  /** The exact bytes of a node's token, where it stands. @param {number} node */
  bytesOf(node) {
    return this.spellings_.get(node) ?? this.bytesOfId(at(this.nodes.token_id, node));
  }

  /** @param {number} node */
  isSpecial(node) {
    return this.isSpecialId(at(this.nodes.token_id, node));
  }
}

/**
 * @param {Uint8Array} payload
 * @returns {Trace}
 */
export function readTrace(payload) {
  const document = decode(payload);
  const { run, metrics, tables } = map(document, 'the payload');
  const facts = map(run, 'run');
  const definitions = map(metrics, 'metrics');
  for (const definition of Object.values(definitions)) map(definition, 'a metric');
  const stored = map(tables, 'tables');
  /** @type {{ [table: string]: any }} */
  const columns = Object.create(null);
  for (const [name, table] of Object.entries(stored)) columns[name] = readTable(name, table);
  if (columns['nodes']) columns['nodes'].noise ??= new Float32Array(columns['nodes'].parent?.length ?? 0).fill(NaN); // since 1.2
  for (const [name, required] of Object.entries(REQUIRED)) {
    if (LATER.includes(name)) columns[name] ??= Object.fromEntries(Object.entries(required).map(([column, Type]) => [column, new Type()]));
    for (const [column, Type] of Object.entries(required)) {
      check(columns[name]?.[column] instanceof Type, `the column ${name}.${column} is missing or of another type`);
    }
  }
  validate(facts, columns);
  return new Trace(facts, definitions, columns);
}

/** @param {string} name @param {unknown} stored */
function readTable(name, stored) {
  const { rows, columns } = map(stored, `the table ${name}`);
  check(Number.isInteger(rows) && rows >= 0 && rows <= (MAX_ROWS_OF[name] ?? MAX_ROWS), `the table ${name} has no valid row count`);
  /** @type {{ [column: string]: import('#viewer/trace/columns').Column }} */
  const table = Object.create(null);
  for (const [column, value] of Object.entries(map(columns, `the table ${name}`))) {
    table[column] = unpackColumn(`${name}.${column}`, value, rows);
  }
  return table;
}

/** The rules that relate columns to each other. @param {Facts} run @param {{ [table: string]: any }} tables */
function validate(run, tables) {
  const { nodes, alternatives, tokens } = tables;
  const count = nodes.parent.length;
  check(count > 0, 'it holds no token');
  for (let node = 0; node < count; node++) if (!(nodes.parent[node] >= -1 && nodes.parent[node] < node)) check(false, 'a token does not come after its parent');
  check(ascending(tokens.id), 'the tokens are not in ascending order of their ids');
  check(ascending(tables.spellings.node), 'the spellings are not in ascending order');
  check(tables.spellings.node.every((/** @type {number} */ node) => node >= 0 && node < count), 'a spelling belongs to no token');
  const sizeOf = lookUp(tokens.id, tokens.byte_count);
  const isKnown = (/** @type {number} */ id) => sizeOf(id) >= 0;
  check(nodes.token_id.every(isKnown) && alternatives.token_id.every(isKnown), 'a token has an id that is not in the list of tokens');
  check(sum(nodes.alternative_count) === alternatives.token_id.length, 'the alternatives do not add up');
  check(sum(tokens.byte_count) === tables.token_bytes.byte.length, 'the bytes of the tokens do not add up');
  check(sum(tables.spellings.byte_count) === tables.spelling_bytes.byte.length, 'the bytes of the spellings do not add up');
  check(nodes.token_id.reduce((/** @type {number} */ size, /** @type {number} */ id) => size + sizeOf(id), 0) <= MAX_TEXT, 'its tokens spell too long a text');
  for (const table of [nodes, alternatives]) {
    check(!somePositive(table.logprob) && !somePositive(table.sampled_logprob), 'a probability is larger than one');
  }
  check(Number.isInteger(run.main_leaf) && run.main_leaf >= 0 && run.main_leaf < count, 'the end of the output is not a token');
  for (let node = run.main_leaf; node >= 0; node = at(nodes.parent, node)) check(at(nodes.origin, node) !== ORIGIN.branch, 'the main path runs through a branch');
  validateBranches(nodes, tables.branches);
  check(tables.branches.first.length === 0 || (typeof run.tree === 'object' && run.tree !== null), 'it has branches and no settings of the tree');
  validateAttention(run['attention'], nodes.parent, tables);
  validateLens(run['lens'], count, tables.lens, isKnown);
  validateFiles(run['files'] ?? [], nodes);
  validateSyntax(run['syntax'], tables.syntax, tables.branches.first.length);
  validateCode(run, tables);
  for (const key of ['model', 'prompt', 'sampling']) map(run[key], `run.${key}`);
  check(Array.isArray(run.prompt.segments), 'the prompt has no list of segments');
  let end = 0;
  for (const segment of run.prompt.segments) {
    const { role, first, end: last } = map(segment, 'a segment of the prompt');
    check(typeof role === 'string' && first === end && Number.isInteger(last) && last >= first && last <= count, 'the segments of the prompt do not join');
    end = last;
  }
}

/** Branches are runs of nodes, one after the other; no other nodes have their origin. @param {Nodes} nodes @param {Branches} branches */
function validateBranches(nodes, branches) {
  const count = nodes.parent.length;
  const children = new Uint32Array(count);
  for (const parent of nodes.parent) if (parent >= 0) children[parent]++;
  const siblings = new Set(); // only where there is more than one: most tokens have one child
  const isNew = (/** @type {string} */ key) => siblings.size < siblings.add(key).size;
  check(nodes.parent.every((parent, node) => parent < 0 || at(children, parent) < 2 || isNew(`${parent} ${nodes.token_id[node]}`)), 'two tokens with one parent have the same id');
  let end = 0;
  let inside = 0;
  for (const [i, first] of branches.first.entries()) {
    const length = at(branches.count, i);
    check(length >= 1, 'a branch has no token');
    check(first >= end, 'two branches share a token, or are out of order');
    end = first + length;
    check(end <= count, 'a branch has tokens that do not exist');
    inside += length;
    check(at(nodes.parent, first) >= 0, 'a branch departs before the first token');
    for (let node = first; node < end; node++) {
      check(at(nodes.origin, node) === ORIGIN.branch, 'a branch and the origin of its tokens disagree');
      check(node === first || at(nodes.parent, node) === node - 1, 'a branch is not a chain of tokens');
    }
    check(at(branches.forced, i) >= 1 && at(branches.forced, i) <= length, 'a branch forces no token, or too many');
    check(at(branches.end, i) < ENDS, 'a branch ends for an unknown reason');
    const rejoined = at(branches.rejoined, i);
    check(rejoined >= 0 === (at(branches.end, i) === REJOINED) && rejoined < first, 'a branch rejoins without saying where, or the other way round');
  }
  check(inside === nodes.origin.filter((origin) => origin === ORIGIN.branch).length, 'a token of a branch belongs to none');
}

/**
 * Rows add up, sources stand before their queries, and no row rises.
 * @param {any} facts @param {Int32Array} parent @param {{ [table: string]: any }} tables
 */
function validateAttention(facts, parent, tables) {
  const { attention_layers: { layer, heads }, attention_rows: { unkept }, attention: { node, weight } } = tables;
  if (!facts) {
    check(heads.length + unkept.length + node.length === 0, 'it has attention and does not describe it');
    return;
  }
  const { top, queries, absent } = map(facts, 'run.attention');
  check(Number.isInteger(top) && top >= 1, 'the attention does not say how many sources it keeps');
  check(Number.isInteger(queries) && queries >= 0 && queries <= parent.length, 'the attention does not say which tokens it is of');
  check(Array.isArray(absent) && absent.every((entry) => typeof map(entry, 'an absent layer').reason === 'string'), 'an absent layer has no reason');
  check(ascending(layer), 'the layers of the attention are not in ascending order');
  check(sum(heads) * queries === unkept.length && unkept.length * top === node.length, 'the attention does not add up');
  const begin = new Int32Array(queries); // the first node of each query's own sequence
  for (let query = 0; query < queries; query++) {
    check(at(parent, query) === -1 || at(parent, query) === query - 1, 'the tokens of the attention are no sequence');
    begin[query] = at(parent, query) === -1 ? query : at(begin, query - 1);
  }
  let entry = 0;
  for (const count of heads) {
    for (let query = 0; query < queries; query++) {
      const first = at(begin, query);
      for (let place = 0, before = 0; place < count * top; place++, entry++) { // there are millions: no calls
        const source = node[entry];
        const code = weight[entry];
        if (code && (source < first || source > query)) check(false, 'a token attends to one that does not stand before it');
        if (code > before && place % top) check(false, 'the attention of a token is out of order');
        before = code;
      }
    }
  }
}

/** @param {any} facts @param {number} nodes @param {Lens} lens @param {(id: number) => boolean} isKnown */
function validateLens(facts, nodes, lens, isKnown) {
  if (!facts) {
    check(lens.rank.length === 0, 'it has a lens and does not describe it');
    return;
  }
  const { layers, first, count } = map(facts, 'run.lens');
  check(Array.isArray(layers) && layers.every((layer, i) => Number.isInteger(layer) && layer > (layers[i - 1] ?? -1)), 'the layers of the lens are not in ascending order');
  check(Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 0 && first + count <= nodes, 'the lens does not say which tokens it is of');
  check(layers.length * count === lens.rank.length, 'the lens does not add up');
  check(lens.token_id.every(isKnown), 'a token of the lens has an id that is not in the list of tokens');
  check(lens.rank.every((rank) => rank >= 0) && lens.probability.every((p) => !(p < 0 || p > 1)) && lens.logprob.every((value) => !(value > 0)), 'a number of the lens is out of range');
}

/** Passages join, and each is a tree whose children lie within their parents. @param {any} facts @param {SyntaxTable} table @param {number} branches */
function validateSyntax(facts, { kind, field, parent, start, end }, branches) {
  if (!facts) {
    check(kind.length === 0, 'it has syntax and does not describe it');
    return;
  }
  const { kinds, fields, passages } = map(facts, 'run.syntax');
  check([kinds, fields].every((names) => Array.isArray(names) && names.every((name) => typeof name === 'string')), 'the syntax has no lists of names');
  check(kind.every((i) => i < kinds.length) && field.every((i) => i < fields.length), 'a syntax node has an unknown kind or field');
  check(Array.isArray(passages), 'the syntax has no list of passages');
  let next = 0;
  for (const passage of passages) {
    const { text, language, first, count, branch } = map(passage, 'a passage');
    check(branch === undefined || (Number.isInteger(branch) && branch >= 0 && branch < branches), 'a passage belongs to no branch');
    check(Number.isInteger(text) && typeof language === 'string' && first === next && Number.isInteger(count) && count >= 1 && first + count <= kind.length, 'the passages of the syntax do not join');
    next += count;
    for (let node = first; node < next; node++) {
      const above = at(parent, node);
      check(node === first ? above === -1 : above >= first && above < node, 'a passage is not one tree');
      check(at(start, node) <= at(end, node) && (above < 0 || (at(start, node) >= at(start, above) && at(end, node) <= at(end, above))), 'a syntax node reaches beyond its parent');
    }
  }
  check(next === kind.length, 'a syntax node belongs to no passage');
}

/** Outcomes are those of all branches; decisions and checks name what exists. @param {Facts} run @param {{ [table: string]: any }} tables */
function validateCode(run, { nodes, branches, syntax, outcomes, decisions, decision_options: options, checks }) {
  const [count, known] = [nodes.parent.length, branches.first.length];
  const isBranch = (/** @type {number} */ branch) => branch >= -1 && branch < known;
  check(outcomes.outcome.length === 0 || outcomes.outcome.length === known, 'the outcomes are not those of the branches');
  check(outcomes.outcome.every((/** @type {number} */ outcome) => outcome < OUTCOMES), 'a branch has an unknown outcome');
  check(decisions.node.every((/** @type {number} */ node, /** @type {number} */ i) => node >= 0 && at(decisions.count, i) > 0 && node + at(decisions.count, i) <= count), 'a decision has tokens that do not exist');
  check(decisions.syntax.every((/** @type {number} */ node) => node >= -1 && node < syntax.kind.length), 'a decision is about unknown syntax');
  check(sum(decisions.option_count) === options.node.length && options.node.every((/** @type {number} */ node) => node >= 0 && node < count) && options.branch.every(isBranch), 'the options of the decisions do not add up');
  check(checks.branch.every(isBranch) && (checks.branch.length === 0 || Array.isArray(map(run['check'], 'run.check').outputs)), 'a check is of an unknown branch');
}

/** Files are runs of scored nodes from the first node on, each beginning at a root. @param {any} files @param {Nodes} nodes */
function validateFiles(files, nodes) {
  check(Array.isArray(files), 'the list of files is no list');
  let last = 0;
  for (const file of files) {
    const { source, first, end, changed } = map(file, 'a file');
    check(typeof source === 'string' && first === last && Number.isInteger(end) && end > first && end <= nodes.parent.length, 'the files do not join');
    for (let node = first; node < end; node++) {
      check(nodes.origin[node] === ORIGIN.scored && nodes.parent[node] === (node === first ? -1 : node - 1), 'a file is not a sequence of scored tokens');
    }
    const ranges = changed ?? [];
    check(Array.isArray(ranges) && ranges.every((lines, i) => Array.isArray(lines) && lines.every(Number.isInteger) && lines[0] > (ranges[i - 1]?.[1] ?? 0) && lines[1] >= lines[0]), 'the changed lines of a file are not in order');
    last = end;
  }
  check(files.length === 0 || nodes.origin.filter((origin) => origin === ORIGIN.scored).length === last, 'a scored token belongs to no file');
}

/** @param {unknown} value @param {string} name @returns {{ [key: string]: any }} */
function map(value, name) {
  check(typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value), `${name} is not a map`);
  return /** @type {{ [key: string]: any }} */ (value);
}

/** @param {boolean} holds @param {string} otherwise */
function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

/** @param {readonly Passage[]} passages */
function byOwner(passages) {
  return { passages: passages.filter(({ branch }) => branch === undefined), ofBranches: passages.filter(({ branch }) => branch !== undefined) };
}

/** @param {{ tables?: never, [key: string]: any }} tables @returns {Map<number, Uint8Array>} */
function spellings(tables) {
  const ends = offsets(tables.spellings.byte_count);
  const bytes = tables.spelling_bytes.byte;
  return new Map(Array.from(/** @type {Int32Array} */ (tables.spellings.node), (node, row) => [node, bytes.subarray(ends[row], ends[row + 1])]));
}

/** Running sum: list i is [offsets[i], offsets[i + 1]). @param {ArrayLike<number>} counts */
function offsets(counts) {
  const result = new Float64Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) result[i + 1] = at(result, i) + at(counts, i);
  return result;
}

/** @param {ArrayLike<number>} values */
function sum(values) {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += /** @type {number} */ (values[i]);
  return total;
}

/** What belongs to an id, -1 for none: from a table, but for ids that no vocabulary has. @param {Int32Array} ids ascending @param {Uint32Array} values @returns {(id: number) => number} */
function lookUp(ids, values) {
  const most = ids.at(-1) ?? 0;
  if (most >= MAX_TABLE || at(ids, 0) < 0) {
    const found = new Map(Array.from(ids, (id, row) => [id, at(values, row)]));
    return (id) => found.get(id) ?? -1;
  }
  const found = new Float64Array(most + 1).fill(-1);
  for (const [row, id] of ids.entries()) found[id] = at(values, row);
  return (id) => found[id] ?? -1;
}

/** @param {Float32Array} values */
function somePositive(values) {
  for (let i = 0; i < values.length; i++) if (/** @type {number} */ (values[i]) > 0) return true;
  return false;
}

/** @param {Int32Array} values */
function ascending(values) {
  return values.every((value, i) => i === 0 || value > at(values, i - 1));
}

/** @param {ArrayLike<number>} values @param {number} index */
function at(values, index) {
  return /** @type {number} */ (values[index]);
}

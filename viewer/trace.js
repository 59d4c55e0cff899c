/**
 * Payload bytes -> the recording: typed columns, the facts of the run, and paths through the tree of tokens.
 * Checks what the format demands, so that everything after this module may index without asking again.
 */

import { decode } from '#viewer/msgpack';
import { unpackColumn } from '#viewer/columns';

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
 */

/** @typedef {{ token_id: Int32Array, logprob: Float32Array, sampled_logprob: Float32Array }} Alternatives */
/** @typedef {{ first: Int32Array, count: Uint32Array, forced: Uint16Array, asked: Uint8Array, end: Uint8Array, rejoined: Int32Array }} Branches */

const REQUIRED = {
  nodes: {
    parent: Int32Array, token_id: Int32Array, origin: Uint8Array, logprob: Float32Array, entropy: Float32Array,
    margin: Float32Array, rank: Int32Array, gap: Float32Array, tail: Float32Array, sampled_logprob: Float32Array,
    sampled_tail: Float32Array, alternative_count: Uint16Array,
  },
  alternatives: { token_id: Int32Array, logprob: Float32Array, sampled_logprob: Float32Array },
  tokens: { id: Int32Array, special: Uint8Array, byte_count: Uint32Array },
  token_bytes: { byte: Uint8Array },
  spellings: { node: Int32Array, byte_count: Uint32Array },
  spelling_bytes: { byte: Uint8Array },
  branches: { first: Int32Array, count: Uint32Array, forced: Uint16Array, asked: Uint8Array, end: Uint8Array, rejoined: Int32Array },
};
const LATER = ['branches']; // since 1.1: a file without them has no rows there
const ENDS = 7;
const REJOINED = 3;
const MAX_NODES = 2 ** 24;
const MAX_ROWS = 2 ** 28;

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
    this.count = this.nodes.parent.length;
    /** @type {Segment[]} */
    this.segments = run.prompt.segments;
    this.alternativeOffsets = offsets(this.nodes.alternative_count);
    this.tokenOffsets = offsets(tables.tokens.byte_count);
    this.tokenBytes_ = /** @type {Uint8Array} */ (tables.token_bytes.byte);
    this.special_ = /** @type {Uint8Array} */ (tables.tokens.special);
    /** @type {Map<number, number>} row of each token id */
    this.rowOfId_ = new Map(Array.from(/** @type {Int32Array} */ (tables.tokens.id), (id, row) => [id, row]));
    this.spellings_ = spellings(tables);
  }

  /** Indices of the nodes from the root to a leaf. @param {number} leaf */
  path(leaf) {
    const nodes = [];
    for (let node = leaf; node >= 0; node = at(this.nodes.parent, node)) nodes.push(node);
    return Int32Array.from(nodes.reverse());
  }

  /** The bytes of a token id inside a text. @param {number} id */
  bytesOfId(id) {
    const row = this.rowOfId_.get(id) ?? 0;
    return this.tokenBytes_.subarray(at(this.tokenOffsets, row), at(this.tokenOffsets, row + 1));
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
  const stored = map(tables, 'tables');
  /** @type {{ [table: string]: any }} */
  const columns = Object.create(null);
  for (const [name, table] of Object.entries(stored)) columns[name] = readTable(name, table);
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
  check(Number.isInteger(rows) && rows >= 0 && rows <= (name === 'nodes' ? MAX_NODES : MAX_ROWS), `the table ${name} has no valid row count`);
  /** @type {{ [column: string]: import('#viewer/columns').Column }} */
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
  nodes.parent.forEach((/** @type {number} */ parent, /** @type {number} */ node) => check(parent >= -1 && parent < node, 'a token does not come after its parent'));
  check(ascending(tokens.id), 'the tokens are not in ascending order of their ids');
  check(ascending(tables.spellings.node), 'the spellings are not in ascending order');
  check(tables.spellings.node.every((/** @type {number} */ node) => node >= 0 && node < count), 'a spelling belongs to no token');
  const known = new Set(tokens.id);
  const isKnown = (/** @type {number} */ id) => known.has(id);
  check(nodes.token_id.every(isKnown) && alternatives.token_id.every(isKnown), 'a token has an id that is not in the list of tokens');
  check(sum(nodes.alternative_count) === alternatives.token_id.length, 'the alternatives do not add up');
  check(sum(tokens.byte_count) === tables.token_bytes.byte.length, 'the bytes of the tokens do not add up');
  check(sum(tables.spellings.byte_count) === tables.spelling_bytes.byte.length, 'the bytes of the spellings do not add up');
  const isLogprob = (/** @type {number} */ value) => !(value > 0);
  for (const table of [nodes, alternatives]) {
    check(table.logprob.every(isLogprob) && table.sampled_logprob.every(isLogprob), 'a probability is larger than one');
  }
  check(Number.isInteger(run.main_leaf) && run.main_leaf >= 0 && run.main_leaf < count, 'the end of the output is not a token');
  validateBranches(nodes, tables.branches);
  check(tables.branches.first.length === 0 || (typeof run.tree === 'object' && run.tree !== null), 'it has branches and no settings of the tree');
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
    check(rejoined >= 0 === (at(branches.end, i) === REJOINED) && rejoined < count, 'a branch rejoins without saying where, or the other way round');
  }
  check(inside === nodes.origin.filter((origin) => origin === ORIGIN.branch).length, 'a token of a branch belongs to none');
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
  return at(offsets(values), values.length);
}

/** @param {Int32Array} values */
function ascending(values) {
  return values.every((value, i) => i === 0 || value > at(values, i - 1));
}

/** @param {ArrayLike<number>} values @param {number} index */
function at(values, index) {
  return /** @type {number} */ (values[index]);
}

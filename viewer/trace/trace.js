/**
 * Payload bytes -> the recording: typed columns, the facts of the run, and paths through the tree of tokens.
 * What the format demands is checked here, so that everything after this module may index without asking again.
 */

import { at, offsets } from '#viewer/trace/arrays';
import { unpackColumn } from '#viewer/trace/columns';
import { decode } from '#viewer/trace/msgpack';
import { LATER_COLUMNS, LATER_TABLES, LIMITS, ROWS_OF, TABLES } from '#viewer/trace/schema';
import { check, map, validate } from '#viewer/trace/validation';

/**
 * What was stored, by table and column.
 * @typedef {{ [T in keyof typeof TABLES]: { [C in keyof (typeof TABLES)[T]]: (typeof TABLES)[T][C] extends new () => infer A ? A : never } }} Tables
 */
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

/** @typedef {{ text: number, language: string, first: number, count: number, branch?: number | null }} Passage */
/** @typedef {Tables['outcomes']} Outcomes by branch, or empty: what it led to, and the bytes that were compared */

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

/**
 * Nodes first to end - 1; changed lines from 1.
 * @typedef {{ source: string, first: number, end: number, exact: boolean, changed: [number, number][] | null }} File
 */

/** Of the facts those that are known. A later one may be called like a column and a later column like a fact: none takes the place of another. */
const FACTS = {
  attention: (/** @type {any} */ { top, queries, absent }) => ({ top, queries, absent }),
  lens: (/** @type {any} */ { layers, first, count, reason = null }) => ({ layers, first, count, reason }),
  syntax: (/** @type {any} */ { kinds, fields, passages }) => ({ kinds, fields, ...byOwner(passages) }),
};

export class Trace {
  /** @param {Facts} run @param {Record<string, Definition>} definitions @param {Tables} stored */
  constructor(run, definitions, stored) {
    const tables = known(stored);
    this.run = run;
    this.definitions = definitions;
    /** @type {Nodes} */
    this.nodes = tables.nodes;
    /** @type {Alternatives} */
    this.alternatives = tables.alternatives;
    /** @type {Branches} */
    this.branches = tables.branches;
    /** @type {Attention | null} */
    this.attention = run['attention']
      ? { ...tables.attention_layers, ...tables.attention_rows, ...tables.attention, ...FACTS.attention(run['attention']) }
      : null;
    /** @type {Lens | null} */
    this.lens = run['lens'] ? { ...tables.lens, ...FACTS.lens(run['lens']) } : null;
    /** @type {SyntaxTable | null} */
    this.syntax = run['syntax'] ? { ...tables.syntax, ...FACTS.syntax(run['syntax']) } : null;
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

  /** Whether a node is a control token and no text: one that its author wrote has a spelling of its own. @param {number} node */
  isSpecial(node) {
    return this.isSpecialId(at(this.nodes.token_id, node)) && !this.spellings_.has(node);
  }
}

/**
 * @param {Uint8Array} payload
 * @returns {Trace}
 */
export function readTrace(payload) {
  const { run, metrics, tables } = map(decode(payload), 'the payload');
  const facts = map(run, 'run');
  const definitions = map(metrics, 'metrics');
  for (const definition of Object.values(definitions)) map(definition, 'a metric');
  const columns = readTables(map(tables, 'tables'));
  validate(facts, columns);
  return new Trace(facts, definitions, columns);
}

/** Every table of the format, and what else is stored. @param {{ [table: string]: unknown }} stored @returns {Tables} */
function readTables(stored) {
  /** @type {{ [table: string]: any }} */
  const columns = Object.create(null);
  for (const [name, table] of Object.entries(stored)) columns[name] = readTable(name, table);
  for (const [name, column] of LATER_COLUMNS) {
    if (columns[name]) columns[name][column] ??= unknown(name, column, rowsOf(columns[name]));
  }
  for (const [name, required] of Object.entries(TABLES)) {
    if (LATER_TABLES.includes(name)) columns[name] ??= emptyTable(required);
    for (const [column, Type] of Object.entries(required)) {
      check(columns[name]?.[column] instanceof Type, `the column ${name}.${column} is missing or of another type`);
    }
  }
  return /** @type {Tables} */ (/** @type {unknown} */ (columns));
}

/** @param {{ [column: string]: import('#viewer/trace/columns').Column }} table */
function rowsOf(table) {
  return Object.values(table)[0]?.length ?? 0;
}

/** A column that a file lacks: NaN, of whole numbers the largest. @param {string} table @param {string} column @param {number} rows */
function unknown(table, column, rows) {
  const Type = /** @type {{ [table: string]: { [column: string]: any } }} */ (TABLES)[table]?.[column];
  const values = new Type(rows);
  return values.fill(values instanceof Float32Array ? NaN : -1);
}

/** @param {{ [column: string]: new () => unknown }} columns */
function emptyTable(columns) {
  return Object.fromEntries(Object.entries(columns).map(([column, Type]) => [column, new Type()]));
}

/** @param {string} name @param {unknown} stored */
function readTable(name, stored) {
  const { rows, columns } = map(stored, `the table ${name}`);
  const most = (Object.hasOwn(ROWS_OF, name) ? ROWS_OF[name] : undefined) ?? LIMITS.rows;
  check(Number.isInteger(rows) && rows >= 0 && rows <= most, `the table ${name} has no valid row count`);
  /** @type {{ [column: string]: import('#viewer/trace/columns').Column }} */
  const table = Object.create(null);
  for (const [column, value] of Object.entries(map(columns, `the table ${name}`))) {
    table[column] = unpackColumn(`${name}.${column}`, value, rows);
  }
  return table;
}

/** The tables and columns that this version knows. @param {any} tables @returns {Tables} */
function known(tables) {
  const columnsOf = (/** @type {string} */ name, /** @type {object} */ kinds) => (
    Object.fromEntries(Object.keys(kinds).map((column) => [column, tables[name][column]]))
  );
  return /** @type {any} */ (Object.fromEntries(Object.entries(TABLES).map(([name, kinds]) => [name, columnsOf(name, kinds)])));
}

/** @param {readonly Passage[]} passages */
function byOwner(passages) {
  const isText = (/** @type {Passage} */ { branch }) => branch === undefined;
  return { passages: passages.filter(isText), ofBranches: passages.filter((passage) => !isText(passage)) };
}

/** @param {Tables} tables @returns {Map<number, Uint8Array>} */
function spellings(tables) {
  const ends = offsets(tables.spellings.byte_count);
  const bytes = tables.spelling_bytes.byte;
  return new Map(Array.from(/** @type {Int32Array} */ (tables.spellings.node), (node, row) => [node, bytes.subarray(ends[row], ends[row + 1])]));
}

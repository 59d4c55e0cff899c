/** The rules that relate columns to each other and to the facts of the run, as FORMAT.md has them: the first that is broken, as an error. Pure. */

import { at, hasPositive, isAscending, sum } from '#viewer/trace/arrays';
import { END, ORIGIN, OUTCOME } from '#viewer/trace/schema';
import { validateWork } from '#viewer/trace/work';

/** @typedef {import('#viewer/trace/trace').Facts} Facts */
/** @typedef {import('#viewer/trace/trace').Tables} Tables */

const MAX_TABLE = 2 ** 24; // ids that are looked up by their place
const LAST_END = most(END);
const LAST_OUTCOME = most(OUTCOME);

/** @param {{ readonly [name: string]: number }} values of an enumeration */
function most(values) {
  return Object.values(values).reduce((a, b) => Math.max(a, b));
}

/** @param {Facts} run @param {Tables} tables */
export function validate(run, tables) {
  const { nodes, branches } = tables;
  const count = nodes.parent.length;
  const known = branches.first.length;
  check(count > 0, 'it holds no token');
  for (let node = 0; node < count; node++) {
    if (!(at(nodes.parent, node) >= -1 && at(nodes.parent, node) < node)) check(false, 'a token does not come after its parent');
  }
  const isKnown = validateTokens(tables);
  validateMainPath(run, nodes);
  validateBranches(nodes, branches);
  check(known === 0 || (typeof run['tree'] === 'object' && run['tree'] !== null), 'it has branches and no settings of the tree');
  validateAttention(run['attention'], nodes.parent, tables);
  validateLens(run['lens'], count, tables.lens, isKnown);
  const files = run['files'] ?? [];
  validateFiles(files, nodes);
  check(files.length === 0 || known === 0, 'it has files that were scored, and branches');
  validateSyntax(run['syntax'], tables.syntax, Math.max(1, files.length), known);
  validateCode(run, tables);
  for (const key of ['model', 'prompt', 'sampling']) map(run[key], `run.${key}`);
  validateSegments(run['prompt'].segments, nodes);
  validateWork(run, tables);
}

/** Ids are listed, lists add up, and no number is out of range. @param {Tables} tables @returns {(id: number) => boolean} whether an id is listed */
function validateTokens({ nodes, alternatives, tokens, spellings, token_bytes: bytes, spelling_bytes: spelled }) {
  const isNode = (/** @type {number} */ node) => node >= 0 && node < nodes.parent.length;
  check(isAscending(tokens.id), 'the tokens are not in ascending order of their ids');
  check(isAscending(spellings.node), 'the spellings are not in ascending order');
  check(spellings.node.every(isNode), 'a spelling belongs to no token');
  const sizeOf = lookUp(tokens.id, tokens.byte_count);
  const isKnown = (/** @type {number} */ id) => sizeOf(id) >= 0;
  check(nodes.token_id.every(isKnown) && alternatives.token_id.every(isKnown), 'a token has an id that is not in the list of tokens');
  check(sum(nodes.alternative_count) === alternatives.token_id.length, 'the alternatives do not add up');
  check(sum(tokens.byte_count) === bytes.byte.length, 'the bytes of the tokens do not add up');
  check(sum(spellings.byte_count) === spelled.byte.length, 'the bytes of the spellings do not add up');
  for (const table of [nodes, alternatives]) {
    check(!hasPositive(table.logprob) && !hasPositive(table.sampled_logprob), 'a probability is larger than one');
  }
  return isKnown;
}

/** @param {Facts} run @param {Tables['nodes']} nodes */
function validateMainPath({ main_leaf: leaf }, nodes) {
  check(Number.isInteger(leaf) && leaf >= 0 && leaf < nodes.parent.length, 'the end of the output is not a token');
  for (let node = leaf; node >= 0; node = at(nodes.parent, node)) {
    check(at(nodes.origin, node) !== ORIGIN.branch, 'the main path runs through a branch');
  }
}

/** Branches are runs of nodes, one after the other; no other nodes have their origin. @param {Tables['nodes']} nodes @param {Tables['branches']} branches */
function validateBranches(nodes, branches) {
  const count = nodes.parent.length;
  check(!hasTwins(nodes), 'two tokens with one parent have the same id');
  let end = 0;
  let inside = 0;
  for (const [i, first] of branches.first.entries()) {
    const length = at(branches.count, i);
    check(length >= 1, 'a branch has no token');
    check(first >= end, 'two branches share a token, or are out of order');
    end = first + length;
    check(end <= count, 'a branch has tokens that do not exist');
    inside += length;
    validateBranch(nodes, first, end);
    check(at(branches.forced, i) >= 1 && at(branches.forced, i) <= length, 'a branch forces no token, or too many');
    check(at(branches.end, i) <= LAST_END, 'a branch ends for an unknown reason');
    const rejoined = at(branches.rejoined, i);
    const joins = at(branches.end, i) === END.rejoined;
    check(rejoined >= 0 === joins && rejoined < first, 'a branch rejoins without saying where, or the other way round');
  }
  check(inside === nodes.origin.filter((origin) => origin === ORIGIN.branch).length, 'a token of a branch belongs to none');
}

/** A branch departs from a token, and is a chain. @param {Tables['nodes']} nodes @param {number} first @param {number} end */
function validateBranch(nodes, first, end) {
  check(at(nodes.parent, first) >= 0, 'a branch departs before the first token');
  for (let node = first; node < end; node++) {
    check(at(nodes.origin, node) === ORIGIN.branch, 'a branch and the origin of its tokens disagree');
    check(node === first || at(nodes.parent, node) === node - 1, 'a branch is not a chain of tokens');
  }
}

/** Whether two tokens with one parent have the same id. @param {Tables['nodes']} nodes */
function hasTwins({ parent, token_id: ids }) {
  const children = new Uint32Array(parent.length);
  for (const above of parent) if (above >= 0) children[above]++;
  const siblings = new Set(); // only where there is more than one: most tokens have one child
  const isNew = (/** @type {string} */ key) => siblings.size < siblings.add(key).size;
  return !parent.every((above, node) => above < 0 || at(children, above) < 2 || isNew(`${above} ${ids[node]}`));
}

/**
 * Rows add up, sources stand before their queries, and no row rises.
 * @param {any} facts @param {Int32Array} parent @param {Tables} tables
 */
function validateAttention(facts, parent, { attention_layers: { layer, heads }, attention_rows: { unkept }, attention: { node, weight } }) {
  if (!facts) {
    check(heads.length + unkept.length + node.length === 0, 'it has attention and does not describe it');
    return;
  }
  const { top, queries, absent } = map(facts, 'run.attention');
  check(Number.isInteger(top) && top >= 1, 'the attention does not say how many sources it keeps');
  check(Number.isInteger(queries) && queries >= 0 && queries <= parent.length, 'the attention does not say which tokens it is of');
  const hasReason = (/** @type {unknown} */ entry) => typeof map(entry, 'an absent layer')['reason'] === 'string';
  check(Array.isArray(absent) && absent.every(hasReason), 'an absent layer has no reason');
  check(isAscending(layer), 'the layers of the attention are not in ascending order');
  check(sum(heads) * queries === unkept.length && unkept.length * top === node.length, 'the attention does not add up');
  validateRows({ node, weight }, heads, top, beginnings(parent, queries));
}

/** The first node of each query's own sequence. @param {Int32Array} parent @param {number} queries */
function beginnings(parent, queries) {
  const begin = new Int32Array(queries);
  for (let query = 0; query < queries; query++) {
    check(at(parent, query) === -1 || at(parent, query) === query - 1, 'the tokens of the attention are no sequence');
    begin[query] = at(parent, query) === -1 ? query : at(begin, query - 1);
  }
  return begin;
}

/** @param {Tables['attention']} sources @param {Uint16Array} heads of each layer @param {number} top @param {Int32Array} begin */
function validateRows({ node, weight }, heads, top, begin) {
  let entry = 0;
  for (const count of heads) {
    for (let query = 0; query < begin.length; query++) {
      const first = at(begin, query);
      for (let place = 0, before = 0; place < count * top; place++, entry++) { // there are millions: no calls
        const source = /** @type {number} */ (node[entry]);
        const code = /** @type {number} */ (weight[entry]);
        if (code && (source < first || source > query)) check(false, 'a token attends to one that does not stand before it');
        if (code > before && place % top) check(false, 'the attention of a token is out of order');
        before = code;
      }
    }
  }
}

/** @param {any} facts @param {number} nodes @param {Tables['lens']} lens @param {(id: number) => boolean} isKnown */
function validateLens(facts, nodes, lens, isKnown) {
  if (!facts) {
    check(lens.rank.length === 0, 'it has a lens and does not describe it');
    return;
  }
  const { layers, first, count } = map(facts, 'run.lens');
  const isAfter = (/** @type {unknown} */ layer, /** @type {number} */ i) => Number.isInteger(layer) && Number(layer) > (layers[i - 1] ?? -1);
  check(Array.isArray(layers) && layers.every(isAfter), 'the layers of the lens are not in ascending order');
  const isRun = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 0 && first + count <= nodes;
  check(isRun, 'the lens does not say which tokens it is of');
  check(layers.length * count === lens.rank.length, 'the lens does not add up');
  check(lens.token_id.every(isKnown), 'a token of the lens has an id that is not in the list of tokens');
  const isInRange = lens.rank.every((rank) => rank >= 0) && lens.probability.every((p) => !(p < 0 || p > 1)) && !hasPositive(lens.logprob);
  check(isInRange, 'a number of the lens is out of range');
}

/**
 * Passages join, and each is a tree whose children lie within their parents.
 * @param {any} facts @param {Tables['syntax']} table @param {number} texts @param {number} branches
 */
function validateSyntax(facts, table, texts, branches) {
  const { kind, field } = table;
  if (!facts) {
    check(kind.length === 0, 'it has syntax and does not describe it');
    return;
  }
  const { kinds, fields, passages } = map(facts, 'run.syntax');
  check([kinds, fields].every((names) => Array.isArray(names) && names.every(isText)), 'the syntax has no lists of names');
  check(kind.every((i) => i < kinds.length) && field.every((i) => i < fields.length), 'a syntax node has an unknown kind or field');
  check(Array.isArray(passages), 'the syntax has no list of passages');
  let next = 0;
  for (const passage of passages) {
    const { text, language, first, count, branch } = map(passage, 'a passage');
    check((branch ?? null) === null || (Number.isInteger(branch) && branch >= 0 && branch < branches), 'a passage belongs to no branch');
    const joins = first === next && Number.isInteger(count) && count >= 1 && first + count <= kind.length;
    check(isText(language) && joins, 'the passages of the syntax do not join');
    check(Number.isInteger(text) && text >= 0 && text < texts, 'a passage belongs to no text');
    next += count;
    validatePassage(table, first, next);
  }
  check(next === kind.length, 'a syntax node belongs to no passage');
}

/** @param {Tables['syntax']} table @param {number} first @param {number} stop */
function validatePassage({ parent, start, end }, first, stop) {
  for (let node = first; node < stop; node++) {
    const above = at(parent, node);
    check(node === first ? above === -1 : above >= first && above < node, 'a passage is not one tree');
    const isWithin = above < 0 || (at(start, node) >= at(start, above) && at(end, node) <= at(end, above));
    check(at(start, node) <= at(end, node) && isWithin, 'a syntax node reaches beyond its parent');
  }
}

/** Outcomes are those of all branches; decisions and checks name what exists. @param {Facts} run @param {Tables} tables */
function validateCode(run, { nodes, branches, syntax, outcomes, decisions, decision_options: options, checks }) {
  const [count, known] = [nodes.parent.length, branches.first.length];
  const isNode = (/** @type {number} */ node) => node >= 0 && node < count;
  const isBranch = (/** @type {number} */ branch) => branch >= -1 && branch < known;
  const isRun = (/** @type {number} */ node, /** @type {number} */ i) => node >= 0 && at(decisions.count, i) > 0 && node + at(decisions.count, i) <= count;
  check(outcomes.outcome.length === 0 || outcomes.outcome.length === known, 'the outcomes are not those of the branches');
  check(outcomes.outcome.every((outcome) => outcome <= LAST_OUTCOME), 'a branch has an unknown outcome');
  check(decisions.node.every(isRun), 'a decision has tokens that do not exist');
  check(decisions.syntax.every((node) => node >= -1 && node < syntax.kind.length), 'a decision is about unknown syntax');
  const joins = sum(decisions.option_count) === options.node.length && options.node.every(isNode) && options.branch.every(isBranch);
  check(joins, 'the options of the decisions do not add up');
  const isSaid = checks.branch.length === 0 || Array.isArray(map(run['check'], 'run.check')['outputs']);
  check(checks.branch.every(isBranch) && isSaid, 'a check is of an unknown branch');
}

/** Files are runs of scored nodes from the first node on, each beginning at a root. @param {any} files @param {Tables['nodes']} nodes */
function validateFiles(files, nodes) {
  check(Array.isArray(files), 'the list of files is no list');
  let last = 0;
  for (const file of files) {
    const { source, first, end, changed } = map(file, 'a file');
    const joins = first === last && Number.isInteger(end) && end > first && end <= nodes.parent.length;
    check(isText(source) && joins, 'the files do not join');
    for (let node = first; node < end; node++) {
      const isNext = at(nodes.parent, node) === (node === first ? -1 : node - 1);
      check(at(nodes.origin, node) === ORIGIN.scored && isNext, 'a file is not a sequence of scored tokens');
    }
    check(areRanges(changed ?? []), 'the changed lines of a file are not in order');
    last = end;
  }
  const scored = nodes.origin.filter((origin) => origin === ORIGIN.scored).length;
  check(files.length === 0 || scored === last, 'a scored token belongs to no file');
}

/** Whether they are pairs of lines from 1, in order and apart. @param {any} ranges */
function areRanges(ranges) {
  return Array.isArray(ranges) && ranges.every((lines, i) => (
    Array.isArray(lines) && lines.every(Number.isInteger) && lines[0] > (ranges[i - 1]?.[1] ?? 0) && lines[1] >= lines[0]
  ));
}

/** @param {any} segments of the prompt @param {Tables['nodes']} nodes */
function validateSegments(segments, nodes) {
  check(Array.isArray(segments), 'the prompt has no list of segments');
  let end = 0;
  for (const segment of segments) {
    const { role, first, end: last } = map(segment, 'a segment of the prompt');
    const joins = first === end && Number.isInteger(last) && last >= first && last <= nodes.parent.length;
    check(isText(role) && joins, 'the segments of the prompt do not join');
    end = last;
  }
  check(!segments.length || end === nodes.origin.filter((one) => one === ORIGIN.prompt).length, 'the segments of the prompt do not cover it');
}

/** @param {unknown} value @param {string} name @returns {{ [key: string]: any }} */
export function map(value, name) {
  check(typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value), `${name} is not a map`);
  return /** @type {{ [key: string]: any }} */ (value);
}

/** @param {boolean} holds @param {string} otherwise */
export function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

/** @param {unknown} value */
function isText(value) {
  return typeof value === 'string';
}

/**
 * What belongs to an id, -1 for none: from a table, but for ids that no vocabulary has.
 * @param {Int32Array} ids ascending @param {Uint32Array} values
 * @returns {(id: number) => number}
 */
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

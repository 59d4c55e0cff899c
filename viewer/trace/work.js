/** How much a recording may ask of whoever reads it, as FORMAT.md has it: the first limit that is passed, as an error. Pure. */

import { at, sum } from '#viewer/trace/arrays';
import { END, LIMITS } from '#viewer/trace/schema';

/** @typedef {import('#viewer/trace/trace').Facts} Facts */
/** @typedef {import('#viewer/trace/trace').Tables} Tables */

const LINE_BREAK = 10;

/** What tokens spell, what branches and decisions ask for, and texts that are shown again and again. @param {Facts} run @param {Tables} tables */
export function validateWork(run, tables) {
  const { nodes, branches, decisions, decision_options: options } = tables;
  const size = validateText(tables);
  const reach = pathSizes(nodes.parent, size);
  const { main, own, turns } = programs(reach, nodes, branches, run['main_leaf']);
  keep(turns, 'turns', 'its branches stand too far behind each other');
  keep(sum(decisions.count), 'decided', 'its decisions have too many tokens');
  let asked = main * (1 + decisions.node.length) + sum(own);
  for (const branch of options.branch) asked += branch < 0 ? main : at(own, branch);
  keep(asked, 'programs', 'the programs of its branches, decisions and options are too long together');
  validateNames(run, tables);
}

/** The bytes of each node, and one more. @param {Tables} tables */
function validateText({ nodes, tokens, token_bytes: bytes, spellings, spelling_bytes: spelled }) {
  const rows = new Map(Array.from(tokens.id, (id, row) => [id, row]));
  const [sizes, breaks] = sizesOf(tokens.byte_count, bytes.byte);
  const [ownSizes, ownBreaks] = sizesOf(spellings.byte_count, spelled.byte);
  const own = new Map(Array.from(spellings.node, (node, row) => [node, row]));
  const found = new Float64Array(nodes.token_id.length);
  let text = 0;
  let lines = 0;
  for (const [node, id] of nodes.token_id.entries()) {
    const row = own.get(node);
    const length = row === undefined ? at(sizes, rows.get(id) ?? 0) : at(ownSizes, row);
    lines += row === undefined ? at(breaks, rows.get(id) ?? 0) : at(ownBreaks, row);
    text += length;
    found[node] = length + 1;
  }
  for (const lengths of [sizes, ownSizes]) {
    for (const length of lengths) keep(length, 'token', 'a token of it is too long');
  }
  keep(text, 'text', 'its tokens spell too long a text');
  keep(lines, 'lines', 'its tokens spell too many lines');
  return found;
}

/** Bytes and line breaks of each piece. @param {Uint32Array} counts @param {Uint8Array} content @returns {[Float64Array, Float64Array]} */
function sizesOf(counts, content) {
  const breaks = new Float64Array(counts.length);
  let next = 0;
  for (const [piece, count] of counts.entries()) {
    for (const end = next + count; next < end; next++) if (content[next] === LINE_BREAK) breaks[piece] = at(breaks, piece) + 1;
  }
  return [Float64Array.from(counts), breaks];
}

/** What the nodes from the root to each one have together. @param {Int32Array} parent @param {Float64Array} size */
function pathSizes(parent, size) {
  const reach = Float64Array.from(size);
  for (const [node, above] of parent.entries()) if (above >= 0) reach[node] = at(reach, node) + at(reach, above);
  return reach;
}

/**
 * The sizes of the main path's program and of each branch's, and how often one of these changes to another path.
 * @param {Float64Array} reach @param {Tables['nodes']} nodes @param {Tables['branches']} branches @param {number} leaf
 */
function programs(reach, nodes, branches, leaf) {
  const main = at(reach, leaf);
  const owner = new Int32Array(reach.length).fill(-1);
  const own = new Float64Array(branches.first.length);
  const rest = new Float64Array(own.length);
  const forks = new Uint32Array(own.length).fill(1);
  const links = new Uint32Array(own.length).fill(1);
  let turns = 0;
  for (const [branch, first] of branches.first.entries()) {
    const last = first + at(branches.count, branch) - 1;
    owner.fill(branch, first, last + 1);
    const above = at(owner, at(nodes.parent, first));
    if (above >= 0) forks[branch] = at(forks, above) + 1;
    if (at(branches.end, branch) === END.rejoined) {
      const node = at(branches.rejoined, branch);
      const other = at(owner, node);
      const stop = other < 0 ? main : at(reach, at(branches.first, other) + at(branches.count, other) - 1) + at(rest, other);
      rest[branch] = Math.max(0, stop - at(reach, node));
      if (other >= 0) links[branch] = at(links, other) + 1;
    }
    own[branch] = at(reach, last) + at(rest, branch);
    turns = Math.max(turns, at(forks, branch), at(links, branch));
  }
  return { main, own, turns };
}

/** Texts that are shown wherever something is said of them. @param {Facts} run @param {Tables} tables */
function validateNames(run, { checks }) {
  const { model, prompt, sampling, syntax, files, check: command } = run;
  const passages = syntax?.passages ?? [];
  const names = [
    model.id, prompt.source, command?.folder, command?.file, ...syntax?.kinds ?? [], ...syntax?.fields ?? [],
    ...passages.map((/** @type {any} */ passage) => passage.language), ...(files ?? []).map((/** @type {any} */ file) => file.source),
  ];
  for (const name of names) keep(signs(name), 'name', 'a name of it is too long');
  const stops = Array.isArray(sampling.stop) ? sampling.stop : [];
  keep(stops.length, 'stops', 'it has too many stop strings');
  for (const text of stops) keep(signs(text), 'stop', 'a stop string of it is too long');
  const outputs = (command?.outputs ?? []).map(signs);
  let said = 0;
  for (const output of checks.output) said += outputs[output] ?? 0;
  keep(said, 'said', 'its check printed too much');
}

/** How many characters a text has, as Python counts them; 0 for what is none. @param {unknown} text */
function signs(text) {
  return typeof text === 'string' ? text.replaceAll(/[\u{10000}-\u{10FFFF}]/gu, '.').length : 0;
}

/** @param {number} count @param {keyof typeof LIMITS} limit @param {string} otherwise */
function keep(count, limit, otherwise) {
  if (!(count <= LIMITS[limit])) throw new Error(otherwise);
}

/** A query over the path that is shown: text, a pattern and conditions, all of which must hold -> the tokens where they do. Pure. */

import { outcomeOf } from '#viewer/reading/outcomes';
import { remembered } from '#viewer/reading/reading';
import { whereIs } from '#viewer/reading/syntax';
import { LIKELY, ORIGIN, OUTCOME_WORDS } from '#viewer/trace/schema';

const LEAST = Math.log(LIKELY);
const PIECE = 256; // characters of a line that a pattern sees at once
const PATIENCE = 500; // milliseconds
const COST = 2 ** 32; // what a pattern may try on a piece, at worst
const UPPER = /\p{Lu}/u;

const QUOTED = '"([^"]*)(?:"|$)';
const PATTERN = '/((?! )(?:\\\\.|[^\\\\])+?)/(i?)';
const CONDITION = '(kind|alt|branch|outcome|origin):(?:"([^"]+)(?:"|$)|(\\S+))';

/** What a query may say, for the bar and for the help. @type {readonly (readonly [string, string])[]} */
export const SYNTAX = [
  ['text', 'also across tokens; a capital letter counts; quotes keep it text'],
  ['/regex/i', 'within a line'],
  ['gap > 1', 'any number that colours, with < <= = >= >'],
  ['kind:identifier', 'syntax, or how its kind begins'],
  ['alt:text', 'an alternative of 5 % or more holds it'],
  ['branch:text', 'a branch that departs there does'],
  ['outcome:calls', 'a branch that departs there leads to it'],
  ['origin:output', 'or prompt'],
];

/** @typedef {import('#viewer/reading/reading').Reading} Reading */
/** @typedef {(line: string) => Iterable<[number, number]>} Finder from, to in a line */
/** @typedef {{ key: string, value: string, sign: string }} Condition */
/** @typedef {{ finders: Finder[], conditions: Condition[] }} Query */
/** @typedef {{ node: number, nodes: number[] }} Match tokens in the order of the file; node: the first at which every condition holds */

/** An error whose message is one sentence for the reader. */
class QueryError extends Error {}

/**
 * The matches of a query in the order of the file, or why there are none.
 * @param {Reading} reading @param {string} query
 * @returns {{ matches: Match[], error: string }}
 */
export function search(reading, query) {
  try {
    const { finders, conditions } = parse(query, reading.metrics.map(({ label }) => label));
    if (!finders.length && !conditions.length) return { matches: [], error: '' };
    const tests = conditions.map((condition) => testOf(reading, condition));
    const [runs, ...others] = finders.map((finder) => runsOf(reading.layout, finder));
    for (const other of others) tests.push(isIn(other.flat()));
    const matches = (runs ?? Array.from(reading.layout.order, (node) => [node])).map((nodes) => ({
      nodes,
      node: nodes.find((node) => tests.every((test) => test(node))) ?? -1,
    }));
    return { matches: matches.filter(({ node }) => node >= 0), error: '' };
  } catch (error) {
    if (error instanceof QueryError) return { matches: [], error: error.message };
    throw error;
  }
}

/** @param {string} query @param {readonly string[]} numbers names that can be compared @returns {Query} */
function parse(query, numbers) {
  const comparison = `(${numbers.join('|')})\\s*([<>]=?|==?)\\s*(\\S*)`;
  const parts = new RegExp(`\\s*(?:${QUOTED}|${PATTERN}|${CONDITION}|${comparison}|\\S+)(?=\\s|$)`, 'gy');
  /** @type {Query} */
  const found = { finders: [], conditions: [] };
  let words = '';
  const flush = (quoted = '') => {
    for (const text of [words.trim(), quoted]) if (text) found.finders.push(plain(text));
    words = '';
  };
  for (const [whole, quoted, pattern, flags, key, inQuotes, bare, number, sign, value] of query.trim().matchAll(parts)) {
    const says = inQuotes ?? bare ?? value ?? '';
    const name = key ?? number;
    if (quoted === undefined && !pattern && !name) {
      words += whole;
      continue;
    }
    flush(quoted);
    if (pattern) found.finders.push(patterned(pattern, flags ?? ''));
    if (number && !/^-?\d*\.?\d+%?$/.test(says)) throw new QueryError(`After ${number} ${sign} stands a number; quotes make it text.`);
    if (name) found.conditions.push({ key: name, value: says, sign: sign ?? '' });
  }
  flush();
  return found;
}

/** @param {string} wanted @returns {Finder} */
function plain(wanted) {
  const prepare = UPPER.test(wanted) ? (/** @type {string} */ text) => text : lower;
  const sought = prepare(wanted);
  return function* (line) {
    const text = prepare(line);
    for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + sought.length)) yield [at, at + sought.length];
  };
}

/** In lower case, where that leaves every character in its place. @param {string} text */
function lower(text) {
  const small = text.toLowerCase();
  return small.length === text.length ? small : text;
}

/**
 * Time is asked for between pieces only; what a pattern can do to one is bounded by its form.
 * @param {string} source @param {string} flags
 * @returns {Finder}
 */
function patterned(source, flags) {
  /** @type {RegExp} */
  let pattern;
  try {
    pattern = new RegExp(source, `g${flags}`);
  } catch (error) {
    throw new QueryError(`This is no pattern: ${/** @type {Error} */ (error).message.replace(/^.*\/: /, '')}.`);
  }
  if (isCostly(source)) throw new QueryError('This pattern may take for ever: it leaves too much open.');
  const end = performance.now() + PATIENCE;
  return function* (line) {
    const text = line.replace(/\r?\n$/, '');
    for (let from = 0; from < text.length; from += PIECE) {
      if (performance.now() > end) throw new QueryError('This pattern takes too long.');
      for (const { index, 0: { length } } of text.slice(from, from + PIECE).matchAll(pattern)) if (length) yield [from + index, from + index + length];
    }
  };
}

/** Whether a pattern has back references, repeats a group that repeats or chooses, or has too many ways to match a piece. @param {string} source */
function isCostly(source) {
  let bare = source.replace(/\\[^1-9k]/g, 'a').replace(/\[[^\]]*\]/g, 'a').replace(/\(\?(?:[:=!]|<[=!]|<\w+>)/g, '(');
  for (let before = ''; before !== bare;) {
    before = bare;
    if (/\([^()]*[*+?{|][^()]*\)[*+{]/.test(bare)) return true;
    bare = bare.replace(/\(([^()]*)\)/g, '$1');
  }
  const ways = bare.replace(/([*+?}])\?/g, '$1').match(/[*+?{|]/g) ?? [];
  return bare.includes('\\') || ways.reduce((cost, sign) => cost * ('?|'.includes(sign) ? 4 : PIECE), PIECE) > COST;
}

/**
 * The runs of tokens that hold what is found; runs that share a token are one.
 * @param {import('#viewer/reading/layout').Layout} layout @param {Finder} finder
 */
function runsOf({ lines }, finder) {
  /** @type {number[][]} */
  const runs = [];
  for (const cells of lines) {
    let text = '';
    const ends = cells.map(({ pieces }) => (text += pieces.map((piece) => piece.text).join('')).length);
    let cell = 0;
    for (const [from, to] of finder(text)) {
      while (/** @type {number} */ (ends[cell]) <= from) cell++;
      let last = cell;
      while (/** @type {number} */ (ends[last]) < to) last++;
      const nodes = cells.slice(cell, last + 1).map(({ node }) => node);
      const before = runs.at(-1);
      if (before?.at(-1) === nodes[0]) for (const node of nodes.slice(1)) before?.push(node);
      else runs.push(nodes);
    }
  }
  return runs;
}

/** @param {Iterable<number>} nodes */
function isIn(nodes) {
  const set = new Set(nodes);
  return (/** @type {number} */ node) => set.has(node);
}

/** @param {Reading} reading @param {Condition} condition @returns {(node: number) => boolean | undefined} */
function testOf(reading, { key, value, sign }) {
  const { trace, tree, layout } = reading;
  const finder = plain(value);
  const holds = (/** @type {string} */ text) => [...finder(text)].length > 0;
  /** Where branches depart of which something holds. @param {(branch: number) => boolean | undefined} is */
  const departing = (is) => isIn(Array.from({ length: tree.count }, (_, branch) => branch).filter(is).map((branch) => {
    const first = tree.firstOf(branch);
    return tree.siblings(first).find((node) => (layout.placeOf[node] ?? -1) >= 0) ?? trace.nodes.parent[first] ?? -1;
  }));
  switch (key) {
    case 'kind':
      if (!trace.syntax) throw new QueryError('This recording holds no syntax.');
      return (node) => {
        const structure = reading.structureAt(node);
        return structure !== null && whereIs(structure, node).kind.startsWith(value);
      };
    case 'alt': {
      const { token_id: ids, logprob } = trace.alternatives;
      const has = remembered((/** @type {number} */ id) => holds(new TextDecoder().decode(trace.bytesOfId(id))));
      return (node) => {
        const first = trace.alternativeOffsets[node] ?? 0;
        const others = ids.subarray(first, trace.alternativeOffsets[node + 1]);
        return others.some((id, i) => (logprob[first + i] ?? NaN) >= LEAST && id !== trace.nodes.token_id[node] && has(id));
      };
    }
    case 'branch':
      return departing((branch) => {
        const decoder = new TextDecoder();
        let text = '';
        for (let node = tree.firstOf(branch); node <= tree.leafOf(branch); node++) text += decoder.decode(trace.bytesOf(node), { stream: true });
        return holds(text);
      });
    case 'outcome': {
      const keys = [...new Set(OUTCOME_WORDS.map(([name]) => name))];
      if (!keys.some((name) => name.startsWith(value))) throw new QueryError(`An outcome is one of ${keys.join(', ')}.`);
      return departing((branch) => outcomeOf(trace, branch)?.key.startsWith(value));
    }
    case 'origin':
      if (!['prompt', 'output'].includes(value)) throw new QueryError('The origin is prompt or output.');
      return (node) => (trace.nodes.origin[node] === ORIGIN.prompt) === (value === 'prompt');
    default: {
      const values = reading.valuesOf(/** @type {import('#viewer/reading/metrics').Metric} */ (reading.metrics.find(({ label }) => label === key)));
      const edge = parseFloat(value) / (value.endsWith('%') ? 100 : 1);
      return (node) => {
        const own = values[node] ?? NaN;
        return (sign.includes('=') && own === edge) || (sign[0] === '<' && own < edge) || (sign[0] === '>' && own > edge);
      };
    }
  }
}

/** What the reader chose, as a value; how actions change it; and how the address spells it. Pure. */

/**
 * @typedef {object} State
 * @property {number} branch whose path is shown, -1 for the main path
 * @property {number} file of scored code that is shown, -1 for the first of the list
 * @property {number} selected node, -1 for none
 * @property {string} metric key
 * @property {boolean} definitions whether the panel explains its numbers
 * @property {boolean} diff whether the branch is compared with the main path
 * @property {boolean} tree whether all branches are shown
 * @property {boolean} lens whether the panel shows what each layer would have said
 * @property {boolean} changed whether the changed lines of scored code stand alone
 * @property {boolean} attention whether the selected token's attention is shown
 * @property {boolean} matrix whether attention between lines is shown
 * @property {boolean} reverse whether it is what looks at the selected token, not what that looks at
 * @property {boolean} own whether a token stands for its own row, not for the row before it, which predicted it
 * @property {boolean} aside whether attention to the first token is set aside
 * @property {number} layer whose heads are averaged, -1 for all layers
 * @property {number} head the only one, -1 for all of the layer
 * @property {boolean} structure whether the syntax is shown
 * @property {string} span whose rows it shows: `tree`, or one of the resolutions
 * @property {string} by which number of a span
 * @property {boolean} ranked whether the rows are in the order of that number
 * @property {string} query that is searched for, '' for none
 * @property {number} decision that is open, from 1; 0 for none. While one is open, a token is selected
 */

/**
 * @typedef {{ type: 'select', node: number } | { type: 'branch', branch: number, node: number } | { type: 'file', file: number } |
 *   { type: 'decision', decision: number, branch: number } | { type: 'colour', metric: string } |
 *   { type: 'toggle', what: 'definitions' | 'diff' | 'tree' | 'lens' | 'changed' | 'attention' | 'matrix' | 'structure' } |
 *   { type: 'search', query: string } | { type: 'look', change: Partial<Looking> } | { type: 'outline', change: Partial<Outline> } |
 *   { type: 'address', hash: string }} Action
 */

/** @typedef {Pick<State, 'reverse' | 'own' | 'aside' | 'layer' | 'head'>} Looking how attention is looked at */
/** @typedef {Pick<State, 'span' | 'by' | 'ranked'>} Outline how the syntax is listed */

/**
 * @typedef {object} Limits what a state may name
 * @property {(branch: number, node: number) => boolean} isOn whether the path to a branch's end runs through a node
 * @property {(node: number) => number} branchOf the branch of a node, below -1 for none
 * @property {number} branches
 * @property {readonly string[]} metrics
 * @property {(node: number) => number} fileOf the scored file of a node, -1 for none
 * @property {number} files that were scored
 * @property {boolean} compared whether lines of them are marked as changed
 * @property {boolean} lens whether there is one, or a reason why not
 * @property {boolean} syntax whether any text was parsed
 * @property {(decision: number, branch: number) => number} homeOf the node that stands for a decision on the path of one of its branches, -1 for none
 * @property {ReadonlyMap<number, number> | null} heads of each layer with attention; null where none was recorded
 */

/** @type {Readonly<State>} */
export const INITIAL = Object.freeze({
  branch: -1, file: -1, selected: -1, metric: 'surprisal', definitions: false, diff: false, tree: false, lens: false, changed: false,
  attention: false, matrix: false, reverse: false, own: false, aside: false, layer: -1, head: -1,
  structure: false, span: 'tree', by: 'mean', ranked: false, decision: 0, query: '',
});

const LONGEST = 500; // characters of a query

export const SPANS = Object.freeze(['tree', 'token', 'expression', 'statement', 'line', 'block']);
export const NUMBERS = Object.freeze(['mean', 'sum', 'max', 'min', 'median']);

/** @param {Readonly<State>} state @param {Action} action @param {Limits} limits @returns {Readonly<State>} */
export function reduce(state, action, limits) {
  switch (action.type) {
    case 'select': { // a token of another path brings its path along
      const branch = limits.isOn(state.branch, action.node) ? state.branch : limits.branchOf(action.node);
      return reduce(state, { type: 'branch', branch: action.node < 0 || branch < -1 ? state.branch : branch, node: action.node }, limits);
    }
    case 'branch': {
      const branch = action.branch < limits.branches ? action.branch : -1;
      const selected = limits.isOn(branch, action.node) ? action.node : -1;
      const decision = selected < 0 ? 0 : state.decision;
      return { ...state, branch, selected, decision, file: selected < 0 ? state.file : limits.fileOf(selected), diff: state.diff && branch >= 0 };
    }
    case 'decision': { // an alternative opens beside what was written
      const opened = { ...state, decision: action.decision, diff: action.branch >= 0 };
      return reduce(opened, { type: 'branch', branch: action.branch, node: limits.homeOf(action.decision, action.branch) }, limits);
    }
    case 'file':
      return { ...state, file: action.file < limits.files ? action.file : -1, selected: -1, decision: 0 };
    case 'colour':
      return limits.metrics.includes(action.metric)
        ? reduce({ ...state, metric: action.metric, attention: false }, { type: 'outline', change: {} }, limits)
        : state;
    case 'toggle': {
      const has = limits.heads !== null;
      const can = {
        definitions: true,
        tree: true,
        diff: state.branch >= 0,
        lens: limits.lens,
        changed: limits.compared,
        attention: has,
        matrix: has,
        structure: limits.syntax,
      };
      return { ...state, [action.what]: !state[action.what] && can[action.what] };
    }
    case 'search':
      return { ...state, query: action.query.slice(0, LONGEST) };
    case 'look': { // a head without its layer is none
      const next = { ...state, ...action.change };
      const layer = limits.heads?.has(next.layer) ? next.layer : -1;
      return { ...next, layer, head: next.head < (limits.heads?.get(layer) ?? 0) ? next.head : -1 };
    }
    case 'outline': { // only surprisal may be summed
      const { span, by, ranked } = { ...state, ...action.change };
      return {
        ...state, ranked, span: SPANS.includes(span) ? span : INITIAL.span,
        by: NUMBERS.includes(by) && (by !== 'sum' || state.metric === INITIAL.metric) ? by : INITIAL.by,
      };
    }
    case 'address': {
      const { decision, branch, file, node, metric, diff, tree, lens, changed, attention, matrix, look, structure, outline, query } = parseHash(
        action.hash,
      );
      const opened = {
        ...reduce(state, { type: 'search', query }, limits),
        diff,
        tree: tree && limits.branches > 0,
        lens: lens && limits.lens,
        changed: changed && limits.compared,
      };
      const there = reduce(reduce(opened, { type: 'file', file }, limits), { type: 'branch', branch, node: -1 }, limits);
      const home = limits.homeOf(decision, there.branch);
      const picked = reduce({ ...there, decision: home < 0 ? 0 : decision }, { type: 'select', node: limits.branchOf(node) < -1 ? home : node }, limits);
      const chosen = reduce(picked, { type: 'colour', metric: metric || INITIAL.metric }, limits);
      const has = limits.heads !== null;
      const looked = reduce(
        { ...chosen, attention: attention && has, matrix: matrix && has, structure: structure && limits.syntax },
        { type: 'look', change: look },
        limits,
      );
      return reduce(looked, { type: 'outline', change: outline }, limits);
    }
  }
}

/** What is on or off, by its key in the address. @type {readonly ['a' | 'x' | 'r' | 'o' | 's', 'attention' | 'matrix' | 'reverse' | 'own' | 'aside'][]} */
const SWITCHES = [['a', 'attention'], ['x', 'matrix'], ['r', 'reverse'], ['o', 'own'], ['s', 'aside']];

/** The address of a state: `#b=17&n=74&m=entropy`, without what is as at the start. @param {Readonly<State>} state @param {Limits} limits */
export function toHash(state, limits) {
  const parts = [];
  if (state.decision) parts.push(`d${state.decision}`);
  if (state.branch >= 0) parts.push(`b=${state.branch}`);
  if (state.file >= 0) parts.push(`f=${state.file}`);
  if (state.selected >= 0 && state.selected !== limits.homeOf(state.decision, state.branch)) parts.push(`n=${state.selected}`);
  if (state.metric !== INITIAL.metric) parts.push(`m=${state.metric}`);
  if (state.diff) parts.push('diff=1');
  if (state.tree) parts.push('tree=1');
  if (state.lens) parts.push('lens=1');
  if (state.changed) parts.push('changed=1');
  for (const [key, name] of SWITCHES) if (state[name]) parts.push(`${key}=1`);
  if (state.layer >= 0) parts.push(`l=${state.layer}`);
  if (state.head >= 0) parts.push(`h=${state.head}`);
  if (state.structure) parts.push('syntax=1');
  if (state.span !== INITIAL.span) parts.push(`span=${state.span}`);
  if (state.by !== INITIAL.by) parts.push(`by=${state.by}`);
  if (state.ranked) parts.push('ranked=1');
  if (state.query) parts.push(String(new URLSearchParams({ q: state.query })).replaceAll('+', '%20'));
  return parts.length ? `#${parts.join('&')}` : '';
}

const DECISION = /^#d([1-9]\d{0,2})(?=&|$)/;

/** Whether an address names a view, and not a place of the page as the skip link does. @param {string} hash */
export function isView(hash) {
  return hash === '' || hash.includes('=') || DECISION.test(hash);
}

/** @param {string} hash as in location.hash; unknown parts are ignored */
export function parseHash(hash) {
  const found = new URLSearchParams(hash.replace(/^#/, ''));
  const index = (/** @type {string} */ name) => (/^\d{1,9}$/.test(found.get(name) ?? '') ? Number(found.get(name)) : -1);
  const on = (/** @type {string} */ name) => found.get(name) === '1';
  return {
    decision: Number(DECISION.exec(hash)?.[1] ?? 0),
    branch: index('b'), file: index('f'), node: index('n'), metric: found.get('m') ?? '', diff: on('diff'), tree: on('tree'),
    lens: on('lens'), changed: on('changed'), attention: on('a'), matrix: on('x'),
    look: { reverse: on('r'), own: on('o'), aside: on('s'), layer: index('l'), head: index('h') },
    structure: on('syntax'),
    outline: { span: found.get('span') ?? INITIAL.span, by: found.get('by') ?? INITIAL.by, ranked: on('ranked') },
    query: found.get('q') ?? '',
  };
}

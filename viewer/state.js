/** What the reader chose, as a value; how actions change it; and how the address spells it. Pure. */

/**
 * @typedef {object} State
 * @property {number} branch whose path is shown, -1 for the main path
 * @property {number} selected node, -1 for none
 * @property {string} metric key
 * @property {boolean} definitions whether the panel explains its numbers
 * @property {boolean} diff whether the branch is compared with the main path
 * @property {boolean} tree whether all branches are shown
 */

/**
 * @typedef {{ type: 'select', node: number } | { type: 'branch', branch: number, node: number } | { type: 'colour', metric: string } |
 *   { type: 'toggle', what: 'definitions' | 'diff' | 'tree' } | { type: 'address', hash: string }} Action
 */

/**
 * @typedef {object} Limits what a state may name
 * @property {(branch: number, node: number) => boolean} isOn whether the path to a branch's end runs through a node
 * @property {(node: number) => number} branchOf the branch of a node, below -1 for none
 * @property {number} branches
 * @property {readonly string[]} metrics
 */

/** @type {Readonly<State>} */
export const INITIAL = Object.freeze({ branch: -1, selected: -1, metric: 'surprisal', definitions: false, diff: false, tree: false });

/** @param {Readonly<State>} state @param {Action} action @param {Limits} limits @returns {Readonly<State>} */
export function reduce(state, action, limits) {
  switch (action.type) {
    case 'select': { // a token of another path brings its path along
      const branch = limits.isOn(state.branch, action.node) ? state.branch : limits.branchOf(action.node);
      return reduce(state, { type: 'branch', branch: action.node < 0 || branch < -1 ? state.branch : branch, node: action.node }, limits);
    }
    case 'branch': {
      const branch = action.branch < limits.branches ? action.branch : -1;
      return { ...state, branch, selected: limits.isOn(branch, action.node) ? action.node : -1, diff: state.diff && branch >= 0 };
    }
    case 'colour':
      return limits.metrics.includes(action.metric) ? { ...state, metric: action.metric } : state;
    case 'toggle':
      return { ...state, [action.what]: !state[action.what] && (action.what !== 'diff' || state.branch >= 0) };
    case 'address': {
      const { branch, node, metric, diff, tree } = parseHash(action.hash);
      const there = reduce({ ...state, diff, tree: tree && limits.branches > 0 }, { type: 'branch', branch, node: -1 }, limits);
      return reduce(reduce(there, { type: 'select', node }, limits), { type: 'colour', metric: metric || INITIAL.metric }, limits);
    }
  }
}

/** The address of a state: `#b=17&n=74&m=entropy`, without what is as at the start. @param {Readonly<State>} state */
export function toHash(state) {
  const parts = [];
  if (state.branch >= 0) parts.push(`b=${state.branch}`);
  if (state.selected >= 0) parts.push(`n=${state.selected}`);
  if (state.metric !== INITIAL.metric) parts.push(`m=${state.metric}`);
  if (state.diff) parts.push('diff=1');
  if (state.tree) parts.push('tree=1');
  return parts.length ? `#${parts.join('&')}` : '';
}

/** Whether an address names a view, and not a place of the page as the skip link does. @param {string} hash */
export function isView(hash) {
  return hash === '' || hash.includes('=');
}

/** @param {string} hash as in location.hash; unknown parts are ignored */
export function parseHash(hash) {
  const found = new URLSearchParams(hash.replace(/^#/, ''));
  const index = (/** @type {string} */ name) => (/^\d{1,9}$/.test(found.get(name) ?? '') ? Number(found.get(name)) : -1);
  return { branch: index('b'), node: index('n'), metric: found.get('m') ?? '', diff: found.get('diff') === '1', tree: found.get('tree') === '1' };
}

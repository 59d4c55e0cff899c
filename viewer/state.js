/** What the reader chose, as a value; how actions change it; and how the address spells it. Pure. */

/**
 * @typedef {object} State
 * @property {number} selected node, -1 for none
 * @property {string} metric key
 * @property {boolean} definitions whether the panel explains its numbers
 */

/**
 * @typedef {{ type: 'select', node: number } | { type: 'colour', metric: string } | { type: 'explain' } |
 *   { type: 'address', hash: string }} Action
 */

/**
 * @typedef {object} Limits what a state may name
 * @property {(node: number) => boolean} isShown
 * @property {readonly string[]} metrics
 */

/** @type {Readonly<State>} */
export const INITIAL = Object.freeze({ selected: -1, metric: 'surprisal', definitions: false });

/** @param {Readonly<State>} state @param {Action} action @param {Limits} limits @returns {Readonly<State>} */
export function reduce(state, action, limits) {
  switch (action.type) {
    case 'select':
      return { ...state, selected: limits.isShown(action.node) ? action.node : -1 };
    case 'colour':
      return limits.metrics.includes(action.metric) ? { ...state, metric: action.metric } : state;
    case 'explain':
      return { ...state, definitions: !state.definitions };
    case 'address': {
      const { node, metric } = parseHash(action.hash);
      const selected = reduce(state, { type: 'select', node }, limits);
      return reduce(selected, { type: 'colour', metric: metric || INITIAL.metric }, limits);
    }
  }
}

/** The address of a state: `#n=74&m=entropy`, without what is as at the start. @param {Readonly<State>} state */
export function toHash(state) {
  const parts = [];
  if (state.selected >= 0) parts.push(`n=${state.selected}`);
  if (state.metric !== INITIAL.metric) parts.push(`m=${state.metric}`);
  return parts.length ? `#${parts.join('&')}` : '';
}

/** Whether an address names a view, and not a place of the page as the skip link does. @param {string} hash */
export function isView(hash) {
  return hash === '' || hash.includes('=');
}

/** @param {string} hash as in location.hash; unknown parts are ignored */
export function parseHash(hash) {
  const found = new URLSearchParams(hash.replace(/^#/, ''));
  const node = found.get('n') ?? '';
  return { node: /^\d{1,9}$/.test(node) ? Number(node) : -1, metric: found.get('m') ?? '' };
}

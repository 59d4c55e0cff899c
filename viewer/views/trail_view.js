/** The forks that lead to the shown path, each a way back; and the ways to compare and to see all branches. */

import { h, replace, tell, toggle, tokenText } from '#viewer/elements/dom';
import { MAIN } from '#viewer/reading/branches';
import { count, percent } from '#viewer/reading/format';
import { visibleNode } from '#viewer/reading/token_words';

/** @param {HTMLElement} root @param {import('#viewer/reading/reading').Recording} recording */
export function mountTrail(root, { trace, tree }) {
  root.hidden = tree.count === 0 && !trace.syntax;
  const steps = h('ol', { class: 'steps' });
  const diff = toggle('compare', 'c', 'Compare with the main path', 'diff');
  const all = toggle('all branches', 'v', 'Show all branches', 'tree');
  const structure = toggle('structure', 's', 'Show the syntax and its numbers', 'structure');
  const views = tree.count ? [diff, all] : [];
  root.replaceChildren(
    h(tree.count ? 'nav' : 'div', { class: 'crumbs', aria: tree.count ? { label: 'Path' } : {} }, tree.count > 0 && steps),
    h('div', { class: 'views' }, views, trace.syntax && structure),
  );

  return {
    /** @param {import('#viewer/reading/reading').Reading} reading @param {Readonly<import('#viewer/state').State>} state */
    update({ layout, branch }, state) {
      structure.setAttribute('aria-pressed', String(state.structure));
      if (tree.count === 0) return;
      const step = (/** @type {number} */ to, /** @type {import('#viewer/elements/dom').Child[]} */ ...words) => {
        const button = h('button', { type: 'button', class: 'crumb', aria: to === branch ? { current: 'true' } : {} }, words);
        button.addEventListener('click', () => tell(button, 'branch', to));
        return h('li', {}, button);
      };
      const forks = tree.trail(branch).map((one) => {
        const first = tree.firstOf(one);
        const line = (layout.lineOf[layout.placeOf[first] ?? 0] ?? 0) + 1;
        return step(
          one,
          `line ${count(line)} `,
          tokenText(visibleNode(trace, first)),
          ` (${percent(tree.probabilityOf(one))})`,
          tree.outcomeOf(one) && h('span', { class: 'led-to' }, tree.outcomeOf(one)),
        );
      });
      const recorded = h(
        'li',
        { class: 'recorded', title: 'A corner marks a token that has other continuations' },
        h('span', { class: 'fork', aria: { hidden: 'true' } }, '\u2002'),
        `${count(tree.count)} branch${tree.count === 1 ? '' : 'es'} recorded`,
      );
      replace(steps, [step(MAIN, 'Main path'), ...(forks.length ? forks : [recorded])]);
      diff.hidden = branch < 0;
      diff.setAttribute('aria-pressed', String(state.diff));
      all.setAttribute('aria-pressed', String(state.tree));
    },
  };
}

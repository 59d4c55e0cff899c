/** The small card beside the token under the pointer: its text, its number, what else was likely. */

import { h, tokenText } from '#viewer/elements/dom';
import { distributionAt } from '#viewer/reading/alternatives';
import { tokens } from '#viewer/reading/branches';
import { count, percent } from '#viewer/reading/format';
import { describe, visibleId, visibleText } from '#viewer/reading/token_words';

const SHOWN = 3;
const LONGEST = 80; // tokens of a branch

export function mountTooltip() {
  const card = h('div', { class: 'tooltip', hidden: true, aria: { hidden: 'true' } });
  document.body.append(card);
  const hide = () => {
    card.hidden = true;
  };
  window.addEventListener('scroll', hide, { capture: true, passive: true });

  return {
    hide,
    /**
     * @param {import('#viewer/reading/reading').Reading} reading @param {number} node @param {HTMLElement} anchor
     * @param {import('#viewer/reading/metrics').Metric} metric @param {string} note beside the metric
     */
    show({ trace, tree, layout, valuesOf }, node, anchor, metric, note) {
      const value = valuesOf(metric)[node] ?? NaN;
      const number = Number.isNaN(value) ? 'not measured' : `${metric.label} ${metric.format(value)}`;
      card.replaceChildren(h('p', { class: 'tooltip-head' }, tokenText(describe(trace, layout, node).parts), h('span', { class: 'tooltip-number' }, number)));
      if (note) card.append(h('p', { class: 'tooltip-number' }, note));
      const rows = distributionAt(trace, node)?.rows ?? [];
      const list = rows.slice(0, SHOWN);
      const written = rows.find((row) => row.written);
      if (written && !list.includes(written)) list.push(written);
      for (const row of list) {
        card.append(h('p', { class: row.written ? 'tooltip-row written' : 'tooltip-row' }, tokenText(visibleId(trace, row.id)), h('span', {}, percent(row.p))));
      }
      const others = tree.siblings(node).length - 1;
      if (others) card.append(h('p', { class: 'tooltip-row' }, `\u21b3 ${count(others)} other continuation${others === 1 ? '' : 's'} recorded`));
      card.hidden = false;
      place(card, anchor);
    },

    /** What another view has to say about a place. @param {import('#viewer/elements/dom').Child[]} children @param {DOMRect} at */
    showText(children, at) {
      card.replaceChildren(h('div', {}, children));
      card.hidden = false;
      place(card, at);
    },

    /**
     * A branch up to its end, the token under the pointer marked.
     * @param {import('#viewer/reading/reading').Recording} recording @param {number} branch @param {number} node @param {DOMRect} at
     */
    showBranch({ trace, tree }, branch, node, at) {
      const first = branch < 0 ? Math.max(0, node - LONGEST / 4) : tree.firstOf(branch);
      const run = trace.path(tree.leafOf(branch)).filter((one) => one >= first).slice(0, Math.max(LONGEST, node - first + LONGEST / 4));
      const text = (/** @type {Int32Array} */ part) => (part.length ? tokenText(visibleText(trace, part, false)) : '');
      card.replaceChildren(
        h(
          'p',
          { class: 'tooltip-head' },
          h('span', {}, branch < 0 ? 'main path' : `branch, ${percent(tree.probabilityOf(branch))}`),
          branch >= 0 && h('span', { class: 'tooltip-number' }, tokens(trace.branches.count[branch] ?? 0)),
        ),
        h(
          'p',
          { class: 'tooltip-text' },
          text(run.filter((one) => one < node)),
          h('mark', {}, text(run.filter((one) => one === node))),
          text(run.filter((one) => one > node)),
        ),
        branch < 0 ? '' : h('p', { class: 'tooltip-row' }, `ends: ${tree.endOf(branch)}`),
        tree.outcomeOf(branch) && h('p', { class: 'tooltip-row' }, `led to: ${tree.outcomeOf(branch)}`),
      );
      card.hidden = false;
      place(card, at);
    },
  };
}

/** Below the token, or above where there is no room. @param {HTMLElement} card @param {HTMLElement | DOMRect} anchor */
function place(card, anchor) {
  const target = anchor instanceof DOMRect ? anchor : (anchor.getClientRects()[0] ?? anchor.getBoundingClientRect());
  const { width, height } = card.getBoundingClientRect();
  const below = target.bottom + 8;
  const top = below + height > window.innerHeight - 8 ? target.top - height - 8 : below;
  card.style.left = `${Math.max(8, Math.min(target.left, window.innerWidth - width - 8))}px`;
  card.style.top = `${Math.max(8, top)}px`;
}

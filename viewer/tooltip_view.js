/** The small card beside the token under the pointer: its text, its number, what else was likely. */

import { h, tokenText } from '#viewer/dom';
import { describe, visibleId } from '#viewer/description';
import { distributionAt } from '#viewer/distribution';
import { percent } from '#viewer/format';

const SHOWN = 3;

/** @param {import('#viewer/reading').Reading} reading */
export function mountTooltip({ trace, layout, valuesOf }) {
  const card = h('div', { class: 'tooltip', hidden: true, aria: { hidden: 'true' } });
  document.body.append(card);
  const hide = () => {
    card.hidden = true;
  };
  window.addEventListener('scroll', hide, { capture: true, passive: true });

  return {
    hide,
    /** @param {number} node @param {HTMLElement} anchor @param {import('#viewer/metrics').Metric} metric */
    show(node, anchor, metric) {
      const value = valuesOf(metric)[node] ?? NaN;
      const number = Number.isNaN(value) ? 'not measured' : `${metric.label} ${metric.format(value)}`;
      card.replaceChildren(h('p', { class: 'tooltip-head' }, tokenText(describe(trace, layout, node).parts), h('span', { class: 'tooltip-number' }, number)));
      const rows = distributionAt(trace, node)?.rows ?? [];
      const list = rows.slice(0, SHOWN);
      const written = rows.find((row) => row.written);
      if (written && !list.includes(written)) list.push(written);
      for (const row of list) {
        card.append(h('p', { class: row.written ? 'tooltip-row written' : 'tooltip-row' }, tokenText(visibleId(trace, row.id)), h('span', {}, percent(row.p))));
      }
      card.hidden = false;
      place(card, anchor);
    },
  };
}

/** Below the token, or above where there is no room. @param {HTMLElement} card @param {HTMLElement} anchor */
function place(card, anchor) {
  const target = anchor.getClientRects()[0] ?? anchor.getBoundingClientRect();
  const { width, height } = card.getBoundingClientRect();
  const below = target.bottom + 8;
  const top = below + height > window.innerHeight - 8 ? target.top - height - 8 : below;
  card.style.left = `${Math.max(8, Math.min(target.left, window.innerWidth - width - 8))}px`;
  card.style.top = `${Math.max(8, top)}px`;
}

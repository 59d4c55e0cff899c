/** What each recorded layer would have said in place of the selected token: a part of the panel, closed until it is asked for. */

import { h, replace, tell, tokenText } from '#viewer/elements/dom';
import { count, percent } from '#viewer/reading/format';
import { isUnderLens, layersAt } from '#viewer/reading/lens';
import { visibleId, visibleNode } from '#viewer/reading/token_words';

/** @param {HTMLElement} root */
export function mountLens(root) {
  const toggle = h('button', { type: 'button', class: 'quiet-button', title: 'What each layer would have said (l)' });
  toggle.addEventListener('click', () => tell(toggle, 'command', 'lens'));
  const content = h('div');
  let isOpen = false;
  root.replaceChildren(h('div', { class: 'section-head' }, h('h3', {}, 'Layers'), toggle), content);

  return {
    /** @param {import('#viewer/reading/reading').Reading} reading @param {Readonly<import('#viewer/state').State>} state */
    update({ trace }, { selected, lens: open }) {
      const { lens } = trace;
      root.hidden = !lens || selected < 0;
      if (!lens || selected < 0) return;
      toggle.textContent = open ? 'hide layers' : 'what each would say';
      toggle.setAttribute('aria-expanded', String(open));
      toggle.hidden = lens.layers.length === 0;
      const isOpening = open && !isOpen;
      isOpen = open;
      replace(
        content,
        lens.layers.length === 0
          ? remark(`There are none: ${lens.reason ?? 'no layer was recorded'}.`)
          : open
            ? layers(trace, lens, selected)
            : [],
      );
      if (isOpening) root.scrollIntoView({ block: 'nearest' });
    },
  };
}

/** @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/trace/trace').Lens} lens @param {number} node */
function layers(trace, lens, node) {
  const rows = layersAt(lens, node);
  if (!isUnderLens(lens, node)) return [remark(`Layers were recorded for the tokens ${lens.first} to ${lens.first + lens.count - 1} alone.`)];
  if (rows.length === 0) return [remark('Nothing predicted this token, so no layer says anything here.')];
  const name = () => tokenText(visibleNode(trace, node));
  const settled = rows.findIndex((row) => row.settled);
  const note = (/** @type {import('#viewer/elements/dom').Child[]} */ ...words) => {
    const cell = h('td', {}, words);
    cell.colSpan = 5;
    return h('tr', { class: 'lens-note' }, cell);
  };
  const body = rows.map(({ layer, id, p, rank, settled }) => {
    const fill = h('span');
    fill.style.width = `${100 * p}%`;
    return h('tr', { class: settled ? 'settled' : '' },
      h('th', { scope: 'row' }, String(layer)),
      h('td', { class: rank === 1 ? 'said own' : 'said' }, tokenText(visibleId(trace, id))),
      h('td', { class: 'bar-cell' }, h('div', { class: 'bars', aria: { hidden: 'true' } }, h('div', { class: 'bar' }, fill))),
      h('td', { class: 'value' }, percent(p)),
      h('td', { class: 'value' }, count(rank)));
  });
  if (settled >= 0) body.splice(settled, 0, note('from here on the first choice is ', name()));
  else body.push(note(name(), ' never became and stayed the first choice'));
  const heads = ['layer', 'first choice', '', 'p', 'rank'].map((text) => (text ? h('th', { scope: 'col' }, text) : h('td')));
  return [
    remark('The first layer is on top, the deepest at the bottom; their numbers count from 0. The rank is that of ', name(), '.'),
    h('table', { class: 'lens' }, h('thead', {}, h('tr', {}, heads)), h('tbody', {}, body)),
  ];
}

/** @param {import('#viewer/elements/dom').Child[]} words */
function remark(...words) {
  return h('p', { class: 'remark' }, words);
}

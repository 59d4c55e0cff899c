/** The dialog that lists every key and what a search may say, says how to read the page, and turns keys off. */

import { closer, h } from '#viewer/elements/dom';
import { KEYS } from '#viewer/keys';
import { SYNTAX } from '#viewer/reading/search';
import { recall, remember } from '#viewer/storage';

/** What the code shows beside its colours. @type {[() => import('#viewer/elements/dom').Child, string][]} */
const SIGNS = [
  [() => h('span', { class: 'prompt b4' }, 'abc'), 'the prompt: the colour is a line under it'],
  [() => h('span', { class: 'b4' }, 'abc'), 'what the model wrote: more colour is less certain'],
  [() => h('span', { class: 'fork' }, 'abc'), 'other continuations were recorded from here'],
  [() => h('span', { class: 'decided' }, 'abc'), 'part of a decision, whose number stands beside the line'],
  [() => h('span', { class: 'badge' }, '1'), 'a decision; grey: of names and taste'],
  [() => h('span', { class: 'outcome control' }), 'where an alternative leads: the fuller, the further from the program'],
  [() => '\u00b7 \u21b5 \u2192', 'a space, a line break, a tab in a token'],
];

/** @param {string[]} metrics labels in the order of their keys */
export function mountHelp(metrics) {
  const list = h('dl', { class: 'keys' });
  /** Keys of one meaning stand in one row. @type {Map<string, string[]>} */
  const rows = new Map();
  for (const { shown, does, command } of KEYS) {
    const what = command === 'metric' ? `colour by ${metrics.join(', ')}` : does;
    rows.set(what, [...(rows.get(what) ?? []), ...shown]);
  }
  for (const [what, shown] of rows) {
    const caps = shown.map((key) => h('kbd', {}, key === '8' ? String(metrics.length) : key));
    list.append(h('div', {}, h('dt', {}, caps), h('dd', {}, what)));
  }
  const close = closer('Close (Esc)', () => dialog.close());
  const single = h('input', { type: 'checkbox', checked: recall('keys') !== 'off' });
  const isOff = () => !single.checked;
  const follow = () => document.body.classList.toggle('keys-off', isOff());
  single.addEventListener('change', () => {
    remember('keys', isOff() ? 'off' : '');
    follow();
  });
  follow();
  const dialog = h('dialog', { class: 'help', aria: { labelledby: 'help-title' } },
    h('header', { class: 'panel-head' }, h('h2', { id: 'help-title' }, 'Help'), close),
    h('h2', {}, 'Signs'),
    h('dl', { class: 'keys' }, SIGNS.map(([sign, means]) => h('div', {}, h('dt', {}, sign()), h('dd', {}, means)))),
    h('h2', {}, 'Keys'),
    h('label', { class: 'single' }, single, 'Single keys act. If off: only ? and Esc, and the arrows where the focus is.'),
    list,
    h('h2', {}, 'Search'),
    h('dl', { class: 'keys' }, SYNTAX.map(([form, means]) => h('div', {}, h('dt', {}, h('code', {}, form)), h('dd', {}, means)))),
    h('p', {}, 'What stands together must hold at one token.'),
    h('p', {}, 'Click a token, or a place in the strip. The address names what is selected: a link to it opens the same view.'),
    h('p', {}, 'Colour says how uncertain the model was, on the same scale in every report. It does not say whether the code is right.'),
  );
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  return {
    /** Whether single keys are. */
    get off() {
      return isOff();
    },
    show: () => dialog.showModal(),
    close: () => dialog.close(),
  };
}

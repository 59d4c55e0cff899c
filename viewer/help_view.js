/** The dialog that lists every key and says how to read the page. */

import { h } from '#viewer/dom';
import { KEYS } from '#viewer/keys';

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
    list.append(h('div', {}, h('dt', {}, ...caps), h('dd', {}, what)));
  }
  const close = h('button', { type: 'button', class: 'quiet-button close', aria: { label: 'Close' } }, '\u00d7');
  const dialog = h('dialog', { class: 'help', aria: { labelledby: 'help-title' } },
    h('header', { class: 'panel-head' }, h('h2', { id: 'help-title' }, 'Keys'), close),
    list,
    h('p', {}, 'Click a token, or a place in the strip. The address names what is selected: a link to it opens the same view.'),
    h('p', {}, 'Colour says how uncertain the model was, on the same scale in every report. It does not say whether the code is right.'),
  );
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  return {
    get open() {
      return dialog.open;
    },
    show: () => dialog.showModal(),
    close: () => dialog.close(),
  };
}

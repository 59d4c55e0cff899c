/** Lines of the code that are folded away: a row stands in their place, which unfolds them. */

import { h } from '#viewer/elements/dom';
import { count } from '#viewer/reading/format';

/** @typedef {{ first: number, end: number, row: HTMLElement }} Fold lines [first, end) */

/** @param {HTMLElement} code @param {(line: number) => HTMLElement | undefined} lineAt */
export function mountFolds(code, lineAt) {
  /** @type {Fold[]} */
  let folds = [];
  const unfold = (/** @type {Fold} */ { first, end, row }) => {
    row.remove();
    for (let line = first; line < end; line++) lineAt(line)?.removeAttribute('hidden');
    folds = folds.filter((fold) => fold.row !== row);
  };
  const fold = (/** @type {readonly [number, number]} */ [first, end]) => {
    const open = h('button', { type: 'button', class: 'quiet-button' }, `\u2026 ${count(end - first)} lines`);
    const found = { first, end, row: h('div', { class: 'note-row fold' }, open) };
    open.addEventListener('click', (event) => {
      event.stopPropagation();
      unfold(found);
      code.focus({ preventScroll: true });
    });
    lineAt(first)?.before(found.row);
    for (let line = first; line < end; line++) lineAt(line)?.setAttribute('hidden', '');
    return found;
  };
  return {
    /** Instead of all that is folded now. @param {readonly (readonly [number, number])[]} ranges */
    fold(ranges) {
      folds.forEach(unfold);
      folds = ranges.map(fold);
    },
    /** @param {number} line */
    unfoldAt(line) {
      folds.filter(({ first, end }) => line >= first && line < end).forEach(unfold);
    },
    /** Other lines are shown. */
    forget() {
      folds = [];
    },
  };
}

/** The shown branch against the main path, line by line. Nothing is computed before it is asked for. */

import { h, tell, tokenText } from '#viewer/elements/dom';
import { drawPieces } from '#viewer/elements/token_pieces';
import { asText, differences } from '#viewer/reading/branch_diff';
import { tokens } from '#viewer/reading/branches';
import { count } from '#viewer/reading/format';
import { visibleNode } from '#viewer/reading/token_words';

const SIGNS = { same: '', main: '\u2212', branch: '+' };
const NAMES = { same: '', main: 'main path', branch: 'branch' };

/** @param {HTMLElement} root @param {HTMLElement} code stands there while nothing is compared */
export function mountDiff(root, code) {
  /** @type {import('#viewer/reading/reading').Reading | undefined} */
  let drawn;
  return {
    /** @param {import('#viewer/reading/reading').Reading} main @param {import('#viewer/reading/reading').Reading} shown @param {boolean} open */
    update(main, shown, open) {
      root.hidden = !open;
      code.hidden = open && drawn === shown; // not before there is something in its place
      if (!open || drawn === shown) return;
      const found = differences(main, shown);
      const first = shown.tree.firstOf(shown.branch);
      const name = visibleNode(shown.trace, first);
      const copy = h('button', { type: 'button', class: 'quiet-button' }, 'copy as text');
      copy.addEventListener('click', () => tell(copy, 'copy', { text: asText(found, `branch ${shown.branch}`), what: 'Comparison' }));
      root.replaceChildren(
        h(
          'p',
          { class: 'diff-head' },
          h(
            'span',
            {},
            'Branch ',
            tokenText(name),
            ' against the main path',
            shown.tree.outcomeOf(shown.branch) && h('span', { class: 'led-to' }, shown.tree.outcomeOf(shown.branch)),
          ),
          h('span', { class: 'amounts' }, `${tokens(found.removed)} only there, ${tokens(found.added)} only here`),
          copy,
        ),
        h('div', { class: 'diff-lines', tabIndex: 0, role: 'group', aria: { label: 'Differences' } }, found.rows.map(drawRow)),
        found.end ? h('p', { class: 'note-row' }, found.end) : '',
      );
      code.hidden = true;
      drawn = shown;
      root.scrollTop = 0;
    },
  };
}

/** @param {import('#viewer/reading/branch_diff').Line | import('#viewer/reading/branch_diff').Gap} row */
function drawRow(row) {
  if (row.kind === 'gap') return h('p', { class: 'gap' }, `${count(row.lines)} line${row.lines === 1 ? '' : 's'} the same`);
  const { kind, main, branch, parts } = row;
  const number = (/** @type {number} */ line) => h('span', { class: 'diff-number' }, line ? String(line) : '');
  const text = parts.map(({ pieces, mark }) =>
    h(mark === 'changed' ? (kind === 'main' ? 'del' : 'ins') : 'span', mark === 'beyond' ? { class: 'beyond' } : {}, drawPieces(pieces)),
  );
  const sign = h(
    'span',
    { class: 'diff-sign' },
    h('span', { class: 'visually-hidden' }, NAMES[kind]),
    h('span', { aria: { hidden: 'true' } }, SIGNS[kind]),
  );
  return h('div', { class: `diff-line ${kind}` }, number(main), number(branch), sign, h('span', { class: 'diff-text' }, text));
}

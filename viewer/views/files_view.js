/** The files that were scored, each with its most surprising lines; and what is shown of the chosen one. */

import { h, tell, toggle, tokenText } from '#viewer/elements/dom';
import { count, decimal } from '#viewer/reading/format';
import { textOf } from '#viewer/reading/scored_files';

const OF_CHOSEN = { changed: 12, unchanged: 12 };
const OF_OTHERS = { changed: 3, unchanged: 0 };
const ALL = { changed: Infinity, unchanged: Infinity };

/** @typedef {import('#viewer/reading/scored_files').ScoredFile} ScoredFile */
/** @typedef {import('#viewer/reading/scored_files').Line} Line */

/** @param {HTMLElement} root @param {HTMLElement} bar above the code @param {import('#viewer/reading/reading').Recording} recording */
export function mountFiles(root, bar, { trace, files }) {
  root.hidden = files.list.length === 0;
  if (root.hidden) return { update() {} };
  const name = h('span', { class: 'file-title' });
  const alone = toggle('changed lines alone', '+', 'Changed lines alone', 'changed');
  const structure = toggle('structure', 's', 'Show the syntax and its numbers', 'structure');
  alone.hidden = !files.compared;
  structure.hidden = !trace.syntax;
  bar.hidden = false;
  bar.replaceChildren(h('p', { class: 'crumbs' }, name, ' \u00b7 beside each line its surprise in bits'), h('div', { class: 'views' }, alone, structure));
  const order = files.compared ? 'Changed lines (+) first, then by surprise' : 'By surprise';

  /** Files of which all lines are listed. @type {Set<ScoredFile>} */
  const whole = new Set();
  /** @type {ScoredFile | null} */
  let chosen = null;
  /** @type {Map<Line, HTMLElement>} */
  let rows = new Map();
  /** @type {HTMLElement | undefined} */
  let here;

  /** Afresh; what had the focus keeps it. */
  const draw = () => {
    const { key } = /** @type {HTMLElement} */ (document.activeElement ?? root).dataset;
    const top = root.scrollTop;
    rows = new Map();
    root.replaceChildren(
      h('h2', {}, files.list.length === 1 ? 'File' : `${count(files.list.length)} files`),
      h('p', { class: 'remark' }, `${order}. A token counts on the line where it begins.`),
      h('ol', { class: 'file-list' }, files.list.map((file) => drawFile(file))),
    );
    root.scrollTop = top;
    if (key) /** @type {HTMLElement | null} */ (root.querySelector(`[data-key="${key}"]`))?.focus({ preventScroll: true });
  };
  const bringIntoSight = () => {
    const { offsetTop = 0 } = /** @type {HTMLElement | null} */ (root.querySelector('.chosen')) ?? {};
    if (offsetTop < root.scrollTop || offsetTop > root.scrollTop + root.clientHeight - 60) root.scrollTop = offsetTop - 12;
  };
  const drawFile = (/** @type {ScoredFile} */ file) => {
    const button = fileButton(file, file === chosen);
    const limits = whole.has(file) ? ALL : file === chosen ? OF_CHOSEN : OF_OTHERS;
    const changed = file.lines.filter((line) => line.changed);
    const unchanged = file.lines.filter((line) => !line.changed);
    const shown = [changed.slice(0, limits.changed), unchanged.slice(0, limits.unchanged)].map((lines) => lines.map((line) => drawLine(file, line)));
    const left = file.lines.length - shown.flat().length;
    const more = h('button', { type: 'button', class: 'quiet-button more' }, `${amount(left, 'more line')}`);
    more.addEventListener('click', () => {
      const next = file.lines.find((line) => !rows.has(line));
      whole.add(file);
      draw();
      if (next) rows.get(next)?.focus();
    });
    return h('li', { class: file === chosen ? 'file chosen' : 'file' }, button,
      h('p', { class: 'file-facts' }, facts(file)),
      shown.map((list) => list.length > 0 && h('ol', { class: 'places line-list' }, list)),
      left > 0 && (file === chosen || whole.has(file)) && more);
  };
  const drawLine = (/** @type {ScoredFile} */ file, /** @type {Line} */ line) => {
    const button = lineButton(file, line, textOf(trace, file, line));
    rows.set(line, button);
    return h('li', {}, button);
  };

  return {
    /** @param {import('#viewer/reading/reading').Reading} reading @param {Readonly<import('#viewer/state').State>} state */
    update({ file, layout }, { selected, changed, structure: open }) {
      structure.setAttribute('aria-pressed', String(open));
      if (file !== chosen) {
        chosen = file;
        name.textContent = file?.source ?? '';
        draw();
        bringIntoSight();
      }
      alone.setAttribute('aria-pressed', String(changed));
      here?.removeAttribute('aria-current');
      const line = selected < 0 ? undefined : file?.lineAt((layout.lineOf[layout.placeOf[selected] ?? 0] ?? 0) + 1);
      here = line && rows.get(line);
      here?.setAttribute('aria-current', 'true');
    },
  };
}

/** @param {ScoredFile} file @param {boolean} isChosen */
function fileButton(file, isChosen) {
  const aria = isChosen ? { current: 'true' } : {};
  const button = h('button', { type: 'button', class: 'file-name', aria, data: { key: file.index } }, file.source);
  button.addEventListener('click', () => tell(button, 'file', file.index));
  return button;
}

/** @param {ScoredFile} file @param {Line} line @param {{ text: string, sign: boolean }[]} text */
function lineButton({ index }, { number, node, changed, bits, tokens }, text) {
  const title = `Its most surprising token, of ${amount(tokens, 'token')}`;
  const button = h('button', { type: 'button', class: 'line-button', title, data: { key: `${index}:${number}` } },
    h('span', { class: 'place' }, h('span', { class: 'line-number' }, changed && plus(), String(number)), tokenText(text)),
    h('span', { class: 'instead' }, `mean ${decimal(bits / tokens, '')}, n = ${count(tokens)}`, h('span', { class: 'place-number' }, inBits(bits))));
  button.addEventListener('click', () => tell(button, 'select', { node, by: 'click' }));
  return button;
}

/** @param {ScoredFile} file */
function facts({ changed, changedLines, changedBits, tokens, bits, perplexity }) {
  const all = `${amount(tokens, 'token')}, ${inBits(bits)}, perplexity ${decimal(perplexity, '')}`;
  return changed === null ? all : `${changedLines ? `${amount(changedLines, 'changed line')}, ${inBits(changedBits)}` : 'no line changed'} \u00b7 ${all}`;
}

/** The mark of a changed line. */
function plus() {
  return h('span', { class: 'plus', role: 'img', aria: { label: 'changed line' } });
}

/** Whole ones where there are many. @param {number} bits */
function inBits(bits) {
  return bits >= 100 && bits < Infinity ? `${count(Math.round(bits))}\u00a0bits` : decimal(bits, 'bits');
}

/** @param {number} number @param {string} what */
function amount(number, what) {
  return `${count(number)} ${what}${number === 1 ? '' : 's'}`;
}

/** The bar in which the reader searches: a query, how many tokens match, and the way from one to the next. */

import { closer, h, replace, signed, tell } from '#viewer/elements/dom';
import { count } from '#viewer/reading/format';
import { SYNTAX } from '#viewer/reading/search';

const SETTLED = 150; // milliseconds without a key

/** @param {HTMLElement} before what the bar stands after */
export function mountSearch(before) {
  const input = h('input', { type: 'text', class: 'query', aria: { label: 'Search', describedby: 'search-hint' } });
  Object.assign(input, { autocomplete: 'off', autocapitalize: 'off', spellcheck: false });
  const found = h('span', { class: 'found-count' });
  const previous = signed('\u2039', 'Previous match (Shift+Enter)', () => walk('previous-match'));
  const next = signed('\u203a', 'Next match (Enter)', () => walk('next-match'));
  const close = closer('Close the search (Esc)', () => leave());
  const hint = h('p', { id: 'search-hint', class: 'search-hint' });
  const bar = h(
    'div',
    { class: 'search', role: 'search', hidden: true, aria: { label: 'Tokens, alternatives and branches' } },
    h('div', { class: 'search-row' }, input, found, previous, next, close),
    hint,
  );
  before.after(bar);
  const examples = SYNTAX.map(([form]) => h('code', {}, form));
  let told = '';
  /** @type {HTMLElement | null} */
  let from = null;
  let timer = 0;

  const submit = () => {
    clearTimeout(timer);
    if (input.value !== told) tell(bar, 'search', (told = input.value));
  };
  const walk = (/** @type {string} */ command) => {
    submit();
    tell(bar, 'command', command);
  };
  const leave = () => {
    input.value = '';
    submit();
    bar.hidden = true;
    input.blur();
    from?.focus({ preventScroll: true }); // of the body it does nothing
    from = null;
  };
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = window.setTimeout(submit, SETTLED);
  });
  bar.addEventListener('keydown', (event) => {
    const act =
      event.key === 'Escape'
        ? leave
        : event.key === 'Enter' && event.target === input && !event.isComposing && (() => walk(event.shiftKey ? 'previous-match' : 'next-match'));
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    act();
    event.preventDefault();
    event.stopPropagation();
  });

  return {
    /** Whether it was there to close. */
    close() {
      const was = !bar.hidden;
      if (was) leave();
      return was;
    },
    open() {
      if (!bar.contains(document.activeElement)) from = /** @type {HTMLElement | null} */ (document.activeElement);
      bar.hidden = false;
      input.focus();
      input.select();
    },
    /**
     * @param {string} query @param {import('#viewer/reading/search').Match[]} matches @param {string} error
     * @param {number} place of the selected one, -1 for none
     */
    update(query, matches, error, place) {
      if (query !== told) input.value = told = query;
      if (query) bar.hidden = false;
      else if (!bar.contains(document.activeElement)) bar.hidden = true;
      found.textContent = query && !error ? `${inWords(matches.length, place)}${!matches.length && /[A-Z]/.test(query) ? ' (capital letters count)' : ''}` : '';
      previous.disabled = next.disabled = !matches.length;
      input.setAttribute('aria-invalid', String(error !== ''));
      replace(hint, error || examples);
      hint.classList.toggle('failed', error !== '');
    },
  };
}

/** @param {number} all @param {number} place from 0, -1 for none */
export function inWords(all, place) {
  return all === 0 ? 'no match' : place >= 0 ? `${count(place + 1)} of ${count(all)}` : `${count(all)} match${all === 1 ? '' : 'es'}`;
}

/** The cards of the decisions. The page has them already: this opens one, follows its alternatives and copies it. */

import { current, tell } from '#viewer/elements/dom';
import { parseHash } from '#viewer/state';

/** @param {HTMLElement} root */
export function mountDecisions(root) {
  const cards = [...root.querySelectorAll('.card')];
  const links = /** @type {HTMLAnchorElement[]} */ ([...root.querySelectorAll('a')]);
  const cardOf = (/** @type {number} */ decision) => cards[decision - 1];
  let open = 0;

  root.addEventListener('click', (event) => {
    const target = /** @type {Element} */ (event.target);
    const link = target.closest('a');
    const { ctrlKey, metaKey, shiftKey } = event;
    if (link && !ctrlKey && !metaKey && !shiftKey) {
      event.preventDefault(); // the rest of the view stays as it is
      tell(link, 'decision', parseHash(link.hash));
    }
    if (target.matches('.all')) tell(target, 'command', 'deselect');
    const card = target.closest('.copy')?.closest('.card');
    if (card) tell(card, 'copy', { text: card.querySelector('.markdown')?.textContent ?? '', what: `Decision ${cards.indexOf(card) + 1}` });
  });

  return {
    count: cards.length,

    /** A decision in one sentence. @param {number} decision */
    say(decision) {
      const words = ['.card-where', '.written'].map((part) => cardOf(decision)?.querySelector(part)?.textContent);
      return `Decision ${decision} of ${cards.length}: ${words.join(', ').replace(/\s+/g, ' ')}`;
    },

    /** From here on the tab key walks the card, while the letters and arrows stay with the code. @param {number} decision */
    begin(decision) {
      const heading = cardOf(decision)?.querySelector('a');
      heading?.focus({ preventScroll: true });
      heading?.blur();
    },

    /** @param {Readonly<import('#viewer/state').State>} state */
    update({ decision, branch, selected }) {
      for (const [i, card] of cards.entries()) current(card, i + 1 === decision);
      for (const link of links) {
        const to = parseHash(link.hash);
        current(link, to.decision === decision && (link.matches('.badge') || (link.matches('.choice') && to.branch === branch)));
      }
      const panel = /** @type {HTMLElement} */ (root.parentElement);
      if (decision !== open) panel.scrollTop = decision || selected >= 0 ? 0 : /** @type {HTMLElement} */ (cardOf(open)).offsetTop - 16;
      open = decision;
    },
  };
}

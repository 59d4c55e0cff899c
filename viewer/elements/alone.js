/** A part of the page that fails alone: its place says so, and the others go on. */

import { h } from '#viewer/elements/dom';

/**
 * What does the work of one part until it fails once.
 * @param {HTMLElement} root its place @param {string} name
 * @returns {(work: () => void) => void}
 */
export function alone(root, name) {
  let failed = false;
  return (work) => {
    if (failed) return;
    try {
      work();
    } catch (error) {
      failed = true;
      root.hidden = false;
      root.replaceChildren(failure(`${name} failed`, error));
    }
  };
}

/** A sentence in sight. @param {string} what @param {unknown} error */
export function failure(what, error) {
  const why = (error instanceof Error ? error.message : String(error)).slice(0, 200);
  return h('p', { class: 'failure', role: 'alert' }, `${what}: ${why}.`);
}

/** Files from the page to the reader's disk. */

import { h } from '#viewer/elements/dom';

const KEPT = 60_000; // milliseconds that a browser may take to begin

/** @param {string} name @param {BlobPart} content @param {string} [type] @returns {string} what to tell the reader */
export function saveAs(name, content, type = '') {
  const href = URL.createObjectURL(new Blob([content], { type }));
  // eslint-disable-next-line no-restricted-syntax -- a file that the page made just now
  h('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), KEPT);
  return `Saved as ${name}.`;
}

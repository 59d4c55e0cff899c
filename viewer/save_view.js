/** The way to get the recording out of the page: a file as the recorder writes it, only not compressed. */

import { h } from '#viewer/dom';
import { traceFile } from '#viewer/save';

const KEPT = 60_000; // milliseconds that a browser may take to begin

/** @param {Element | null} root @param {string} source of the recording @param {() => Promise<Uint8Array>} payload */
export function mountSave(root, source, payload) {
  const name = `${source.replace(/^.*[/\\]|\.\w+$/g, '') || 'trace'}.tsc`;
  const save = h('button', { type: 'button', class: 'quiet-button' }, `save the recording as ${name}`);
  save.addEventListener('click', async () => {
    const href = URL.createObjectURL(new Blob([traceFile(await payload())]));
    h('a', { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), KEPT);
  });
  root?.append(save);
}

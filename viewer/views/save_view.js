/** The way to get the recording out of the page: a file as the recorder writes it, only not compressed. */

import { h } from '#viewer/elements/dom';
import { saveAs } from '#viewer/elements/download';
import { traceFile } from '#viewer/trace/trace_file';

/** @param {HTMLElement} root @param {string} source of the recording @param {() => Promise<Uint8Array>} payload @param {number} minor */
export function mountSave(root, source, payload, minor) {
  const name = `${String(source ?? '').replace(/^.*[/\\]|\.\w+$|[\p{C}\p{Zl}\p{Zp}]/gu, '') || 'trace'}.tsc`;
  const save = h('button', { type: 'button', class: 'quiet-button' }, `save the recording as ${name}`);
  save.addEventListener('click', async () => saveAs(name, traceFile(await payload(), minor)));
  root.append(save);
}

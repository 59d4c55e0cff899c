/**
 * Unpacks the viewer's style and script, which the page carries as base64 around gzip, and puts them to work. Whatever fails, here or later in
 * the viewer, ends in one place, which says so in sight of the reader and shows the summary. In a copy that a browser saved of a page that was
 * at work, the page is first made what it was at the beginning. No module: this script stands in the page by itself. The page's policy
 * holds the hashes of this script, of the style and of the viewer's, so no other text can be used from here; gzip carries a checksum, so damage is
 * found before that.
 */

(() => {
  'use strict';

  /** @typedef {{ createScript(text: string): string }} ScriptPolicy */

  const status = element('status');
  const words = 'This is the summary. The interactive view of every token needs JavaScript.';
  let failed = false;

  window.addEventListener('error', ({ error, message }) => {
    if (!/^ResizeObserver loop/.test(message)) refuse(error ?? message); // those are said of a frame that took two turns
  });
  window.addEventListener('unhandledrejection', ({ reason }) => refuse(reason));
  document.addEventListener('tokenscope:failed', (event) => refuse(/** @type {CustomEvent} */ (event).detail));
  start().catch(refuse);

  async function start() {
    if (document.body.className || status.matches('.failed')) {
      await new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve)); // of a copy more stands behind this script
      reset();
    }
    const [style, text] = await Promise.all([unpack('sheet'), unpack('viewer')]);
    // eslint-disable-next-line no-restricted-syntax -- its text has a hash in the policy
    const sheet = document.createElement('style');
    sheet.dataset['part'] = '';
    sheet.textContent = style;
    document.head.append(sheet);
    // eslint-disable-next-line no-restricted-syntax -- likewise
    const script = document.createElement('script');
    script.dataset['part'] = '';
    script.addEventListener('securitypolicyviolation', ({ disposition }) => {
      if (disposition === 'enforce') refuse(notAdmitted());
    });
    // eslint-disable-next-line no-restricted-syntax -- likewise
    script.text = trusted(text);
    document.body.append(script); // it takes itself away, so that no copy holds it twice
  }

  /** What a data block of the page holds. @param {string} id */
  async function unpack(id) {
    if (typeof DecompressionStream === 'undefined') {
      throw sentence('This browser cannot unpack the viewer: it lacks DecompressionStream (Chrome 80, Firefox 113, Safari 16.4 have it).');
    }
    const block = document.getElementById(id);
    if (!block) throw sentence('This copy of the page was saved without its viewer.');
    try {
      // A Response hands out its bytes at once; a Blob's stream takes tens of milliseconds to begin.
      const compressed = /** @type {ReadableStream} */ (new Response(fromBase64(block.textContent ?? '')).body);
      return await new Response(compressed.pipeThrough(new DecompressionStream('gzip'))).text();
    } catch {
      throw sentence('The viewer inside this file is damaged: its checksum does not hold.');
    }
  }

  /** @param {string} text */
  function fromBase64(text) {
    const binary = atob(text);
    return Uint8Array.from({ length: binary.length }, (_, i) => binary.charCodeAt(i));
  }

  /** The text as a script element takes it; the policy changes nothing, for the hash decides. @param {string} text */
  function trusted(text) {
    const { trustedTypes } = /** @type {{ trustedTypes?: { createPolicy(name: string, rules: ScriptPolicy): ScriptPolicy } }} */ (
      /** @type {unknown} */ (globalThis)
    );
    if (!trustedTypes) return text;
    try {
      // eslint-disable-next-line no-restricted-syntax -- the one policy that the page admits, which changes nothing
      return trustedTypes.createPolicy('tokenscope', { createScript: (script) => script }).createScript(text);
    } catch {
      throw notAdmitted();
    }
  }

  function notAdmitted() {
    return sentence('The content security policy does not admit the viewer inside this file.');
  }

  /** An error whose message is one sentence for the reader. @param {string} message */
  function sentence(message) {
    return Object.assign(new Error(message), { name: 'Sentence' });
  }

  /**
   * Say what failed, once, where it is in sight however far the page is scrolled, and show the summary: alone where the viewer did not get
   * as far as to show more, else before that, which stays.
   * @param {unknown} error
   */
  function refuse(error) {
    if (failed) return;
    failed = true;
    const { name, message } = /** @type {{ name?: unknown, message?: unknown }} */ (error ?? {});
    const why = name === 'Sentence' ? String(message) : `The interactive view failed: ${String(message ?? error).slice(0, 200)}.`;
    if (!document.body.matches('.interactive')) reset();
    status.textContent = `${why} What follows is the summary.`;
    status.className = 'status failed';
    status.setAttribute('role', 'alert');
    status.hidden = false;
    document.body.prepend(status);
    element('summary').hidden = false;
    element('diff').hidden = true;
    const code = element('code');
    code.hidden = false;
    code.scrollTop = 0;
  }

  /** The page as it was before the viewer. */
  function reset() {
    for (const made of document.querySelectorAll('body > dialog, body > .tooltip, #code > .code, style[data-part], script[data-part]')) made.remove();
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-part]'))) {
      part.replaceChildren();
      part.hidden = part.dataset['part'] === 'hidden';
    }
    for (const place of document.querySelectorAll('[aria-current]')) place.removeAttribute('aria-current');
    for (const id of ['summary', 'code', 'status']) element(id).hidden = false;
    element('live').className = 'visually-hidden';
    document.body.className = '';
    status.textContent = words;
    status.className = 'status';
    status.removeAttribute('role');
    document.querySelector('.verdict')?.append(status);
  }

  /** A part of the template. @param {string} id */
  function element(id) {
    return /** @type {HTMLElement} */ (document.getElementById(id));
  }
})();

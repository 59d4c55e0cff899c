/**
 * Unpacks the viewer's style and script, which the page carries as base64 around gzip, and puts them to work; where that fails,
 * says why beside the summary. No module: this script stands in the page by itself. The page's policy holds the hashes of this
 * script, of the style and of the viewer's, so no other text can be used from here; gzip carries a checksum, so damage is found
 * before that.
 */

(() => {
  'use strict';

  /** @typedef {{ createScript(text: string): string }} ScriptPolicy */

  start().catch((error) => refuse(error instanceof Error ? error.message : String(error)));

  async function start() {
    const [style, text] = await Promise.all([unpack('sheet'), unpack('viewer')]);
    // eslint-disable-next-line no-restricted-syntax -- its text has a hash in the policy
    const sheet = document.createElement('style');
    sheet.textContent = style;
    document.head.append(sheet);
    // eslint-disable-next-line no-restricted-syntax -- likewise
    const script = document.createElement('script');
    script.addEventListener('securitypolicyviolation', ({ disposition }) => {
      if (disposition === 'enforce') refuse(notAdmitted());
    });
    // eslint-disable-next-line no-restricted-syntax -- likewise
    script.text = trusted(text);
    document.body.append(script);
  }

  /** What a template of the page holds. @param {string} id */
  async function unpack(id) {
    if (typeof DecompressionStream === 'undefined') {
      throw new Error('This browser cannot unpack the viewer: it lacks DecompressionStream (Chrome 80, Firefox 113, Safari 16.4 have it).');
    }
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
    const base64 = template.content.textContent ?? '';
    template.remove();
    try {
      // A Response hands out its bytes at once; a Blob's stream takes tens of milliseconds to begin.
      const compressed = /** @type {ReadableStream} */ (new Response(fromBase64(base64)).body);
      return await new Response(compressed.pipeThrough(new DecompressionStream('gzip'))).text();
    } catch {
      throw new Error('The viewer inside this file is damaged: its checksum does not hold.');
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
      throw new Error(notAdmitted());
    }
  }

  function notAdmitted() {
    return 'The content security policy does not admit the viewer inside this file.';
  }

  /** Say why only the summary is there. @param {string} why one sentence */
  function refuse(why) {
    const status = /** @type {HTMLElement} */ (document.getElementById('status'));
    status.textContent = `${why} What follows is the summary.`;
    status.classList.add('failed');
  }
})();

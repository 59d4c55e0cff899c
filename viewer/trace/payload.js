/**
 * The text of the page's data block `trace` -> the recording's payload bytes. Base64 around gzip; gzip carries a checksum, so
 * damage is an error and not a wrong number. Never yields more bytes than the page says there are.
 */

import { LIMITS } from '#viewer/trace/schema';

/** An error whose message is one sentence for the reader; boot.js knows it by its name. */
export class Sentence extends Error {
  name = 'Sentence';
}

/**
 * @param {string} base64
 * @param {number} byteCount how many bytes come out
 * @returns {Promise<Uint8Array>}
 */
export async function unpackPayload(base64, byteCount) {
  if (typeof DecompressionStream === 'undefined') {
    throw new Sentence('This browser cannot unpack the recording: it lacks DecompressionStream (Chrome 80, Firefox 113, Safari 16.4 have it).');
  }
  if (!Number.isSafeInteger(byteCount) || byteCount < 0 || byteCount > LIMITS.payload) {
    throw new Sentence('The recording inside this file claims an impossible size.');
  }
  return inflate(fromBase64(base64), byteCount);
}

/** @param {string} base64 */
function fromBase64(base64) {
  try {
    const decode = /** @type {{ fromBase64?: (text: string) => Uint8Array }} */ (/** @type {unknown} */ (Uint8Array)).fromBase64;
    if (decode) return decode.call(Uint8Array, base64);
    const binary = atob(base64);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  } catch {
    throw damaged('it is not base64');
  }
}

/** @param {Uint8Array} compressed @param {number} byteCount */
async function inflate(compressed, byteCount) {
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  // The reader reports what goes wrong; these promises would only report it again.
  writer.write(/** @type {BufferSource} */ (compressed)).catch(() => {});
  writer.close().catch(() => {});
  const reader = stream.readable.getReader();
  const bytes = new Uint8Array(byteCount);
  let filled = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (filled + value.length > byteCount) {
        reader.cancel().catch(() => {});
        throw damaged('it is longer than it says');
      }
      bytes.set(value, filled);
      filled += value.length;
    }
  } catch (error) {
    if (error instanceof Sentence) throw error;
    throw damaged('its checksum does not hold');
  }
  if (filled !== byteCount) throw damaged('it is shorter than it says');
  return bytes;
}

/** @param {string} how */
function damaged(how) {
  return new Sentence(`The recording inside this file is damaged: ${how}.`);
}

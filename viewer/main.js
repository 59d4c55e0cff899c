/** Opens the recording inside this page and starts the application; where that fails, says why beside the summary. */

import { run } from '#viewer/application';
import { part } from '#viewer/elements/dom';
import { PayloadError, unpackPayload } from '#viewer/trace/payload';
import { MAJOR_VERSION } from '#viewer/trace/schema';
import { readTrace } from '#viewer/trace/trace';
import { restoreTheme } from '#viewer/views/theme_view';

const FORMAT = String(MAJOR_VERSION);

restoreTheme();
open().then(({ trace, payload }) => run(trace, payload)).catch(refuse);

/** The recording inside this page, and its bytes on demand: kept is the text that they come from, for it is smaller. */
async function open() {
  const template = /** @type {HTMLTemplateElement} */ (part('trace'));
  const { format, bytes } = template.dataset;
  if (format !== FORMAT) {
    throw new PayloadError(`This recording has format version ${format}, which is newer than this page can read (version ${FORMAT}).`);
  }
  const base64 = template.content.textContent ?? '';
  const payload = () => unpackPayload(base64, Number(bytes));
  const unpacked = await payload();
  template.remove();
  try {
    return { trace: readTrace(unpacked), payload };
  } catch (error) {
    throw new PayloadError(`The recording inside this file cannot be read: ${reason(error)}.`);
  }
}

/** Say why only the summary is there. @param {unknown} error */
function refuse(error) {
  const isExpected = error instanceof PayloadError;
  const status = part('status');
  status.textContent = `${isExpected ? error.message : `The interactive view failed: ${reason(error)}.`} What follows is the summary.`;
  status.classList.add('failed');
  if (!isExpected) throw error;
}

/** @param {unknown} error */
function reason(error) {
  return error instanceof Error ? error.message : String(error);
}

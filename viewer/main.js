/** Opens the recording inside this page and starts the application; what fails is told, and boot.js says it beside the summary. */

import { run } from '#viewer/application';
import { tell } from '#viewer/elements/dom';
import { Sentence, unpackPayload } from '#viewer/trace/payload';
import { MAJOR_VERSION } from '#viewer/trace/schema';
import { readTrace } from '#viewer/trace/trace';
import { restoreTheme } from '#viewer/views/theme_view';

const FORMAT = String(MAJOR_VERSION);

document.currentScript?.remove(); // it has run
restoreTheme();
open().then(({ trace, payload, minor }) => run(trace, payload, minor)).catch((error) => tell(document, 'failed', error));

/** The recording inside this page, and its bytes on demand. */
async function open() {
  const block = document.getElementById('trace');
  if (!block) throw new Sentence('This copy of the page was saved without its recording.');
  const { format, minor, bytes } = block.dataset;
  if (format !== FORMAT) {
    throw new Sentence(`This recording has format version ${format}, which is newer than this page can read (version ${FORMAT}).`);
  }
  const payload = () => unpackPayload(block.textContent ?? '', Number(bytes));
  const unpacked = await payload();
  try {
    return { trace: readTrace(unpacked), payload, minor: Number(minor) };
  } catch (error) {
    throw new Sentence(`The recording inside this file cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

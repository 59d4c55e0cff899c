/** The browser's own selection in the code: the tokens that it holds, and its exact text. */

import { tell } from '#viewer/elements/dom';

const SETTLED = 120; // milliseconds without a change
const encoder = new TextEncoder();

/** @typedef {import('#viewer/reading/syntax').Share} Share */
/** @typedef {(node: number) => HTMLElement[]} ElementsOf */

/**
 * Tells the tokens of the selection, and copies their text.
 * @param {HTMLElement} code @param {() => void} fillAll before anything is read
 * @param {() => import('#viewer/reading/reading').Reading | undefined} shown @param {ElementsOf} elementsOf
 */
export function listenToSelection(code, fillAll, shown, elementsOf) {
  let timer = 0;
  document.addEventListener('selectionchange', () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      const [range, reading] = [rangeIn(code), shown()];
      if (range) fillAll();
      tell(code, 'stretch', range && reading ? stretch(range, reading, elementsOf) : []);
    }, SETTLED);
  });
  document.addEventListener('copy', (event) => {
    fillAll();
    copyProgram(event, code);
  });
}

/** What is selected, where it lies within the code. @param {HTMLElement} code */
function rangeIn(code) {
  const selection = document.getSelection();
  const range = selection && !selection.isCollapsed ? selection.getRangeAt(0) : null;
  return range && code.contains(range.commonAncestorContainer) ? range : null;
}

/**
 * The tokens that a range holds, whole or in part.
 * @param {Range} range @param {import('#viewer/reading/reading').Reading} reading @param {ElementsOf} elementsOf
 */
function stretch(range, { trace, layout: { order } }, elementsOf) {
  const reached = (/** @type {number} */ node) => elementsOf(node).some((element) => range.intersectsNode(element));
  /** @type {Share[]} */
  const found = [];
  const first = Array.from(order.keys()).findIndex((place) => reached(order[place] ?? -1));
  if (first < 0) return found;
  for (let place = first, node = order[place] ?? -1; reached(node); node = order[++place] ?? -1) {
    const elements = elementsOf(node);
    const size = sizeOf(elements);
    const share = size ? sizeOf(elements, range) / size : Number(found.length > 0); // the rest of a character goes with its beginning
    if (share > 0 && !trace.isSpecial(node)) found.push({ node, share });
  }
  return found;
}

/** Bytes of the text in some cells, of all or of what a range holds. @param {readonly HTMLElement[]} cells @param {Range} [range] */
function sizeOf(cells, range) {
  let size = 0;
  for (const element of cells) {
    const part = document.createRange();
    part.selectNodeContents(element);
    if (range && range.compareBoundaryPoints(Range.START_TO_START, part) > 0) part.setStart(range.startContainer, range.startOffset);
    if (range && range.compareBoundaryPoints(Range.END_TO_END, part) < 0) part.setEnd(range.endContainer, range.endOffset);
    size += encoder.encode(part.toString()).length;
  }
  return size;
}

/** Put the exact text on the clipboard, without control tokens. @param {ClipboardEvent} event @param {HTMLElement} code */
function copyProgram(event, code) {
  const range = rangeIn(code);
  if (!range || !event.clipboardData) return;
  const fragment = range.cloneContents();
  for (const element of fragment.querySelectorAll('.chip, .note-row')) element.remove();
  event.clipboardData.setData('text/plain', fragment.textContent ?? '');
  event.preventDefault();
}

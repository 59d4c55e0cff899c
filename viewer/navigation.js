/** Where the arrow keys and the jumps lead. Pure: a layout and a node in, a node out; -1 where there is nothing. */

/** @typedef {import('#viewer/reading/layout').Layout} Layout */

/** The token before or after. Without a selection: the first one that the model wrote. @param {Layout} layout @param {number} node @param {1 | -1} direction */
export function beside(layout, node, direction) {
  const place = layout.placeOf[node] ?? -1;
  if (place < 0) return start(layout);
  return layout.order[place + direction] ?? node;
}

/** The token above or below, nearest to the same column. @param {Layout} layout @param {number} node @param {1 | -1} direction */
export function acrossLines(layout, node, direction) {
  const place = layout.placeOf[node] ?? -1;
  if (place < 0) return start(layout);
  const column = layout.columnOf[place] ?? 0;
  for (let line = (layout.lineOf[place] ?? 0) + direction; line >= 0 && line < layout.lines.length; line += direction) {
    const found = nearest(layout, line, column);
    if (found >= 0) return found;
  }
  return node;
}

/** The first or last token of the line. @param {Layout} layout @param {number} node @param {1 | -1} direction */
export function endOfLine(layout, node, direction) {
  const place = layout.placeOf[node] ?? -1;
  if (place < 0) return start(layout);
  const cells = (layout.lines[layout.lineOf[place] ?? 0] ?? []).filter((cell) => startsOn(layout, cell.node, layout.lineOf[place] ?? 0));
  return cells.at(direction < 0 ? 0 : -1)?.node ?? node;
}

/**
 * The next or previous of some nodes, going round at the end.
 * @param {Layout} layout @param {number} node @param {1 | -1} direction @param {readonly number[]} candidates in the order of the file
 */
export function jump(layout, node, direction, candidates) {
  const here = layout.placeOf[node] ?? -1;
  const placeOf = (/** @type {number} */ candidate) => layout.placeOf[candidate] ?? -1;
  if (direction > 0) return candidates.find((candidate) => placeOf(candidate) > here) ?? candidates[0] ?? -1;
  return candidates.findLast((candidate) => here >= 0 && placeOf(candidate) < here) ?? candidates.at(-1) ?? -1;
}

/** @param {Layout} layout */
function start(layout) {
  return layout.order[layout.outputPlaces[0] ?? 0] ?? -1;
}

/** @param {Layout} layout @param {number} line @param {number} column */
function nearest(layout, line, column) {
  let found = -1;
  for (const { node } of layout.lines[line] ?? []) {
    if (!startsOn(layout, node, line)) continue;
    if (found >= 0 && (layout.columnOf[layout.placeOf[node] ?? 0] ?? 0) > column) break;
    found = node;
  }
  return found;
}

/** @param {Layout} layout @param {number} node @param {number} line */
function startsOn(layout, node, line) {
  return layout.lineOf[layout.placeOf[node] ?? 0] === line;
}

/** The yardstick: decodes the same recording into the same typed columns by the same modules, checks nothing, and shows one line. */

import { unpackColumn } from '#viewer/trace/columns';
import { decode } from '#viewer/trace/msgpack';
import { unpackPayload } from '#viewer/trace/payload';

show();

async function show() {
  const block = document.getElementById('trace');
  const recorded = decode(await unpackPayload(block.textContent, Number(block.dataset.bytes)));
  const tables = Object.entries(recorded.tables).map(([name, { rows, columns }]) => (
    [name, Object.entries(columns).map(([column, stored]) => [column, unpackColumn(column, stored, rows)])]
  ));
  window.recording = Object.fromEntries(tables.map(([name, columns]) => [name, Object.fromEntries(columns)]));
  const line = document.createElement('p');
  line.id = 'line';
  line.textContent = `${window.recording.nodes.parent.length} nodes`;
  document.body.append(line);
  document.addEventListener('keydown', () => {
    line.textContent += '.';
  });
}

/** What to do about a continuation that was not recorded: the command that records it, or the way to one that begins alike. */

import { h, replace, tell, tokenText } from '#viewer/elements/dom';
import { commandWith, escapeText, forcedBefore, offered, positionOf } from '#viewer/reading/rerun_command';
import { visibleId, visibleNode } from '#viewer/reading/token_words';
import { ORIGIN, PROGRAM } from '#viewer/trace/schema';

const NO_TEXT = new Uint8Array();
const encoder = new TextEncoder();

/** @param {HTMLElement} root */
export function mountUnrecorded(root) {
  const field = h('textarea', { id: 'instead-text', class: 'instead-text', name: 'instead' });
  field.rows = 1;
  field.spellcheck = false;
  const label = h('label', {});
  label.htmlFor = 'instead-text';
  const answer = h('div', { class: 'answer' });
  const form = [label, field, answer];
  /** @type {import('#viewer/reading/reading').Reading | undefined} */
  let reading;
  let node = -1;

  field.addEventListener('input', () => {
    replace(answer, reading && field.value ? forText(reading, node, field.value) : []);
  });

  return {
    /** @param {import('#viewer/reading/reading').Reading} shown @param {number} selected */
    update(shown, selected) {
      if (reading === shown && node === selected) return;
      reading = shown;
      node = selected;
      field.value = '';
      answer.replaceChildren();
      const isOutput = shown.trace.nodes.origin[node] !== ORIGIN.prompt;
      root.hidden = node < 0 || shown.file !== null; // what was scored cannot be continued
      label.replaceChildren('Instead of ', tokenText(node < 0 ? [] : visibleNode(shown.trace, node)), ' write');
      replace(root, isOutput ? form : h('p', { class: 'remark' }, 'A token of the prompt cannot be replaced: only what the model wrote.'));
    },

    /** How to record an alternative of the selected token. @param {number} id */
    showToken(id) {
      if (!reading || !answer.isConnected) return;
      field.value = '';
      const value = `${forcedBefore(reading, node)}${positionOf(reading.layout, node)}:${id}`;
      replace(
        answer,
        notRecorded(
          reading,
          [tokenText(visibleId(reading.trace, id)), ' was not recorded here. '],
          commandWith(recorded(reading), '--force-token', value),
        ),
      );
      answer.scrollIntoView({ block: 'nearest' });
    },
  };
}

/** @param {import('#viewer/reading/reading').Reading} reading @param {number} node @param {string} text */
function forText(reading, node, text) {
  const value = `${forcedBefore(reading, node)}${positionOf(reading.layout, node)}:${escapeText(text)}`;
  const begun = beginning(reading, node, encoder.encode(text));
  const command = notRecorded(reading, ['This text was not recorded here. '], commandWith(recorded(reading), '--force-text', value));
  if (begun < 0) return command;
  const led = reading.tree.outcomeOf(reading.tree.branchOf(begun));
  const there = h(
    'button',
    { type: 'button', class: 'there' },
    'Go to the branch that begins with ',
    tokenText(visibleNode(reading.trace, begun)),
    led && `: ${led}`,
  );
  there.addEventListener('click', () => tell(there, 'select', { node: begun, by: 'click' }));
  return [there, ...command];
}

/**
 * The continued sibling whose text is the beginning of a text, the longest one; -1 for none.
 * @param {import('#viewer/reading/reading').Reading} reading @param {number} node @param {Uint8Array} text
 */
function beginning({ trace, tree }, node, text) {
  let found = -1;
  for (const sibling of tree.siblings(node)) {
    const bytes = trace.bytesOf(sibling);
    if (sibling === node || bytes.length <= (found < 0 ? NO_TEXT : trace.bytesOf(found)).length) continue;
    if (bytes.every((byte, i) => byte === text[i])) found = sibling;
  }
  return found;
}

/** @param {import('#viewer/reading/reading').Reading} reading @param {import('#viewer/elements/dom').Child[]} what @param {string} command */
function notRecorded(reading, what, command) {
  const copy = h('button', { type: 'button', class: 'quiet-button' }, 'copy command');
  copy.addEventListener('click', () => tell(copy, 'copy', { text: command, what: 'Command' }));
  const fromInput = reading.trace.run['prompt'].source === '-';
  const { left } = recorded(reading);
  return [
    h('p', {}, what, `This command records it${fromInput ? ', given the same standard input' : ''}:`),
    h('pre', { class: 'command', tabIndex: 0, aria: { label: 'Command' }, role: 'group' }, command),
    copy,
    ...(left.length ? [h('p', { class: 'remark' }, `Left out of it: ${left.join(', ')}. What runs code or replaces a file is yours to add.`)] : []),
  ];
}

/** @param {import('#viewer/reading/reading').Reading} reading */
function recorded(reading) {
  const { command, prompt } = reading.trace.run;
  return offered(command) ?? offered([PROGRAM, '--', String(prompt.source)]) ?? { files: ['PROMPT'], options: [], left: [] };
}

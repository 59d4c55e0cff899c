import assert from 'node:assert/strict';
import test from 'node:test';
import { commandOf, KEYS } from '#viewer/keys';

const press = (key, more = {}) => ({ key, ctrlKey: false, altKey: false, metaKey: false, ...more });
const free = { typing: false, elsewhere: false };

test('keys with modifiers belong to the browser', () => {
  for (const modifier of ['ctrlKey', 'altKey', 'metaKey']) {
    for (const { keys } of KEYS) assert.equal(commandOf(press(keys[0], { [modifier]: true }), free), '');
  }
});

test('keys typed into a field belong to the field', () => {
  for (const { keys } of KEYS) assert.equal(commandOf(press(keys[0]), { typing: true, elsewhere: true }), '');
});

test('on another control the arrows are its own, letters are ours', () => {
  assert.equal(commandOf(press('ArrowLeft'), { typing: false, elsewhere: true }), '');
  assert.equal(commandOf(press('n'), { typing: false, elsewhere: true }), 'next-uncertain');
});

test('no key has two meanings, and each is explained', () => {
  const keys = KEYS.flatMap((entry) => entry.keys);
  assert.equal(new Set(keys).size, keys.length);
  for (const { does, shown } of KEYS) assert.ok(does && shown.length);
});

test('single characters can be turned off, all but the one that leads to the help', () => {
  const off = { ...free, off: true };
  for (const key of KEYS.flatMap(({ keys }) => keys)) {
    const command = commandOf(press(key), off);
    if (key.length === 1 && key !== '?') assert.equal(command, '', key);
    else assert.equal(command, commandOf(press(key), free), key);
  }
  assert.equal(commandOf(press('Escape'), { ...off, elsewhere: true }), 'close');
});

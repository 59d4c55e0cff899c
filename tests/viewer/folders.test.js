import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

const folder = new URL('../../viewer/', import.meta.url);

/** What a folder may import from. At the root, these modules are below the views, and all others above. */
const BELOW = {
  trace: ['trace'],
  reading: ['trace', 'reading'],
  elements: ['trace', 'reading', 'elements'],
  root: ['trace', 'reading', 'elements', 'root'],
  views: ['trace', 'reading', 'elements', 'root'],
  top: ['trace', 'reading', 'elements', 'root', 'views', 'top'],
};
const ROOT = ['keys', 'navigation', 'state', 'storage'];

const roomOf = (name) => (name.includes('/') ? name.split('/')[0] : ROOT.includes(name) ? 'root' : 'top');
const importsOf = (source) => Array.from(source.matchAll(/\bfrom\s*["']#viewer\/([\w/]+)["']/g), ([, name]) => name);

/** Modules and what each imports. */
const modules = new Map(readdirSync(folder, { recursive: true }).filter((entry) => entry.endsWith('.js')).map((entry) => {
  const name = entry.replaceAll('\\', '/').replace(/\.js$/, '');
  return [name, importsOf(readFileSync(new URL(entry, folder), 'utf8'))];
}));

test('every folder is read', () => {
  const rooms = new Set(Array.from(modules.keys(), roomOf));
  assert.deepEqual([...rooms].sort(), Object.keys(BELOW).sort());
  assert.ok(modules.size > 50);
  assert.ok(Array.from(modules.values()).flat().length > 150);
});

test('a module imports only from the folders below its own, and from its own', () => {
  for (const [name, imported] of modules) {
    for (const other of imported) {
      assert.ok(modules.has(other), `${name} imports ${other}, which does not exist`);
      assert.ok(BELOW[roomOf(name)].includes(roomOf(other)), `${name} imports ${other}`);
    }
  }
});

test('no view imports another', () => {
  for (const [name, imported] of modules) {
    if (roomOf(name) === 'views') assert.deepEqual(imported.filter((other) => roomOf(other) === 'views'), [], name);
  }
});

test('no modules import each other in a circle', () => {
  const done = new Set();
  const visit = (name, importers) => {
    assert.ok(!importers.includes(name), `a circle: ${[...importers, name].join(' -> ')}`);
    if (!done.has(name)) for (const other of modules.get(name)) visit(other, [...importers, name]);
    done.add(name);
  };
  for (const name of modules.keys()) visit(name, []);
});

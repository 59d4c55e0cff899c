import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

const sheets = ['page.css', 'viewer.css', 'comparison.css'].map((name) => readFileSync(new URL(`../../viewer/${name}`, import.meta.url), 'utf8'));
const [style] = sheets;
const [fallback, modern] = style.split('@supports (color: light-dark(');

/** Custom colours of one half of the style sheet, by theme. */
function colours(css) {
  const found = { light: {}, dark: {} };
  for (const [, name, light, dark, single] of css.matchAll(/--([\w-]+): (?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));/g)) {
    found.light[name] = light ?? single;
    found.dark[name] = dark ?? single;
  }
  return found;
}
const themes = colours(modern);

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
const luminance = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const contrast = (a, b) => {
  const [high, low] = [luminance(channels(a)), luminance(channels(b))].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};

/** CIELAB of linear RGB, seen normally or without one kind of cone (Vienot, Brettel and Mollon 1999). */
const SEEN = {
  normally: (rgb) => rgb,
  'without red cones': ([r, g, b]) => [0.11238 * r + 0.88762 * g, 0.11238 * r + 0.88762 * g, 0.00401 * r - 0.00401 * g + b],
  'without green cones': ([r, g, b]) => [0.29275 * r + 0.70725 * g, 0.29275 * r + 0.70725 * g, -0.02234 * r + 0.02234 * g + b],
};
function lab([r, g, b]) {
  const xyz = [0.4124 * r + 0.3576 * g + 0.1805 * b, 0.2126 * r + 0.7152 * g + 0.0722 * b, 0.0193 * r + 0.1192 * g + 0.9505 * b];
  const [x, y, z] = [xyz[0] / 0.9505, xyz[1], xyz[2] / 1.089].map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
const scaleOf = (colour, name) => [colour.paper, ...[1, 2, 3, 4, 5].map((step) => colour[`${name}${step}`])];

for (const [theme, colour] of Object.entries(themes)) {
  test(`${theme}: text on every step of the scale has a contrast of 4.5`, () => {
    for (const step of [1, 2, 3, 4, 5]) {
      const found = contrast(colour[`b${step}`], colour[step < 4 ? 'ink' : 'on-strong']);
      assert.ok(found >= 4.5, `step ${step}: ${found.toFixed(2)}`);
      const attention = contrast(colour[`a${step}`], colour[step < 4 ? 'ink' : step < 5 ? 'on-strong' : 'on-accent']);
      assert.ok(attention >= 4.5, `attention, step ${step}: ${attention.toFixed(2)}`);
    }
    assert.equal(colour.a5, colour.accent);
  });

  test(`${theme}: text on every surface has a contrast of 4.5`, () => {
    for (const surface of ['paper', 'raised', 'sunk']) {
      for (const text of ['ink', 'quiet', 'accent', 'warn']) {
        const found = contrast(colour[surface], colour[text]);
        assert.ok(found >= 4.5, `${text} on ${surface}: ${found.toFixed(2)}`);
      }
    }
    assert.ok(contrast(colour.accent, colour['on-accent']) >= 4.5);
    assert.ok(contrast(colour.ink, colour.track) >= 4.5);
    for (const side of ['del', 'ins']) assert.ok(contrast(colour.ink, colour[side]) >= 4.5, side);
  });

  test(`${theme}: the line under uncertain tokens stands out from the paper`, () => assert.ok(contrast(colour.paper, colour.line) >= 3));

  test(`${theme}: lightness moves in one direction, neighbours are told apart in every colour vision`, () => {
    for (const [[vision, seen], name] of Object.entries(SEEN).flatMap((entry) => [[entry, 'b'], [entry, 'a']])) {
      const steps = scaleOf(colour, name).map((hex) => lab(seen(channels(hex))));
      for (let i = 1; i < steps.length; i++) {
        const [before, after] = [steps[i - 1], steps[i]];
        const lighter = after[0] - before[0];
        assert.ok(theme === 'light' ? lighter < -1.5 : lighter > 1.5, `${vision}, ${name}${i}: lightness ${before[0].toFixed(1)} to ${after[0].toFixed(1)}`);
        const distance = Math.hypot(...after.map((value, k) => value - before[k]));
        assert.ok(distance >= 8, `${vision}, ${name}${i}: distance ${distance.toFixed(1)}`);
      }
    }
  });
}

test('browsers without light-dark() see the light colours', () => {
  const { light } = colours(fallback);
  assert.deepEqual(light, themes.light);
  assert.ok(Object.keys(light).length > 15);
});

test('the style sheets load nothing and are ASCII', () => {
  for (const sheet of sheets) {
    assert.doesNotMatch(sheet, /url\(|@import|@font-face|expression\(/i);
    assert.match(sheet, /^[\x00-\x7f]*$/);
  }
});

test('no module of the viewer has a way to turn data into markup or code', () => {
  const folder = new URL('../../viewer/', import.meta.url);
  const sinks = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|setHTML|\beval\b|new Function|setAttribute\(\s*['"`](on|style|src|href)|\.href\s*=|\.src\s*=|setTimeout\(\s*['"`]|javascript:|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|new Worker|import\(/;
  const names = readdirSync(folder, { recursive: true }).filter((entry) => entry.endsWith('.js'));
  assert.ok(names.length > 50);
  for (const name of names) {
    const found = sinks.exec(readFileSync(new URL(name, folder), 'utf8').replace(/\/\*[^]*?\*\//g, ''));
    assert.equal(found, null, `${name}: ${found?.[0]}`);
  }
});

test('what depends on the size of a window is for screens: paper has rules of its own', () => {
  const queries = sheets.flatMap((sheet) => sheet.match(/@media[^{]+/g) ?? []).filter((query) => /width|height/.test(query));
  assert.ok(queries.length > 8);
  for (const query of queries) assert.match(query, /^@media screen and /);
});

// `npm run contrast`: contrasts of the palette in src/style/tokens.css by WCAG's formula: text at least 4.5 on what it
// stands on, marks and borders of controls at least 3.

import { readFileSync } from 'node:fs';

const css = readFileSync(new URL('src/style/tokens.css', import.meta.url), 'utf8');
const palettes = {
  light: colours(css.slice(css.indexOf(':root[data-theme="light"] {'))),
  dark: colours(css.slice(css.indexOf(':root[data-theme="dark"] {\n  --bg'))),
};

function colours(text) {
  const block = text.slice(0, text.indexOf('}'));
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map(([, name, hex]) => [name, hex]));
}

function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(one, other) {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

const TEXT = ['ink', 'muted', 'accent', 'good', 'bad', 'warn'].flatMap((name) => [
  [name, 'bg', 4.5],
  [name, 'sunken', 4.5],
]);
const MARKS = ['query', 'key', 'value', 'mlp', 'norm', 'stream'].map((name) => [name, 'bg', 3]);
const CONTROLS = [
  ['control', 'bg', 3],
  ['control', 'sunken', 3],
  ['on-accent', 'accent', 4.5],
];
const CELLS = [1, 2, 3, 4, 5, 6, 7].map((step) => [
  [1, 2, 6, 7].includes(step) ? 'cell-light' : 'cell-dark',
  `div-${step}`,
  4.5,
]);

/** Pairs below their floor, in words. */
export function failures() {
  return Object.entries(palettes).flatMap(([theme, palette]) =>
    [...TEXT, ...MARKS, ...CONTROLS, ...CELLS].flatMap(([ink, ground, floor]) => {
      const got = contrast(palette[ink], palette[ground]);
      return got >= floor ? [] : [`${theme}: ${ink} on ${ground}: expected ${floor}, got ${got.toFixed(2)}`];
    }),
  );
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const found = failures();
  console.log(found.length === 0 ? 'every contrast of both palettes holds' : found.join('\n'));
  process.exitCode = found.length === 0 ? 0 : 1;
}

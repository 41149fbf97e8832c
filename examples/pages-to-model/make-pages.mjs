// Raw pages out of a clean text, as a crawl would have them: `node make-pages.mjs TEXT.txt OUT`.
//
//     OUT/pages.jsonl.gz    HTML: stories in a frame of menus and notices, some of them several times; shops, lists of
//                           links, word salad, broken bytes
//     OUT/labelled.jsonl    120 texts with a label for the scorer: 1 a story, 0 something else
//     OUT/held-out.txt      clean text that no page has, for bits per byte

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const [source, out] = process.argv.slice(2);
mkdirSync(out, { recursive: true });

/** mulberry32: the same pages every time. */
let state = 12345;
const random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};
const pick = (list) => list[Math.floor(random() * list.length)];
const times = (count, make) => Array.from({ length: count }, (_, i) => make(i));

// Stories: paragraphs, which blank lines or line ends divide, until a page has 250 words.
const text = readFileSync(source, 'utf8').replace(/\r/g, '');
const paragraphs = text
  .split(text.includes('\n\n') ? /\n\s*\n/ : '\n')
  .map((paragraph) => paragraph.replace(/\s+/g, ' ').trim());
const stories = [];
let story = [];
for (const paragraph of paragraphs) {
  if (paragraph.split(' ').length < 5) continue;
  story.push(paragraph);
  if (story.join(' ').split(' ').length < 250) continue;
  stories.push(story);
  story = [];
}
// The last tenth is held out, so that neighbours of it are not trained on.
const heldOut = stories.splice(Math.floor(stories.length * 0.9));

const words = [
  ...new Set(
    paragraphs
      .slice(0, 400)
      .join(' ')
      .toLowerCase()
      .match(/[a-z]{3,}/g),
  ),
];
const goods = ['watch', 'lamp', 'phone case', 'charger', 'sofa', 'carpet', 'drill', 'perfume'];
const shop = () =>
  times(
    40,
    () =>
      `Buy cheap ${pick(goods)} ${Math.floor(random() * 9000)} now, ${Math.floor(random() * 90)} % off, free shipping!`,
  );
const links = () => times(60, () => `${pick(words)} ${pick(words)} | ${pick(words)}`);
const salad = () => times(12, () => `${times(30, () => pick(words)).join(' ')}.`);
const broken = () =>
  pick(stories).map((text) =>
    text.replace(/./gs, (c) => (random() < 0.3 ? String.fromCharCode(33 + random() * 90) : c)),
  );

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
const menu = () => times(12, () => `<li><a href="/${pick(words)}">${pick(words)}</a></li>`).join('');
const html = (lines) =>
  `<!doctype html><html><head><title>${pick(words)}</title></head><body><nav><ul>${menu()}</ul></nav>` +
  `<main>${lines.map((line) => `<p>${escaped(line)}</p>`).join('\n')}</main>` +
  '<footer>Cookies | Privacy | All rights reserved</footer></body></html>';

const pages = [];
for (const tale of stories) {
  pages.push(tale);
  // A few stories are on many sites.
  if (random() < 0.08) pages.push(...times(6, () => [...tale.slice(0, -1), `${tale.at(-1)} Posted again.`]));
}
for (const make of [shop, links, salad, broken]) pages.push(...times(Math.floor(stories.length * 0.3), make));
for (let i = pages.length - 1; i > 0; i--) {
  const j = Math.floor(random() * (i + 1));
  [pages[i], pages[j]] = [pages[j], pages[i]];
}
const rows = pages.map((lines, i) =>
  JSON.stringify({ id: `page-${String(i).padStart(5, '0')}`, text: html(lines) }),
);
writeFileSync(`${out}/pages.jsonl.gz`, gzipSync(`${rows.join('\n')}\n`));
const labelled = [
  ...times(60, () => ({ text: pick(stories).join('\n'), label: 1 })),
  ...times(60, () => ({ text: pick([shop, links, salad, broken])().join('\n'), label: 0 })),
];
writeFileSync(`${out}/labelled.jsonl`, labelled.map((row) => `${JSON.stringify(row)}\n`).join(''));
writeFileSync(`${out}/held-out.txt`, heldOut.map((text) => text.join('\n\n')).join('\n\n'));
console.log(`${pages.length} pages, ${stories.length} different stories; ${heldOut.length} stories held out`);

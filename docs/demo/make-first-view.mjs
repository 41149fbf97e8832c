// `npm run first-view`: computes with the real 135M what the page shows before any model is here, and Node's hashes.
// SMOLLM2_MODEL is another file of the same model.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';
import { smallNano } from './site/small-nano.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = here('../../dist/');
const alias = [
  { find: /^smollm2$/, replacement: `${dist}node/index.js` },
  { find: /^smollm2\/inspect$/, replacement: `${dist}inspect.js` },
];
const importing = { configFile: false, root: here('.'), resolve: { alias }, logLevel: 'error' };
const { module: pictures } = await runnerImport(here('src/engine/pictures.ts'), importing);
const { module: hashing } = await runnerImport(here('src/engine/hashed.ts'), importing);
const { module: protocol } = await runnerImport(here('src/engine/protocol.ts'), importing);
const { load } = await import(`${dist}node/index.js`);

const PROMPT = 'The capital of France is';
const EDITS = [[], ['23.4']];
const STEPS = 2;

const smol = await load(process.env.SMOLLM2_MODEL ?? '135m');
const stored = {};
const subjectOf = (edits, answer = []) => ({ model: 'stored', prompt: PROMPT, chat: false, answer, edits });
async function keep(view, subject, params = {}) {
  const picture = await pictures.makePicture(view, smol, subject, params);
  stored[protocol.pictureKey(view, subject, params)] = picture;
  return picture;
}

for (const edits of EDITS) {
  const subject = subjectOf(edits);
  for (const view of ['tokens', 'attention', 'lens', 'sum', 'softmax']) await keep(view, subject);
}
for (const edits of EDITS) await keep('journey', subjectOf(edits), { layer: 23, token: 4 });
// What “next token” says, step by step.
for (let answer = [], n = 0; n < STEPS; n++) {
  const { next } = await pictures.makePicture('tokens', smol, subjectOf([], answer), {});
  answer = [...answer, next.at(-1)[0].id];
  await keep('tokens', subjectOf([], answer));
}

const ids = await pictures.idsOf(smol, subjectOf([]));
const { hashes: real } = await hashing.hashed(smol, ids, false);
const nano = await load(await smallNano());
const nanoIds = await pictures.idsOf(nano, subjectOf([]));
const { hashes: small } = await hashing.hashed(nano, nanoIds, false);

// A picture shows three significant digits, of chances four; typed arrays become lists.
const CHANCES = new Set(['p', 'target', 'total']);
const short = (name, value) => {
  if (value instanceof Uint16Array) return [...value];
  if (typeof value !== 'number' || Number.isInteger(value)) return value;
  return Number(value.toPrecision(CHANCES.has(name) ? 4 : 3));
};
// Layers before an edit are as they were; the page takes them from the whole model's picture.
const [whole, changed] = EDITS.map((edits) => stored[protocol.pictureKey('attention', subjectOf(edits), {})]);
changed.weights = changed.weights.map((heads, layer) =>
  JSON.stringify(heads.map((head) => [...head])) === JSON.stringify(whole.weights[layer].map((head) => [...head]))
    ? null
    : heads,
);
const text = JSON.stringify(stored, short);
writeFileSync(here('src/text/first-view.json'), `${text}\n`);
writeFileSync(here('src/text/node-hashes.json'), `${JSON.stringify({ nano: small, '135m': real }, null, 2)}\n`);
console.log(`first-view.json: ${text.length} bytes, ${Object.keys(stored).length} pictures`);
await smol.close();
await nano.close();

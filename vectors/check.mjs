// Holds a build of this package to the published vectors, on whatever runtime runs it:
//
//     node vectors/check.mjs [model]        (also deno run -A, bun run)
//
// Prints one line per precision and ends with exit code 1 when a hash differs.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { load } from 'smollm2';

const { prompts } = JSON.parse(readFileSync(new URL('./135m-instruct-q4_1.json', import.meta.url), 'utf8'));
let wrong = 0;
for (const precision of ['fast', 'precise']) {
  const smol = await load(process.argv[2] ?? '135m', { precision, maxSeqLen: 256 });
  const differing = [];
  for (const { name, ids, sha256 } of prompts) {
    const logits = await smol.model.forward(ids, smol.model.newCache(ids.length), { logits: 'all' });
    const bytes = new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength);
    if (createHash('sha256').update(bytes).digest('hex') !== sha256[precision]) differing.push(name);
  }
  await smol.close();
  wrong += differing.length;
  console.log(`${precision}: ${prompts.length - differing.length} of ${prompts.length} prompts equal ${differing.join(' ')}`);
}
process.exit(wrong > 0 ? 1 : 0);

// datatrove itself signs texts as they are signed here, reads the signature files that are written here, and finds the
// clusters that are found here.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject, it } from 'vitest';
import { cluster } from '../../dist/data/minhash/cluster.js';
import { MINHASH_PRESETS } from '../../dist/data/minhash/config.js';
import { kernelSigner } from '../../dist/data/minhash/kernel.js';
import { findPairs } from '../../dist/data/minhash/pairs.js';
import { referenceSigner } from '../../dist/data/minhash/signature.js';
import { inMemory, SignatureTable, signatureFileName } from '../../dist/data/minhash/signature-files.js';

const module = new WebAssembly.Module(readFileSync(new URL('../../dist/wasm/minhash.wasm', import.meta.url)));
const script = fileURLToPath(new URL('datatrove_clusters.py', import.meta.url));

/** Families of texts that differ in a few words of 60, over two tasks; some texts are too short for a signature. */
function documents() {
  let state = 11;
  const draw = (count) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const families = Array.from({ length: 60 }, () => Array.from({ length: 60 }, () => `w${draw(500)}`));
  return Array.from({ length: 400 }, (_, i) =>
    i % 23 === 0
      ? ['too', 'short']
      : families[draw(60)].map((word) => (draw(100) < 3 ? `x${draw(1000)}` : word)),
  );
}

it.each([
  ['fineweb', 'sha1', (config) => kernelSigner(config, module)],
  ['finemath', 'sha1', (config) => kernelSigner(config, module)],
  ['fineweb', 'xxhash', referenceSigner],
])('%s by %s: signatures, and pairs and clusters of our signature files', (preset, hash, signerOf) => {
  const config = { ...MINHASH_PRESETS[preset], hash };
  const signer = signerOf(config);
  const tasks = [new SignatureTable(config), new SignatureTable(config)];
  const signed = documents().map((words) => signer.sign(words));
  signed.forEach((signature, i) => {
    if (signature) tasks[Number(i >= 250)].add(i < 250 ? i : i - 250, signature);
  });
  const folder = mkdtempSync(join(tmpdir(), 'smollm2-datatrove-'));
  try {
    const pairs = Array.from({ length: config.numBuckets }, (_, bucket) => {
      const signatures = tasks.map((table, task) =>
        inMemory(signatureFileName(bucket, task), table.bucket(bucket)),
      );
      for (const file of signatures) {
        const path = join(folder, 'signatures', file.name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, file.read(0, file.byteLength));
      }
      return [...findPairs({ signatures }, config)];
    });
    const ours = [...cluster(pairs.flat(), 'datatrove')].map(([task, { remove }]) => [
      String(task),
      [...remove],
    ]);
    writeFileSync(join(folder, 'words.json'), JSON.stringify(documents()));
    const args = [script, folder, hash, String(config.numBuckets), String(config.hashesPerBucket)];
    const theirs = JSON.parse(
      execFileSync(inject('python'), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
    expect(ours.flatMap(([, remove]) => remove).length).toBeGreaterThan(40);
    expect(Object.fromEntries(ours)).toEqual(theirs.removed);
    expect(signed.map((signature) => signature && Array.from(signature, String))).toEqual(theirs.signatures);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

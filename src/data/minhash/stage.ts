// The stage `minhash`: near duplicates go, one document of each cluster stays. On one machine or many: the survivor
// has the smallest id, however the work was shared out (datatrove's own choice: cluster.ts).

import { simplify } from '../simplify.ts';
import type { StageKind, StageOptions } from '../stage.ts';
import { words } from '../words/words.ts';
import { checkConfig, MINHASH_PRESETS, type MinHashConfig } from './config.ts';
import type { Signer } from './signature.ts';

/** null: as the preset has it. */
const DEFAULTS = {
  preset: 'fineweb',
  ngramSize: null,
  numBuckets: null,
  hashesPerBucket: null,
  hash: null,
  seed: null,
};

/** The signature of a text as it is. */
export function signText(signer: Signer, text: string): BigUint64Array | null {
  return signer.sign(words(simplify(text)));
}

/** One key a band: documents with a band in common are a pair. */
export function bandKeys(
  signature: BigUint64Array,
  { numBuckets, hashesPerBucket }: MinHashConfig,
): string[] {
  return Array.from({ length: numBuckets }, (_, bucket) => {
    const hashes = signature.subarray(bucket * hashesPerBucket, (bucket + 1) * hashesPerBucket);
    return `${bucket} ${Array.from(hashes, (hash) => hash.toString(36)).join(' ')}`;
  });
}

/** @throws RangeError for a preset or sizes that there are not */
function configOf({ preset, ...given }: StageOptions): MinHashConfig {
  if (preset !== 'fineweb' && preset !== 'finemath')
    throw new RangeError(`minhash.preset: expected fineweb or finemath, got ${preset}`);
  const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  const config: MinHashConfig = { ...MINHASH_PRESETS[preset], ...changes };
  if (config.hash !== 'sha1' && config.hash !== 'xxhash')
    throw new RangeError(`minhash.hash: expected sha1 or xxhash, got ${config.hash}`);
  checkConfig(config);
  return config;
}

/** @param makeSigner of the kernel where there is one, of signature.ts elsewhere */
export function minhashStage(makeSigner: (config: MinHashConfig) => Signer | Promise<Signer>): StageKind {
  return {
    name: 'minhash',
    summary:
      'Removes near duplicates: documents that share a band of a MinHash signature, all but one of a cluster',
    options: DEFAULTS,
    create: async (options) => {
      const config = configOf(options);
      const signer = await makeSigner(config);
      return {
        name: 'minhash',
        grouping: 'cluster',
        keys: ({ text }) => {
          const signature = signText(signer, text);
          return signature === null ? [] : bandKeys(signature, config);
        },
        decide: (doc, isTaken) => {
          const signature = signText(signer, doc.text);
          const isDuplicate = signature !== null && bandKeys(signature, config).some(isTaken);
          return isDuplicate ? { removed: 'near_duplicate' } : doc;
        },
      };
    },
  };
}

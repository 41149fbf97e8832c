// Token ids in memory as a folder of one shard: what a page trains on.

import { bytesSource } from '../format/source.ts';
import { encodeTokens, type TokenFolder, tokenBytesFor } from './token-shard.ts';

/**
 * @param name as the recipe calls the folder
 * @param ids  documents one behind the other, each with its end-of-text id
 * @throws RangeError for an id that the vocabulary has not
 */
export function tokensInMemory(name: string, ids: ArrayLike<number>, vocabSize: number): TokenFolder {
  for (let i = 0; i < ids.length; i++) {
    if (!(Number.isInteger(ids[i]) && ids[i] >= 0 && ids[i] < vocabSize)) {
      throw new RangeError(
        `tokens of ${name}: expected ids below ${vocabSize}, got ${ids[i]} at place ${i}; was another tokenizer used?`,
      );
    }
  }
  const tokenBytes = tokenBytesFor(vocabSize);
  const source = bytesSource(name, encodeTokens(ids, tokenBytes));
  return { name, shards: [{ name, source, tokenBytes, numTokens: ids.length }] };
}

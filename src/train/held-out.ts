// Held-out text: windows of the sequence length, one behind the other, every one measured at each evaluation.

import { readTokens, type TokenFolder } from './token-shard.ts';
import { nextTokenRow, type TrainingRow } from './window-source.ts';

/** Rows of a held-out folder: window i of a shard is ids i · T … i · T + T, the last one predicted only. */
export class HeldOutWindows {
  readonly numRows: number;
  readonly tokensPerByte: number | undefined;
  private readonly folder: TokenFolder;
  private readonly sequenceLength: number;
  private readonly vocabSize: number;
  private readonly maskBehind: number | undefined;

  /** @param textBytes UTF-8 bytes of the whole text; where absent, the shards' own records say */
  constructor(
    folder: TokenFolder,
    sequenceLength: number,
    vocabSize: number,
    { textBytes, maskBehind }: { textBytes?: number; maskBehind?: number } = {},
  ) {
    this.folder = folder;
    this.sequenceLength = sequenceLength;
    this.vocabSize = vocabSize;
    this.maskBehind = maskBehind;
    this.numRows = folder.shards.reduce((sum, { numTokens }) => sum + this.windowsOf(numTokens), 0);
    if (this.numRows === 0) {
      throw new RangeError(`${folder.name}: expected more than ${sequenceLength} tokens in a shard`);
    }
    const tokens = folder.shards.reduce((sum, { numTokens }) => sum + numTokens, 0);
    const recorded = folder.shards.reduce((sum, { header }) => sum + (header?.text_bytes ?? Number.NaN), 0);
    const bytes = textBytes ?? (Number.isNaN(recorded) ? undefined : recorded);
    this.tokensPerByte = bytes && tokens / bytes;
  }

  async row(index: number): Promise<TrainingRow> {
    let window = index;
    for (const shard of this.folder.shards) {
      const count = this.windowsOf(shard.numTokens);
      if (window < count) {
        const begin = window * this.sequenceLength;
        const ids = await readTokens(shard, begin, this.sequenceLength + 1, this.vocabSize);
        return nextTokenRow(ids, `${shard.source.name}, token ${begin}`, this.maskBehind);
      }
      window -= count;
    }
    throw new RangeError(`row: expected one below ${this.numRows}, got ${index}`);
  }

  private windowsOf(numTokens: number): number {
    return Math.max(0, Math.floor((numTokens - 1) / this.sequenceLength));
  }
}

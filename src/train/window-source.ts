// Where the training loop gets its rows from: windows of token ids with labels and document boundaries, by
// number. A source keeps no place of its own: row n is the same row whenever it is asked for, so a run resumes
// exactly by remembering how many rows it has consumed. packed-windows.ts makes one out of token shards.

/** The label of a position that does not count, as in PyTorch. */
export const IGNORED = -100;

/** One row of a batch; all arrays [length]. */
export interface TrainingRow {
  readonly ids: Int32Array;
  /** The id that should follow each position, or IGNORED. */
  readonly labels: Int32Array;
  /** For the rotation: counts up, from 0 again at each document where documents are masked. */
  readonly positions: Int32Array;
  /** First index of the row that each position attends to: 0, or where its document begins when masked. */
  readonly documentStarts: Int32Array;
  /** Where the row came from (shard and offset), for messages about a bad batch. */
  readonly place: string;
}

/** Rows of one stage, numbered from 0 in the order in which they are trained on. */
export interface WindowSource {
  /** Tokens of a row. */
  readonly sequenceLength: number;
  /** Rows of one round, after which all begins again. */
  readonly rowsPerEpoch: number;
  /** Rows until the first window comes for the second time: fewer where a part is weighted above what it has. */
  readonly rowsUntilRepeat: number;
  /**
   * @throws FormatError when a shard has changed or holds an id that the vocabulary has not
   */
  row(index: number): Promise<TrainingRow>;
}

/**
 * A row out of sequenceLength + 1 consecutive ids: each is to be followed by the next.
 *
 * @param eosId where given, documents are masked as nanotron's Qwen2Config does it: a document ends behind this id,
 *              positions begin again, attention stays inside, and no label asks for the first id of a new document
 */
export function nextTokenRow(span: Int32Array, place: string, eosId?: number): TrainingRow {
  const length = span.length - 1;
  const ids = span.subarray(0, length);
  const labels = span.slice(1);
  const positions = new Int32Array(length);
  const documentStarts = new Int32Array(length);
  let start = 0;
  for (let i = 0; i < length; i++) {
    positions[i] = i - start;
    documentStarts[i] = start;
    if (ids[i] !== eosId) continue;
    labels[i] = IGNORED;
    start = i + 1;
  }
  return { ids, labels, positions, documentStarts, place };
}

// How much one request may ask for. Each limit is small against what a pass takes, so that the dearest request allowed
// costs others no more than their turn.

export const LIMITS = {
  bodyBytes: 4 * 2 ** 20,
  headerBytes: 16 * 2 ** 10,
  /** Lists and objects inside each other, schemas included. */
  jsonDepth: 64,
  messages: 2048,
  /** Characters of all contents together. */
  contentLength: 2 ** 20,
  tools: 128,
  /** Characters of a schema or grammar. */
  schemaLength: 256 * 2 ** 10,
  stops: 16,
  stopLength: 256,
  logitBiases: 1024,
  choices: 16,
  topLogprobs: 20,
  prompts: 64,
  /** Answers of one request: prompts × n. */
  answers: 128,
  embeddingInputs: 256,
  /** Milliseconds until the first byte of a body, and between two pieces of one. */
  bodyMs: 10_000,
  /** Milliseconds that a reader may leave a stream alone before it is given up. */
  idleReaderMs: 60_000,
  /** Milliseconds of silence after which a stream gets a comment. */
  keepAliveMs: 5_000,
  /** Bytes that a stream runs ahead of its reader. */
  aheadBytes: 64 * 2 ** 10,
} as const;

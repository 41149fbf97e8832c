// What every door hands out besides `load`: the names are the same on each platform.

export {
  ContextOverflowError,
  EngineError,
  FormatError,
  GrammarError,
  OutOfMemoryError,
  UnavailableError,
  UnsupportedError,
} from './base/errors.ts';
export type { ChatMessage } from './chat/message.ts';
export {
  kvCacheBytes,
  type ModelConfig,
  numParameters,
  SMOLLM2_CONFIGS,
} from './config.ts';
export type { Checkpoint } from './format/checkpoint.ts';
export { type OpenOptions, type OpenSource, openCheckpoint } from './format/open.ts';
export { type Manifest, type Part, partsSource, readManifest } from './format/parts.ts';
export type { Source } from './format/source.ts';
export type { GeneratedToken, GenerateOptions, GenerationResult } from './generate/generate.ts';
export type { Session } from './generate/session.ts';
export type { StructureOptions } from './generate/structured.ts';
export type { ForwardOptions, Model } from './model/model.ts';
export type { Trace } from './model/trace.ts';
export type { LoadOptions } from './run/load.ts';
export type { Choice, Score } from './score/likelihood.ts';
export { SmolLM2 } from './smollm2.ts';
export { Tokenizer } from './tokenizer/tokenizer.ts';

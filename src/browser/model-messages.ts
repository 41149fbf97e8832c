// What a page and its model worker say to each other. Calls are numbered; each gets any number of progress messages
// and one answer or error. Everything here survives a structured clone.

import type { ModelConfig } from '../config.ts';
import type { PassEntry } from '../model/model.ts';
import type { Values } from '../ops.ts';
import type { LoadOptions } from '../run/load.ts';
import type { ErrorMessage } from './error-message.ts';

/** What the worker is to load: an address, or a file that the visitor picked. */
export type RemoteSource = string | Blob;

export interface RemoteLoadOptions extends Omit<LoadOptions, 'onProgress'> {
  readonly cache?: boolean;
  readonly sha256?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An entry whose cache is named by the page, with the number of its positions that count. */
export interface RemoteEntry extends Omit<PassEntry, 'cache'> {
  readonly key: number;
  readonly length: number;
  readonly maxSeqLen: number;
}

export type Call =
  | { readonly name: 'load'; readonly source: RemoteSource; readonly options: RemoteLoadOptions }
  | { readonly name: 'run'; readonly entries: readonly RemoteEntry[] }
  | { readonly name: 'trace'; readonly entry: RemoteEntry; readonly points: readonly string[] | 'all' }
  | { readonly name: 'cacheLengths'; readonly keys: readonly number[] }
  | { readonly name: 'freeCache' | 'saveCache'; readonly key: number }
  | {
      readonly name: 'restoreCache';
      readonly key: number;
      readonly maxSeqLen: number;
      readonly length: number;
      readonly bytes: Uint8Array;
    }
  | { readonly name: 'hashWeights' | 'abort' | 'close' };

export interface CallMessage {
  readonly id: number;
  readonly call: Call;
}

/** One traced value. */
export interface WatchedPoint {
  readonly name: string;
  readonly values: Values;
  readonly shape: readonly number[];
}

export interface LoadedMessage {
  readonly config: ModelConfig;
  readonly engineName: string;
  readonly arithmetic: string;
  readonly logitErrorBound: number;
  readonly numThreads: number;
  readonly maxSeqLen: number;
  /** The file that the weights came from, for the page's tokenizer. */
  readonly file: RemoteSource;
}

export interface Reply {
  /** Rows and new cache lengths, one per entry of the call. */
  readonly rows: Values[][];
  readonly lengths: readonly number[];
  readonly points?: readonly WatchedPoint[];
  readonly loaded?: LoadedMessage;
  readonly bytes?: Uint8Array;
}

export type ReplyMessage =
  | { readonly id: number; readonly kind: 'reply'; readonly reply: Reply }
  | {
      readonly id: number;
      readonly kind: 'progress';
      readonly phase: 'download' | 'load' | 'prompt';
      readonly done: number;
      readonly total: number;
    }
  | { readonly id: number; readonly kind: 'error'; readonly error: ErrorMessage };

// What the explorer's page and its worker say to each other.

import type { ModelConfig } from 'smollm2';

export interface Head {
  readonly layer: number;
  readonly head: number;
}

export interface Alternative {
  readonly id: number;
  readonly text: string;
  readonly probability: number;
}

/** One token of the answer as the page shows it. */
export interface ShownToken {
  readonly id: number;
  readonly text: string;
  /** The model's own probability, before temperature and the rest. */
  readonly probability: number;
  readonly alternatives: readonly Alternative[];
  readonly ms: number;
}

export interface AskOptions {
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  readonly seed: number;
  /** Heads whose output is set to zero. */
  readonly switchedOff: readonly Head[];
}

export type Request =
  | { readonly kind: 'load'; readonly source: string | File }
  | {
      readonly kind: 'ask';
      readonly messages: readonly { role: string; content: string }[];
      /** The answer goes on after these ids: a branch. */
      readonly begin: readonly number[];
      readonly options: AskOptions;
    }
  | { readonly kind: 'stop' }
  | { readonly kind: 'attention'; readonly ids: readonly number[]; readonly layer: number }
  | { readonly kind: 'lens'; readonly ids: readonly number[]; readonly position: number }
  | { readonly kind: 'norms'; readonly ids: readonly number[] };

export interface LensCell {
  readonly layer: number;
  readonly rank: number;
  readonly text: string;
  readonly probability: number;
}

export type Answer =
  | { readonly kind: 'progress'; readonly phase: 'downloading' | 'loading'; readonly share: number }
  | {
      readonly kind: 'loaded';
      readonly config: ModelConfig;
      readonly threads: number;
      readonly why: string;
      readonly loadMs: number;
    }
  | { readonly kind: 'prompt'; readonly ids: readonly number[]; readonly texts: readonly string[] }
  | {
      readonly kind: 'token';
      readonly token: ShownToken;
      readonly cacheBytes: number;
      readonly memoryBytes: number;
    }
  | {
      readonly kind: 'done';
      readonly reason: string;
      readonly tokensPerSecond: number;
      readonly promptMs: number;
    }
  | {
      readonly kind: 'attention';
      readonly layer: number;
      readonly maps: readonly Float32Array[];
      readonly size: number;
    }
  | { readonly kind: 'lens'; readonly position: number; readonly cells: readonly LensCell[] }
  | { readonly kind: 'norms'; readonly norms: readonly { layer: number; position: number; norm: number }[] }
  | { readonly kind: 'error'; readonly name: string; readonly message: string };

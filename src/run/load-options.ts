// The options that loading takes on every platform, and their rules; the doors add their own.

import { callback, count, flag, oneOf, type Rule, type Rules, signal, text } from '../base/options.ts';
import type { OpenOptions } from '../format/open.ts';
import type { CacheType, Precision } from '../wasm/options.ts';

export interface LoadOptions {
  /** `wasm` (default) is fast; `reference` computes in float64 and is the oracle. */
  engine?: 'reference' | 'wasm';
  /** Positions that a cache may hold at most; the model's own limit by default. */
  maxSeqLen?: number;
  /** `fast` (default) or `precise`; see docs/numerics.md for what each costs. */
  precision?: Precision;
  /** Worker threads; by default the platform's choice, and one where memory cannot be shared. */
  threads?: number;
  /** How keys and values are kept: `f32` (default), `f16` or `q8`. */
  cacheType?: CacheType;
  /** Kernels with relaxed SIMD: faster, and not bit-equal across machines. Off by default. */
  relaxed?: boolean;
  /**
   * Bytes that the model may take in all, JavaScript included: loading refuses what would not fit, and computes
   * long prompts in smaller pieces where that makes it fit. No limit by default.
   */
  maxMemory?: number;
  /** Called as weights arrive, with bytes loaded so far and in all. */
  onProgress?: (bytesLoaded: number, bytesTotal: number) => void;
}

export const LOAD_RULES: Rules<LoadOptions> = {
  engine: oneOf('reference', 'wasm'),
  maxSeqLen: count(1),
  precision: oneOf('fast', 'precise'),
  threads: count(1, 64), // beyond the cores of any machine that this was tried on, nothing is gained
  cacheType: oneOf('f32', 'f16', 'q8'),
  relaxed: flag,
  maxMemory: count(1),
  onProgress: callback,
};

const headers: Rule = {
  expected: 'an object of texts',
  isKind: (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => typeof one === 'string'),
};

export const OPEN_RULES: Rules<OpenOptions> = { fetch: callback, headers, isTransient: flag };

/** What a download takes. */
export const DOWNLOAD_RULES = { signal, onDownload: callback, headers };

/** Lower-case or upper-case hex of a sha256. */
export const SHA256_RULE: Rule = {
  ...text,
  expected: '64 hex digits',
  accepts: (value: string) => /^[0-9a-f]{64}$/i.test(value),
};

/** The same options; loading stops with the signal's reason at the next piece of weights. */
export function untilAborted(options: LoadOptions, abort: AbortSignal | undefined): LoadOptions {
  if (!abort) return options;
  return {
    ...options,
    onProgress: (done, total) => {
      abort.throwIfAborted();
      options.onProgress?.(done, total);
    },
  };
}

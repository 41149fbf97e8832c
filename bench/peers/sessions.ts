// What is measured against what. A session holds every contender open on the same weights with the same threads, and
// asks them in turn, round after round.

import type { OpenRequest, PeerName } from './peer.ts';

/** One engine with its settings. */
export interface Contender {
  /** How tables and bars call it. */
  readonly label: string;
  readonly peer: PeerName;
  readonly settings?: Partial<OpenRequest>;
}

/** A prompt of `tokens` ids in one pass, or `tokens` greedy ids one by one after a context of `context`. */
export interface Test {
  readonly kind: 'prefill' | 'decode';
  readonly tokens: number;
  readonly context: number;
}

export type Format = 'q4_1' | 'q4_0' | 'q8_0';

export interface Session {
  readonly part: Part;
  readonly format: Format;
  readonly threads: number;
  readonly contextSize: number;
  readonly contenders: readonly Contender[];
  readonly tests: readonly Test[];
}

/** `native`: compiled for this processor; `browser`: in Chromium; `long`: at the end of the context. */
export const PARTS = ['native', 'browser', 'long'] as const;
export type Part = (typeof PARTS)[number];
export const FORMATS: readonly Format[] = ['q4_1', 'q4_0', 'q8_0'];

const fast: Contender = ours('fast', { precision: 'fast' });
const NATIVE: readonly Contender[] = [
  fast,
  ours('precise', { precision: 'precise' }),
  ours('fast, Node 24', { precision: 'fast' }, 'smollm2-node24'),
  ours('relaxed, Node 24', { precision: 'fast', relaxed: true }, 'smollm2-node24'),
  { label: 'node-llama-cpp', peer: 'node-llama-cpp' },
  { label: 'llama-cpp-python', peer: 'llama-cpp-python' },
];
const BROWSER: readonly Contender[] = [
  ours('fast, Chromium', { precision: 'fast' }, 'smollm2-chromium'),
  ours('relaxed, Chromium', { precision: 'fast', relaxed: true }, 'smollm2-chromium'),
];
/** Takes the same files; it is fastest in Q8_0 and Q4_0. */
const WLLAMA: Contender = { label: 'wllama', peer: 'wllama' };
/** Has weights of its own, of the same model in 4 bits, so it is asked once. */
const ONNX: Contender = { label: 'transformers.js, int4', peer: 'transformers-js' };
const LONG: readonly Contender[] = [
  ours('fast, f16 cache', { precision: 'fast', cacheType: 'f16' }),
  ours('fast, f16 cache, Node 24', { precision: 'fast', cacheType: 'f16' }, 'smollm2-node24'),
  ours('fast, f32 cache', { precision: 'fast', cacheType: 'f32' }),
  { label: 'node-llama-cpp', peer: 'node-llama-cpp' },
  { label: 'node-llama-cpp, flash attention', peer: 'node-llama-cpp', settings: { flashAttention: true } },
  { label: 'llama-cpp-python', peer: 'llama-cpp-python' },
  {
    label: 'llama-cpp-python, flash attention',
    peer: 'llama-cpp-python',
    settings: { flashAttention: true },
  },
];

function ours(label: string, options: Record<string, unknown>, peer: PeerName = 'smollm2'): Contender {
  return { label, peer, settings: { options } };
}

const prefill = (tokens: number): Test => ({ kind: 'prefill', tokens, context: 0 });
const decode = (context: number, tokens: number): Test => ({ kind: 'decode', tokens, context });

/** The sessions of the parts that were asked for; the long context is measured on one thread. */
export function sessionsOf(
  parts: readonly Part[],
  formats: readonly Format[],
  threadCounts: readonly number[],
): Session[] {
  const sessions: Session[] = [];
  for (const threads of threadCounts) {
    for (const format of formats) {
      const common = { format, threads, contextSize: 1024 };
      if (parts.includes('native')) {
        const tests = [prefill(128), prefill(512), decode(128, 64)];
        sessions.push({ ...common, part: 'native', contenders: NATIVE, tests });
      }
      if (parts.includes('browser')) {
        const tests = [prefill(128), prefill(512), decode(128, 32)];
        const contenders = [...BROWSER, format === 'q4_1' ? ONNX : WLLAMA];
        sessions.push({ ...common, part: 'browser', contenders, tests });
      }
    }
  }
  if (parts.includes('long') && formats.includes('q4_1')) {
    const tests = [decode(8064, 64)];
    sessions.push({ part: 'long', format: 'q4_1', threads: 1, contextSize: 8192, contenders: LONG, tests });
  }
  return sessions;
}

export function nameOf(test: Test): string {
  return test.kind === 'prefill' ? `prefill ${test.tokens}` : `decode @${test.context}`;
}

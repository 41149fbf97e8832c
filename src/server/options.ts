// How a server is set up.

import { checkOptions, count, flag, listOf, number, type Rules, text } from '../base/options.ts';
import type { CacheSource } from '../generate/cache-source.ts';
import type { Model } from '../model/model.ts';

export interface ServerOptions {
  /** The model's id, as clients name it; `smollm2` by default. */
  readonly model?: string;
  /** Other names that it answers to. */
  readonly aliases?: readonly string[];
  /** Answer whatever model a client names: some have names wired in. */
  readonly anyModel?: boolean;
  /** Keys, one of which a request must bring; none are asked for by default. */
  readonly keys?: readonly string[];
  /** Names that the Host header may have, without port; all by default. */
  readonly hosts?: readonly string[];
  /** Origins whose pages may ask, or `*`; pages of this machine by default. */
  readonly origins?: readonly string[];
  /** Answers that are computed at a time; 16 by default. */
  readonly parallel?: number;
  /** Answers that may wait; 256 by default. */
  readonly queue?: number;
  /** Used where a request names neither temperature nor top_p; 0.2 by default, as the model card says. */
  readonly temperature?: number;
  /** The same; 0.9 by default. */
  readonly topP?: number;
  /** Longest answer where a request does not say; up to the end of the context by default. */
  readonly maxTokens?: number;
  /** Show running prompts in /slots, to whoever may ask. */
  readonly showPrompts?: boolean;
  /** Bytes of keys and values that are kept for prompts that begin alike; 32 MiB by default, 0 for none. */
  readonly cacheMemory?: number;
  /** A snapshot of a prompt (`smollm2 snapshot`) with which the kept ones begin. */
  readonly snapshot?: Uint8Array;
  /** Where answers get their caches, instead. */
  readonly caches?: (model: Model) => CacheSource;
  /** Told of every request, without its contents, and of errors that are the server's. */
  readonly log?: (line: string) => void;
}

const texts = listOf('a list of texts', (one) => typeof one === 'string' && one !== '');
const RULES: Rules<ServerOptions> = {
  model: text,
  aliases: texts,
  anyModel: flag,
  keys: texts,
  hosts: texts,
  origins: texts,
  parallel: count(1, 1024),
  queue: count(0, 65536),
  temperature: number('0 to 2', (x) => x >= 0 && x <= 2),
  topP: number('a number above 0 and up to 1', (x) => x > 0 && x <= 1),
  maxTokens: count(1),
  showPrompts: flag,
  cacheMemory: count(0),
  snapshot: { expected: 'bytes', isKind: (value) => value instanceof Uint8Array },
  caches: { expected: 'a function', isKind: (value) => typeof value === 'function' },
  log: { expected: 'a function', isKind: (value) => typeof value === 'function' },
};

export type CheckedServerOptions = ServerOptions &
  Required<Omit<ServerOptions, 'hosts' | 'origins' | 'maxTokens' | 'snapshot' | 'caches' | 'log'>>;

export function checkServerOptions(options: ServerOptions | undefined): CheckedServerOptions {
  const given = checkOptions('app()', options, RULES);
  return {
    aliases: [],
    anyModel: false,
    keys: [],
    parallel: 16,
    queue: 256,
    temperature: 0.2,
    topP: 0.9,
    showPrompts: false,
    cacheMemory: 2 ** 25,
    model: 'smollm2',
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
}

// What all routes of one server share: the model, who waits for it, what was counted, and the switches.

import { shown } from '../base/shown.ts';
import { type CacheSource, freshCaches } from '../generate/cache-source.ts';
import type { Model } from '../model/model.ts';
import { PrefixCache } from '../run/prefix-cache.ts';
import type { SmolLM2 } from '../smollm2.ts';
import { Admission } from './admission.ts';
import { RequestError } from './errors.ts';
import { FormReader } from './form.ts';
import { Metrics } from './metrics.ts';
import type { CheckedServerOptions } from './options.ts';
import { Places } from './places.ts';

interface Loaded {
  readonly smol: SmolLM2;
  readonly caches: CacheSource;
  /** For answers that are to share nothing. */
  readonly ownCaches: CacheSource;
  readonly forms: FormReader;
  readonly fingerprint: string;
}

export class Service {
  readonly options: CheckedServerOptions;
  readonly admission: Admission;
  readonly metrics: Metrics;
  readonly places = new Places();
  readonly created = Math.floor(Date.now() / 1000);
  /** Settles when the model is there, or cannot be had. */
  readonly loading: Promise<void>;
  private loaded: Loaded | undefined;
  private failure: unknown;
  private isDraining = false;
  private readonly idle: (() => void)[] = [];
  private numRequests = 0;

  constructor(smol: SmolLM2 | Promise<SmolLM2>, options: CheckedServerOptions) {
    this.options = options;
    this.admission = new Admission(options.parallel, options.queue);
    this.metrics = new Metrics(this.admission);
    this.loading = this.load(smol);
    this.loading.catch((error) => {
      this.failure = error;
    });
  }

  private async load(given: SmolLM2 | Promise<SmolLM2>): Promise<void> {
    const smol = await given;
    const fingerprint = await smol.systemFingerprint();
    const caches = this.options.caches?.(smol.model) ?? cachesOf(smol.model, this.options.cacheMemory);
    if (this.options.snapshot) {
      const { restoreSnapshot } = await import('../run/snapshot.ts');
      caches.give(await restoreSnapshot(smol.model, this.options.snapshot));
    }
    smol.model.onPass?.((pass) => this.metrics.countPass(pass));
    const ownCaches = freshCaches(smol.model);
    this.loaded = { smol, fingerprint, caches, ownCaches, forms: new FormReader(smol, this.metrics) };
  }

  /** Whether requests are answered. */
  get state(): 'loading' | 'ok' | 'draining' | 'failed' {
    if (this.isDraining) return 'draining';
    if (this.failure !== undefined) return 'failed';
    return this.loaded ? 'ok' : 'loading';
  }

  /** @throws RequestError 503 while there is no model to answer with */
  checkReady(): void {
    if (this.state === 'ok') return;
    throw new RequestError(`server: expected one that is ready, got one that is ${this.state}`, {
      status: 503,
      type: 'unavailable_error',
      code: this.state,
      retryAfter: 1,
    });
  }

  /** The model, for requests that were let in, also when the server drains. */
  get smol(): SmolLM2 {
    return this.parts.smol;
  }

  /** Where a question's answers get their caches. */
  cachesFor({ cachePrompt = true }: { readonly cachePrompt?: boolean }): CacheSource {
    return cachePrompt ? this.parts.caches : this.parts.ownCaches;
  }

  /** Bytes of keys and values: of all caches, and of those that are kept for prompts to come. */
  get cacheBytes(): { all: number; kept: number } {
    const { smol, caches } = this.parts;
    const kept = caches instanceof PrefixCache ? caches.usage.bytes : 0;
    return { all: smol.model.cacheBytes?.() ?? 0, kept };
  }

  get forms(): FormReader {
    return this.parts.forms;
  }

  get fingerprint(): string {
    return this.parts.fingerprint;
  }

  private get parts(): Loaded {
    if (!this.loaded) throw new RangeError('server: expected a model that is loaded, got none');
    return this.loaded;
  }

  /** Counts a request until the returned function is called. */
  begin(): () => void {
    this.numRequests++;
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      this.numRequests--;
      if (this.numRequests === 0) for (const resolve of this.idle.splice(0)) resolve();
    };
  }

  /** Takes no more requests; resolves when the last one has been answered. */
  async drain(): Promise<void> {
    this.isDraining = true;
    if (this.numRequests > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  /** @throws RequestError 404 for a model that is not served here */
  checkModel(name: string | undefined): void {
    const { model, aliases, anyModel } = this.options;
    if (name === undefined || anyModel || name === model || aliases.includes(name)) return;
    throw modelNotFound(name, model);
  }
}

/** Caches that keep beginnings, where there is memory to keep them and the model can share it. */
function cachesOf(model: Model, maxBytes: number): CacheSource {
  return maxBytes > 0 && model.forkCache ? new PrefixCache(model, { maxBytes }) : freshCaches(model);
}

export function modelNotFound(name: string, model: string): RequestError {
  return new RequestError(`model: expected ${model}, got ${shown(name)}`, {
    status: 404,
    type: 'invalid_request_error',
    code: 'model_not_found',
    param: 'model',
  });
}

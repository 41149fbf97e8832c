// What the page and its worker say to each other. Every request names the prompt, the edits and the seed that it is
// for, and its generation: a reply of another generation is dropped by the page.

import type { Edit } from './edits.ts';

export type ModelName = 'stored' | 'nano' | '135m';

/** What is looked at: a prompt, what has been answered so far, and what is changed in the model. */
export interface Subject {
  readonly model: ModelName;
  readonly prompt: string;
  /** Behind the model's chat template, where it has one. */
  readonly chat: boolean;
  readonly answer: readonly number[];
  readonly edits: readonly Edit[];
}

export interface TokenPicture {
  readonly texts: readonly string[];
  readonly ids: readonly number[];
  /** Bytes in hex of a token that is a fragment of a character, else ''. */
  readonly bytes: readonly string[];
  readonly roles: readonly string[];
  /** Bits that each token cost; the first one costs nothing that can be told. */
  readonly surprise: readonly number[];
  /** Likeliest next tokens after each position. */
  readonly next: readonly (readonly Chance[])[];
  readonly hasTemplate: boolean;
  readonly shape: Shape;
}

export interface Shape {
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
}

export interface Chance {
  readonly id: number;
  readonly text: string;
  readonly p: number;
}

/** One operation of a block, for one token. */
export interface OpPicture {
  readonly point: string;
  readonly shape: readonly number[];
  /** The first values of the token's row. */
  readonly cells: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly rms: number;
}

export interface JourneyPicture {
  readonly ops: readonly OpPicture[];
  /** Length of the stream after the embedding and after each layer. */
  readonly lengths: readonly number[];
}

export interface AttentionPicture {
  readonly size: number;
  /** Weights in thousandths: [layer][head] of lower triangles, row after row. */
  readonly weights: readonly (readonly ArrayLike<number>[])[];
}

export interface LensPicture {
  readonly target: Chance;
  readonly rows: readonly {
    readonly layer: number;
    readonly top: readonly Chance[];
    readonly target: number;
  }[];
}

export interface SumPicture {
  readonly target: Chance;
  readonly total: number;
  readonly terms: readonly { readonly component: string; readonly logit: number }[];
  /** Sum of the terms that are not listed. */
  readonly rest: number;
  readonly numTerms: number;
}

export interface SoftmaxPicture {
  readonly top: readonly { readonly id: number; readonly text: string; readonly logit: number }[];
  /** All others, in bins: a representative logit and how many. */
  readonly tail: readonly (readonly [number, number])[];
}

export interface PointPicture {
  readonly points: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly name: string;
  readonly cells: readonly number[];
  readonly numValues: number;
  /** First point whose largest value passes the limit of the breakpoint. */
  readonly found?: { readonly name: string; readonly index: number; readonly value: number };
  /** The same cells by the float64 reference, where it was asked for. */
  readonly reference?: readonly number[];
}

export interface BitsPicture {
  readonly ids: readonly number[];
  readonly texts: readonly string[];
  /** sha256 of the logits' bytes after each token. */
  readonly hashes: readonly string[];
  readonly flipped: boolean;
}

export interface SpeedPicture {
  readonly prefill: number;
  readonly decode: number;
  readonly threads: number;
  readonly why: string;
  readonly engine: string;
  readonly isNoisy: boolean;
  readonly modules: readonly { readonly part: string; readonly ms: number }[];
}

export interface Pictures {
  tokens: TokenPicture;
  journey: JourneyPicture;
  attention: AttentionPicture;
  lens: LensPicture;
  sum: SumPicture;
  softmax: SoftmaxPicture;
  point: PointPicture;
  bits: BitsPicture;
  speed: SpeedPicture;
}
export type PictureName = keyof Pictures;

/** Numbers that a picture depends on besides its subject. */
export interface PictureParams {
  readonly layer?: number;
  readonly token?: number;
  readonly point?: string;
  readonly limit?: number;
  readonly compare?: boolean;
  readonly flip?: boolean;
}

export interface PictureRequest {
  readonly kind: 'picture';
  readonly view: PictureName;
  readonly generation: number;
  readonly seed: number;
  readonly subject: Subject;
  readonly params: PictureParams;
}

export interface Sampling {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
}

export type Request =
  | PictureRequest
  | {
      readonly kind: 'go';
      readonly view: 'go';
      readonly generation: number;
      readonly seed: number;
      readonly subject: Subject;
      readonly sampling: Sampling;
      readonly count: number;
    }
  | { readonly kind: 'stop' }
  | { readonly kind: 'bring'; readonly source: string | File }
  | { readonly kind: 'pause' }
  /** Loads the nano model, so that it is there when something is written. */
  | { readonly kind: 'warm' };

export type Reply =
  | {
      readonly kind: 'picture';
      readonly view: PictureName;
      readonly generation: number;
      readonly key: string;
      readonly picture: Pictures[PictureName];
    }
  | { readonly kind: 'token'; readonly generation: number; readonly chance: Chance }
  | {
      readonly kind: 'done';
      readonly generation: number;
      readonly reason: string;
      readonly perSecond: number;
    }
  | {
      readonly kind: 'progress';
      readonly phase: 'download' | 'load';
      readonly done: number;
      readonly total: number;
    }
  | { readonly kind: 'warm' }
  | { readonly kind: 'ready'; readonly model: ModelName; readonly threads: number; readonly why: string }
  | { readonly kind: 'paused'; readonly done: number }
  | {
      readonly kind: 'error';
      readonly generation?: number;
      readonly about: 'picture' | 'go' | 'bring';
      readonly key?: string;
      readonly message: string;
    };

/** The same request has the same key, and the same picture. */
export function pictureKey(view: PictureName, subject: Subject, params: PictureParams): string {
  const { model, prompt, chat, answer, edits } = subject;
  return JSON.stringify([view, model, prompt, chat, answer, edits, Object.entries(params).sort()]);
}

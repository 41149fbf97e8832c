// The tour: twelve stops, each a picture, a few sentences and a deed. A stop can be skipped, and the address keeps it.

import { START, type State, type ViewName } from './state.ts';

export interface Stop {
  readonly name: string;
  /** Of the course: where it is told from nothing. */
  readonly chapter: string;
  readonly view: ViewName | 'rope';
  /** What the stop sets when it is entered. */
  readonly enter: Partial<State>;
  /** The deed is done when this holds, for the state at the entrance and now, or when a view said so. */
  readonly isDone: (before: State, now: State, deeds: ReadonlySet<string>) => boolean;
}

const fresh: Partial<State> = { answer: [], edits: [], token: undefined, compare: false };

export const STOPS: readonly Stop[] = [
  {
    name: 'guess',
    chapter: '00-start',
    view: 'tokens',
    enter: fresh,
    isDone: (_, now) => now.answer.length > 0,
  },
  {
    name: 'tokens',
    chapter: '01-tokens',
    view: 'tokens',
    enter: fresh,
    isDone: (_, now) => now.token !== undefined,
  },
  {
    name: 'vector',
    chapter: '02-vectors',
    view: 'journey',
    enter: { ...fresh, layer: 23, point: '' },
    isDone: (before, now) => now.point !== before.point && now.point !== '',
  },
  {
    name: 'stream',
    chapter: '03-stream',
    view: 'journey',
    enter: { ...fresh, layer: 23, point: 'model.layers.23.residual_after_attention' },
    isDone: (_, now) => /layers\.\d+$/.test(now.point),
  },
  {
    name: 'norm',
    chapter: '03-stream',
    view: 'journey',
    enter: { ...fresh, layer: 23, point: '' },
    isDone: (_, now) => /layernorm$/.test(now.point),
  },
  {
    name: 'attention',
    chapter: '04-attention',
    view: 'attention',
    enter: { ...fresh, layer: 23, head: 4 },
    isDone: (before, now) => now.head !== before.head || now.layer !== before.layer,
  },
  {
    name: 'surgery',
    chapter: '04-attention',
    view: 'surgery',
    enter: { ...fresh, layer: 23, head: 4 },
    isDone: (_, now) => now.edits.includes('23.4') || (now.model === 'nano' && now.edits.length > 0),
  },
  {
    name: 'rope',
    chapter: '05-rope',
    view: 'rope',
    enter: fresh,
    isDone: (_, __, deeds) => deeds.has('slide'),
  },
  {
    name: 'taps',
    chapter: '06-swiglu',
    view: 'journey',
    enter: { ...fresh, layer: 23, point: 'model.layers.23.mlp.gate_proj' },
    isDone: (_, now) => now.point.endsWith('mlp.act'),
  },
  {
    name: 'lens',
    chapter: '07-forward',
    view: 'lens',
    enter: { ...fresh, layer: 29 },
    isDone: (before, now) => now.layer !== before.layer,
  },
  {
    name: 'throw',
    chapter: '08-sampling',
    view: 'softmax',
    enter: fresh,
    isDone: (_, __, deeds) => deeds.has('throw'),
  },
  {
    name: 'own',
    chapter: '08-sampling',
    view: 'tokens',
    enter: fresh,
    isDone: (before, now) => now.prompt !== before.prompt && now.prompt !== START.prompt,
  },
];

// Everything that is shown follows from this state, and the state stands in the address: a picture can be linked.

import { isEdit } from './engine/edits.ts';
import type { ModelName, Sampling, Subject } from './engine/protocol.ts';

export const ROOMS = ['tour', 'lab', 'train'] as const;
export type Room = (typeof ROOMS)[number];
export const VIEWS = [
  'tokens',
  'journey',
  'attention',
  'lens',
  'sum',
  'softmax',
  'branches',
  'cache',
  'surgery',
  'debugger',
  'bits',
  'speed',
] as const;
export type ViewName = (typeof VIEWS)[number];

export interface State {
  readonly room: Room;
  readonly view: ViewName;
  /** Stop of the tour, from 0. */
  readonly stop: number;
  readonly model: ModelName;
  readonly prompt: string;
  readonly chat: boolean;
  readonly answer: readonly number[];
  /** Chosen token; the last one when undefined. */
  readonly token: number | undefined;
  readonly layer: number;
  readonly head: number;
  readonly edits: readonly string[];
  readonly seed: number;
  readonly newSeed: boolean;
  readonly sampling: Sampling;
  /** Before beside after, in every view. */
  readonly compare: boolean;
  readonly point: string;
  readonly limit: number | undefined;
}

export const FRANCE = 'The capital of France is';

export const START: State = {
  room: 'tour',
  view: 'tokens',
  stop: 0,
  model: 'stored',
  prompt: FRANCE,
  chat: false,
  answer: [],
  token: undefined,
  layer: 23,
  head: 4,
  edits: [],
  seed: 1,
  newSeed: false,
  sampling: { temperature: 1, topK: 0, topP: 1, minP: 0 },
  compare: false,
  point: 'model.layers.0.input_layernorm',
  limit: undefined,
};

const MODELS: readonly ModelName[] = ['stored', 'nano', '135m'];

/** `#lab/attention?p=…&l=23&h=4&off=23.4`; what is as at the start is left out. */
export function toHash(state: State): string {
  const place =
    state.room === 'lab' ? `lab/${state.view}` : state.room === 'tour' ? `tour/${state.stop + 1}` : 'train';
  const query = new URLSearchParams();
  const put = (name: string, value: unknown, usual: unknown) => {
    if (String(value) !== String(usual)) query.set(name, String(value));
  };
  put('m', state.model, START.model);
  put('p', state.prompt, START.prompt);
  put('chat', Number(state.chat), 0);
  put('a', state.answer.join('.'), '');
  put('tok', state.token ?? '', '');
  put('l', state.layer, START.layer);
  put('h', state.head, START.head);
  put('off', state.edits.join(','), '');
  put('seed', state.seed, START.seed);
  put('dice', Number(state.newSeed), 0);
  put('T', state.sampling.temperature, 1);
  put('k', state.sampling.topK, 0);
  put('top-p', state.sampling.topP, 1);
  put('min-p', state.sampling.minP, 0);
  put('both', Number(state.compare), 0);
  put('at', state.point, START.point);
  put('limit', state.limit ?? '', '');
  const text = query.toString();
  return `#${place}${text && `?${text}`}`;
}

/** The state of an address; whatever is not understood is as at the start. */
export function fromHash(hash: string): State {
  const [, place = '', text = ''] = /^#?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  const query = new URLSearchParams(text);
  const [room, where = ''] = place.split('/');
  const number = (name: string, usual: number, low: number, high: number) => {
    const value = Number(query.get(name) ?? usual);
    return Number.isFinite(value) && value >= low && value <= high ? value : usual;
  };
  const whole = (name: string, usual: number, high = 1e6) => Math.trunc(number(name, usual, 0, high));
  const model = query.get('m') as ModelName;
  return {
    ...START,
    room: ROOMS.find((one) => one === room) ?? 'tour',
    view: VIEWS.find((one) => one === where) ?? 'tokens',
    stop: room === 'tour' && /^\d+$/.test(where) ? Math.min(11, Math.max(0, Number(where) - 1)) : 0,
    model: MODELS.includes(model) ? model : 'stored',
    prompt: (query.get('p') ?? START.prompt).slice(0, 4000),
    chat: query.get('chat') === '1',
    answer: (query.get('a') ?? '')
      .split('.')
      .filter(Boolean)
      .map(Number)
      .filter(Number.isSafeInteger)
      .slice(0, 256),
    token: query.has('tok') ? whole('tok', 0) : undefined,
    layer: whole('l', START.layer, 200),
    head: whole('h', START.head, 200),
    edits: (query.get('off') ?? '').split(',').filter(isEdit).slice(0, 400),
    seed: whole('seed', 1, 2 ** 32),
    newSeed: query.get('dice') === '1',
    sampling: {
      temperature: number('T', 1, 0, 5),
      topK: whole('k', 0),
      topP: number('top-p', 1, 0.01, 1),
      minP: number('min-p', 0, 0, 1),
    },
    compare: query.get('both') === '1',
    point: (query.get('at') ?? START.point).slice(0, 80),
    limit: query.has('limit') ? number('limit', 1000, 0, 1e9) : undefined,
  };
}

export function subjectOf({ model, prompt, chat, answer, edits }: State): Subject {
  return { model, prompt, chat, answer, edits };
}

// The numbers of every picture, from a model and a subject. No platform: the worker calls it in a browser, and
// make-first-view.mjs in Node.

import type { Model, SmolLM2 } from 'smollm2';
import {
  activation,
  logitAttribution,
  logitLens,
  rowNorms,
  runForAttention,
  runWithCache,
  streamPoints,
} from 'smollm2/inspect';
import { edited } from './edits.ts';
import { pointNames } from './points.ts';
import type {
  AttentionPicture,
  Chance,
  JourneyPicture,
  LensPicture,
  OpPicture,
  PictureName,
  PictureParams,
  Pictures,
  PointPicture,
  SoftmaxPicture,
  Subject,
  SumPicture,
  TokenPicture,
} from './protocol.ts';

/** Longest subject that is drawn: beyond, maps and traces take more memory than a tab should. */
export const MAX_TOKENS = 256;
const CELLS = 48;
const TERMS = 16;

type Logits = Float32Array | Float64Array;

/** The ids of a subject, and how many of them are the prompt's. */
export async function idsOf(smol: SmolLM2, { prompt, chat, answer }: Subject): Promise<number[]> {
  const { tokenizer, template } = smol;
  if (!chat || !template) return [...tokenizer.encode(prompt), ...answer];
  const text = await template.render([{ role: 'user', content: prompt }], { addGenerationPrompt: true });
  return [...tokenizer.encode(text, { addBos: false }), ...answer];
}

export async function makePicture<Name extends PictureName>(
  name: Name,
  smol: SmolLM2,
  subject: Subject,
  params: PictureParams,
): Promise<Pictures[Name]> {
  const ids = await idsOf(smol, subject);
  if (ids.length === 0)
    throw new RangeError('prompt: expected at least one token, got none; write something');
  if (ids.length > MAX_TOKENS) {
    throw new RangeError(
      `prompt: expected at most ${MAX_TOKENS} tokens, got ${ids.length}; take ${ids.length - MAX_TOKENS} away`,
    );
  }
  const model = edited(smol, subject.edits);
  const make: { [N in PictureName]?: () => Promise<Pictures[N]> } = {
    tokens: () => tokens(smol, model, ids, subject),
    journey: () => journey(model, ids, params),
    attention: () => attention(model, ids),
    lens: () => lens(smol, model, ids),
    sum: () => sum(smol, model, ids),
    softmax: () => softmax(smol, model, ids),
    point: () => point(model, ids, params),
  };
  const made = make[name];
  if (!made) throw new RangeError(`picture: expected one of ${Object.keys(make).join(', ')}, got ${name}`);
  return made() as Promise<Pictures[Name]>;
}

export function textOf(smol: SmolLM2, id: number): string {
  return smol.tokenizer.decode([id]);
}

/** Likeliest `count` ids of a row of logits, with probabilities. */
export function likeliest(smol: SmolLM2, logits: Logits, count: number): Chance[] {
  let max = Number.NEGATIVE_INFINITY;
  for (const value of logits) max = Math.max(max, value);
  let total = 0;
  for (const value of logits) total += Math.exp(value - max);
  return largest(logits, count).map((id) => ({
    id,
    text: textOf(smol, id),
    p: Math.exp(logits[id] - max) / total,
  }));
}

function largest(values: Logits, count: number): number[] {
  const kept: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (kept.length === count && values[i] <= values[kept[count - 1]]) continue;
    let at = kept.length;
    while (at > 0 && values[kept[at - 1]] < values[i]) at--;
    kept.splice(at, 0, i);
    if (kept.length > count) kept.pop();
  }
  return kept;
}

async function allLogits(model: Model, ids: readonly number[]): Promise<Logits[]> {
  const { vocabSize } = model.config;
  const cache = model.newCache(ids.length);
  try {
    const logits = await model.forward(ids, cache, { logits: 'all' });
    return ids.map((_, t) => logits.subarray(t * vocabSize, (t + 1) * vocabSize));
  } finally {
    model.freeCache(cache);
  }
}

async function tokens(smol: SmolLM2, model: Model, ids: number[], subject: Subject): Promise<TokenPicture> {
  const rows = await allLogits(model, ids);
  const surprise = ids.map((id, t) => (t === 0 ? 0 : bitsOf(rows[t - 1], id)));
  const texts = ids.map((id) => textOf(smol, id));
  const { numLayers, numHeads, numKvHeads, headDim, hiddenSize, intermediateSize, vocabSize } = model.config;
  return {
    texts,
    ids,
    bytes: ids.map((id, t) => (texts[t].includes('�') ? hex(smol.tokenizer.tokenBytes(id)) : '')),
    roles: rolesOf(texts, ids.length - subject.answer.length),
    surprise,
    next: rows.map((row) => likeliest(smol, row, 8)),
    hasTemplate: smol.template !== undefined,
    shape: { numLayers, numHeads, numKvHeads, headDim, hiddenSize, intermediateSize, vocabSize },
  };
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ');
}

/** Who speaks at each token: of the template's own marks, system, user, assistant; or text, where there is none. */
function rolesOf(texts: readonly string[], numAsked: number): string[] {
  let role = 'text';
  return texts.map((text, t) => {
    if (t >= numAsked) return 'answer';
    if (text === '<|im_start|>') role = texts[t + 1] ?? 'text';
    return role;
  });
}

function bitsOf(logits: Logits, id: number): number {
  let max = Number.NEGATIVE_INFINITY;
  for (const value of logits) max = Math.max(max, value);
  let total = 0;
  for (const value of logits) total += Math.exp(value - max);
  return (Math.log(total) - (logits[id] - max)) / Math.LN2;
}

async function journey(
  model: Model,
  ids: number[],
  { layer = 0, token }: PictureParams,
): Promise<JourneyPicture> {
  const { numLayers } = model.config;
  const wanted = pointNames(layer);
  const stream = streamPoints(numLayers);
  const cache = await runWithCache(model, ids, [...new Set([...wanted, ...stream])]);
  const t = token ?? ids.length - 1;
  const ops = wanted.map((name): OpPicture => {
    const { values, shape } = activation(cache, name);
    const row = name.endsWith('attn_probs')
      ? Float64Array.from({ length: shape[0] * (t + 1) }, (_, i) => {
          const [h, p] = [Math.floor(i / (t + 1)), i % (t + 1)];
          return values[(h * ids.length + t) * ids.length + p];
        })
      : values.subarray((t * values.length) / ids.length, ((t + 1) * values.length) / ids.length);
    return { point: name, shape, cells: Array.from(row.subarray(0, CELLS)), ...rangeOf(row) };
  });
  return { ops, lengths: stream.map((name) => rowNorms(cache, name)[t]) };
}

function rangeOf(row: Logits): { min: number; max: number; rms: number } {
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of row) {
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value * value;
  }
  return { min, max, rms: Math.sqrt(sum / row.length) };
}

async function attention(model: Model, ids: number[]): Promise<AttentionPicture> {
  const cache = await runForAttention(model, ids);
  const { numLayers, numHeads } = model.config;
  const size = ids.length;
  const weights = Array.from({ length: numLayers }, (_, l) => {
    const { values } = activation(cache, `model.layers.${l}.self_attn.attn_probs`);
    return Array.from({ length: numHeads }, (_, h) => {
      const triangle = new Uint16Array((size * (size + 1)) / 2);
      for (let t = 0, i = 0; t < size; t++) {
        for (let p = 0; p <= t; p++, i++) triangle[i] = Math.round(1000 * values[(h * size + t) * size + p]);
      }
      return triangle;
    });
  });
  return { size, weights };
}

/** What the whole model finds likeliest: pictures follow it through the edited one. */
async function targetOf(smol: SmolLM2, ids: number[]): Promise<Chance> {
  const cache = smol.model.newCache(ids.length);
  try {
    return likeliest(smol, await smol.model.forward(ids, cache), 1)[0];
  } finally {
    smol.model.freeCache(cache);
  }
}

async function lens(smol: SmolLM2, model: Model, ids: number[]): Promise<LensPicture> {
  const target = await targetOf(smol, ids);
  const rows = await logitLens(model, ids, { top: 3, targetId: target.id });
  return {
    target,
    rows: rows.map(({ layer, top, targetLogprob = 0 }) => ({
      layer,
      top: top.map(({ id, logprob }) => ({ id, text: textOf(smol, id), p: Math.exp(logprob) })),
      target: Math.exp(targetLogprob),
    })),
  };
}

async function sum(smol: SmolLM2, model: Model, ids: number[]): Promise<SumPicture> {
  const target = await targetOf(smol, ids);
  const terms = await logitAttribution(model, ids, target.id, { heads: true });
  const total = terms.reduce((all, { logit }) => all + logit, 0);
  const kept = [...terms].sort((a, b) => Math.abs(b.logit) - Math.abs(a.logit)).slice(0, TERMS);
  const rest = total - kept.reduce((all, { logit }) => all + logit, 0);
  return { target, total, terms: kept, rest, numTerms: terms.length };
}

/** Logits below the top ones, binned by quarters: within a bin e^logit is averaged, so at T = 1 nothing is lost. */
async function softmax(smol: SmolLM2, model: Model, ids: number[]): Promise<SoftmaxPicture> {
  const cache = model.newCache(ids.length);
  const logits = await model.forward(ids, cache).finally(() => model.freeCache(cache));
  const best = largest(logits, 40);
  const isTop = new Set(best);
  const bins = new Map<number, { sum: number; count: number }>();
  for (let id = 0; id < logits.length; id++) {
    if (isTop.has(id)) continue;
    const bin = Math.floor(logits[id] * 4);
    const { sum, count } = bins.get(bin) ?? { sum: 0, count: 0 };
    bins.set(bin, { sum: sum + Math.exp(logits[id]), count: count + 1 });
  }
  return {
    top: best.map((id) => ({ id, text: textOf(smol, id), logit: logits[id] })),
    tail: [...bins.values()].map(({ sum, count }) => [Math.log(sum / count), count] as const),
  };
}

async function point(model: Model, ids: number[], params: PictureParams): Promise<PointPicture> {
  const { point: wanted = 'model.embed_tokens', limit, token = ids.length - 1 } = params;
  const points: { name: string; shape: readonly number[] }[] = [];
  let cells: number[] = [];
  let numValues = 0;
  let found: PointPicture['found'];
  const cache = model.newCache(ids.length);
  await model
    .forward(ids, cache, {
      logits: 'all',
      trace: (name, value, shape) => {
        points.push({ name, shape });
        const isWanted = name === wanted;
        if (!isWanted && (limit === undefined || found)) return;
        const values = model.read(value);
        if (isWanted) {
          const rows = name.endsWith('attn_probs') ? 1 : ids.length;
          const size = values.length / rows;
          const from = Math.min(token, rows - 1) * size;
          cells = Array.from(values.subarray(from, from + Math.min(size, CELLS)));
          numValues = size;
        }
        if (limit === undefined || found || name === 'lm_head') return;
        const at = values.findIndex((one) => Math.abs(one) > limit);
        if (at >= 0) found = { name, index: at % (values.length / ids.length), value: values[at] };
      },
    })
    .finally(() => model.freeCache(cache));
  return { points, name: wanted, cells, numValues, found };
}

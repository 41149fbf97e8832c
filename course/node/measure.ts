// The numbers of the chapters, each by the package's own means: traces, hooks, lens, attribution.

import type { SmolLM2 } from 'smollm2';
import {
  ablate,
  logitAttribution,
  logitLens,
  rowNorms,
  runWithCache,
  runWithHooks,
  streamPoints,
} from 'smollm2/inspect';

const SENTENCE = 'The capital of France is';
const LAYER = 23;
const HEAD = 4;
const NEURON = 1297;

export interface Numbers {
  readonly sentence: string;
  /** As they stand in the pages. */
  readonly shown: Record<string, string>;
  /** For pictures. */
  readonly series: Record<string, (number | string)[]>;
}

type Cache = Awaited<ReturnType<typeof runWithCache>>;

const percent = (p: number) => `${(100 * p).toFixed(p < 0.1 ? (p < 0.01 ? 2 : 1) : 1)} %`;
const minus = (text: string) => text.replace('-', '−');
const fixed = (value: number, digits: number) => minus(value.toFixed(digits));
const thousands = (value: number) => value.toLocaleString('en-US');

export async function measured(smol: SmolLM2): Promise<Numbers> {
  const { model, tokenizer } = smol;
  const ids = tokenizer.encode(SENTENCE);
  const shown: Record<string, string> = {};
  const series: Numbers['series'] = {};
  const layer = `model.layers.${LAYER}.self_attn`;
  const points = [
    ...streamPoints(model.config.numLayers),
    'model.layers.0.input_layernorm',
    ...['q_proj', 'q_rope', 'k_rope', 'attn_probs'].map((part) => `${layer}.${part}`),
    ...['gate_proj', 'up_proj', 'act'].map((part) => `model.layers.0.mlp.${part}`),
  ];
  const cache = await runWithCache(model, ids, points);
  const last = ids.length - 1;
  const p = softmax(rowOf(cache.logits, last, model.config.vocabSize));
  const best = Array.from(p.keys())
    .sort((a, b) => p[b] - p[a])
    .slice(0, 10);
  const paris = best[0];
  series.top = best.map((id) => p[id]);
  series.topWords = best.map((id) => tokenizer.decode([id]));
  for (const [n, id] of best.slice(0, 3).entries()) shown[`top.${n + 1}`] = percent(p[id]);
  shown.ids = ids.join(' ');
  shown.parameters = thousands(134_515_008);
  tokens(smol, shown, series);
  await vectors(smol, shown, series);
  stream(cache, shown, series);
  attention(cache, shown, series);
  taps(cache, shown, series);
  temperatures(rowOf(cache.logits, last, model.config.vocabSize), paris, shown, series);
  losses(cache, ids, model.config.vocabSize, shown, series);
  await depth(smol, ids, paris, shown, series);
  await faults(smol, ids, paris, shown, series);
  return { sentence: SENTENCE, shown, series };
}

function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const max = values.reduce((a, b) => Math.max(a, b));
  const raised = values.map((value) => Math.exp(value - max));
  const sum = raised.reduce((a, b) => a + b);
  return raised.map((value) => value / sum);
}

function rowOf(values: Float64Array | Float32Array, row: number, size: number): Float64Array {
  return Float64Array.from(values.subarray(row * size, (row + 1) * size));
}

function valuesOf(cache: Cache, name: string): Float64Array {
  const point = cache.points.get(name);
  if (!point) throw new RangeError(`measure: expected the point ${name}, got none`);
  return Float64Array.from(point.values);
}

function tokens({ tokenizer }: SmolLM2, shown: Record<string, string>, series: Numbers['series']): void {
  // A blank is shown, and a part of a character as its bytes.
  const tile = (id: number) => {
    const text = tokenizer.decode([id]).replace(' ', '␣');
    const bytes = Array.from(tokenizer.tokenBytes(id), (byte) => byte.toString(16).toUpperCase());
    return text.includes('�') ? bytes.join(' ') : text;
  };
  series.tokenTexts = ['strawberry', ' strawberry', '2024', '😀'].map((text) =>
    Array.from(tokenizer.encode(text), tile).join('|'),
  );
  const list = (text: string) => tokenizer.encode(text).join(' ');
  shown['tokens.strawberry'] = list('strawberry');
  shown['tokens.blank-strawberry'] = list(' strawberry');
  shown['tokens.year'] = list('2024');
  shown['tokens.face'] = list('😀');
  shown.vocabulary = thousands(49_152);
}

/** Cosines between rows of the embedding table, read as what a one-token text begins with. */
async function vectors(
  { model, tokenizer }: SmolLM2,
  shown: Record<string, string>,
  series: Numbers['series'],
): Promise<void> {
  series.cosines = [];
  series.cosineNames = [];
  const rowOfWord = async (word: string) =>
    valuesOf(
      await runWithCache(model, tokenizer.encode(word).slice(0, 1), ['model.embed_tokens']),
      'model.embed_tokens',
    );
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);
  const PAIRS = [
    [' France', ' Italy'],
    [' king', ' queen'],
    [' Paris', ' France'],
    [' king', ' banana'],
  ];
  for (const [first, second] of PAIRS) {
    const [a, b] = [await rowOfWord(first), await rowOfWord(second)];
    const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    shown[`cosine.${first.trim()}-${second.trim()}`] = fixed(cosine, 2);
    series.cosines.push(cosine);
    series.cosineNames.push(`${first.trim()}, ${second.trim()}`);
  }
}

function stream(cache: Cache, shown: Record<string, string>, series: Numbers['series']): void {
  const lengths = streamPoints(30).map((name) => rowNorms(cache, name)[4]);
  series.stream = lengths;
  shown['stream.0'] = fixed(lengths[0], 1);
  for (const l of [0, 5, 11, 17, 23, 29]) shown[`stream.${l + 1}`] = fixed(lengths[l + 1], 0);
  const row = rowOf(valuesOf(cache, 'model.embed_tokens'), 4, 576);
  shown['stream.rms'] = fixed(Math.sqrt(row.reduce((sum: number, x: number) => sum + x * x, 0) / 576), 4);
  const normed = rowOf(valuesOf(cache, 'model.layers.0.input_layernorm'), 4, 576);
  shown['stream.normed'] = Array.from(normed.slice(0, 4), (x) => fixed(x, 4)).join(', ');
}

function attention(cache: Cache, shown: Record<string, string>, series: Numbers['series']): void {
  const layer = `model.layers.${LAYER}.self_attn`;
  const q = valuesOf(cache, `${layer}.q_rope`).subarray((4 * 9 + HEAD) * 64, (4 * 9 + HEAD + 1) * 64);
  const keys = valuesOf(cache, `${layer}.k_rope`);
  const scores = Array.from({ length: 5 }, (_, t) => {
    const key = keys.subarray((t * 3 + 1) * 64, (t * 3 + 2) * 64);
    return q.reduce((sum: number, x: number, i: number) => sum + x * key[i], 0) / 8;
  });
  const weights = Array.from(
    valuesOf(cache, `${layer}.attn_probs`).subarray((HEAD * 5 + 4) * 5, (HEAD * 5 + 5) * 5),
  );
  series.scores = scores;
  series.weights = weights;
  series.words = [...'The capital of France is'.split(' ').map((word, n) => (n ? ` ${word}` : word))];
  for (const t of scores.keys()) {
    shown[`score.${t}`] = fixed(scores[t], 2);
    shown[`weight.${t}`] = fixed(weights[t], 3);
  }
  const before = valuesOf(cache, `${layer}.q_proj`).subarray((4 * 9 + HEAD) * 64, (4 * 9 + HEAD + 1) * 64);
  shown['rope.before'] = `(${fixed(before[0], 4)}, ${fixed(before[32], 4)})`;
  shown['rope.after'] = `(${fixed(q[0], 4)}, ${fixed(q[32], 4)})`;
  shown['rope.slowest'] = fixed(4 * 100_000 ** (-62 / 64), 7);
  series.pair = [before[0], before[32], q[0], q[32]];
}

function taps(cache: Cache, shown: Record<string, string>, series: Numbers['series']): void {
  const row = (part: string) => rowOf(valuesOf(cache, `model.layers.0.mlp.${part}`), 4, 1536);
  const [gate, up, act] = [row('gate_proj'), row('up_proj'), row('act')];
  const z = gate[NEURON];
  shown['tap.gate'] = fixed(z, 3);
  shown['tap.silu'] = fixed(z / (1 + Math.exp(-z)), 3);
  shown['tap.up'] = fixed(up[NEURON], 3);
  shown['tap.act'] = fixed(act[NEURON], 3);
  shown['tap.negative'] = thousands(gate.filter((value) => value < 0).length);
  shown['tap.size'] = thousands(1536);
  series.gates = Array.from(gate)
    .sort((a, b) => a - b)
    .filter((_, i) => i % 48 === 0);
}

function temperatures(
  logits: Float64Array | Float32Array,
  paris: number,
  shown: Record<string, string>,
  series: Numbers['series'],
): void {
  const HEATS = [0.5, 1, 1.5, 2];
  series.heats = HEATS.map((heat) => softmax(Array.from(logits, (x) => x / heat))[paris]);
  for (const [n, heat] of HEATS.entries()) shown[`heat.${heat}`] = percent(Number(series.heats[n]));
}

function losses(
  cache: Cache,
  ids: readonly number[],
  vocabSize: number,
  shown: Record<string, string>,
  series: Numbers['series'],
): void {
  const own = ids.slice(1).map((id, t) => -Math.log(softmax(rowOf(cache.logits, t, vocabSize))[id]));
  series.losses = own;
  for (const [t, loss] of own.entries()) shown[`loss.${t + 1}`] = fixed(loss, 2);
  shown['loss.mean'] = fixed(own.reduce((a, b) => a + b) / own.length, 2);
  shown['loss.knows-nothing'] = fixed(Math.log(vocabSize), 2);
  shown['loss.knows-nothing-nano'] = fixed(Math.log(2048), 2);
}

async function depth(
  { model }: SmolLM2,
  ids: readonly number[],
  paris: number,
  shown: Record<string, string>,
  series: Numbers['series'],
): Promise<void> {
  const lens = await logitLens(model, ids, { targetId: paris });
  series.lens = lens.map(({ targetLogprob = -99 }) => Math.exp(targetLogprob));
  for (const { layer, targetLogprob = -99 } of lens.slice(-4))
    shown[`lens.${layer}`] = percent(Math.exp(targetLogprob));
  const terms = await logitAttribution(model, ids, paris, { heads: true });
  const sorted = [...terms].sort((a, b) => b.logit - a.logit).slice(0, 8);
  series.termNames = sorted.map(({ component }) => component);
  series.terms = sorted.map(({ logit }) => logit);
  for (const [n, { component, logit }] of sorted.slice(0, 3).entries())
    shown[`term.${n + 1}`] = `${component} ${logit < 0 ? '−' : '+'}${Math.abs(logit).toFixed(2)}`;
}

/** The sentence with a fault put in by hooks: what Paris still gets. */
async function faults(
  { model }: SmolLM2,
  ids: readonly number[],
  paris: number,
  shown: Record<string, string>,
  series: Numbers['series'],
): Promise<void> {
  const { numLayers, vocabSize } = model.config;
  const ask = (logits: Float64Array | Float32Array) =>
    softmax(rowOf(logits, ids.length - 1, vocabSize))[paris];
  const without = await ablate(model, ids, { heads: [{ layer: LAYER, head: HEAD }] });
  shown['without-head'] = percent(ask(without));
  const everywhere = async (
    parts: readonly string[],
    change: (
      part: string,
      layer: number,
      stored: Map<string, Float64Array>,
    ) => (values: Float64Array | Float32Array) => void,
  ) => {
    const stored = new Map<string, Float64Array>();
    const hooks = Object.fromEntries(
      Array.from({ length: numLayers }, (_, l) =>
        parts.map((part) => [`model.layers.${l}.${part}`, change(part, l, stored)] as const),
      ).flat(),
    );
    return ask(await runWithHooks(model, ids, hooks));
  };
  const curve = (activation: (z: number) => number) =>
    everywhere(['mlp.gate_proj', 'mlp.up_proj', 'mlp.act'], (part, _layer, stored) => (values) => {
      if (part !== 'mlp.act') stored.set(part, Float64Array.from(values));
      else
        for (let i = 0; i < values.length; i++)
          values[i] =
            activation((stored.get('mlp.gate_proj') ?? [])[i] ?? 0) *
            ((stored.get('mlp.up_proj') ?? [])[i] ?? 0);
    });
  const turn = (rotate: (x: Float64Array, pos: number) => Float64Array) =>
    everywhere(
      ['self_attn.q_proj', 'self_attn.q_rope', 'self_attn.k_proj', 'self_attn.k_rope'],
      (part, _layer, stored) => (values) => {
        if (part.endsWith('_proj')) stored.set(part, Float64Array.from(values));
        else {
          const plain = stored.get(part.replace('_rope', '_proj')) ?? new Float64Array(values.length);
          const numHeads = values.length / ids.length / 64;
          for (let head = 0; head < values.length / 64; head++) {
            values.set(
              rotate(plain.slice(head * 64, (head + 1) * 64), Math.floor(head / numHeads)),
              head * 64,
            );
          }
        }
      },
    );
  const rope = (theta: number, pairOf: (j: number) => [number, number]) => (x: Float64Array, pos: number) => {
    const out = x.slice();
    for (let j = 0; j < 32; j++) {
      const [a, b] = pairOf(j);
      const angle = pos * theta ** (-j / 32);
      out[a] = x[a] * Math.cos(angle) - x[b] * Math.sin(angle);
      out[b] = x[b] * Math.cos(angle) + x[a] * Math.sin(angle);
    }
    return out;
  };
  const gelu = (z: number) => (z / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)));
  const results: [string, number][] = [
    ['right', await turn(rope(100_000, (j) => [j, j + 32]))],
    ['neighbours', await turn(rope(100_000, (j) => [2 * j, 2 * j + 1]))],
    ['no-rope', await turn((x) => x)],
    ['theta', await turn(rope(10_000, (j) => [j, j + 32]))],
    ['gelu', await curve(gelu)],
  ];
  for (const [name, share] of results) shown[`fault.${name}`] = percent(share);
  series.faultNames = results.map(([name]) => name);
  series.faults = results.map(([, share]) => share);
}

// Causes in the weights: read in the wrong order, from the wrong place, unpacked wrongly, or damaged.

import type { DType } from '../../base/dtype.ts';
import { isProjection, LAYER_POINTS, placeOf, pointName, streamBefore } from '../../model/points.ts';
import { judge } from '../fit.ts';
import { ranges, wrongWeights } from '../narrow.ts';
import type { Suspect } from '../suspect.ts';
import {
  type BlockFault,
  renamed,
  transposed,
  type WeightSource,
  withPermutedHeads,
} from '../weight-source.ts';
import type { Cause, Hypothesis } from './cause.ts';

const LAYER_LINEAR = LAYER_POINTS.filter(({ rule }) => rule === 'linear').map(({ part }) => part);
const LINEAR = [...LAYER_LINEAR, 'lm_head'];
const WEIGHTED = [...LINEAR, 'input_layernorm', 'post_attention_layernorm', 'norm', 'embed_tokens'];

const layerNumber = (name: string): number | undefined => placeOf(name).layer;
const inLayer = (name: string, layer: number): string => name.replace(/layers\.\d+\./, `layers.${layer}.`);

/** Two layers exchanged, or one in another's place. */
function layerHypotheses(suspect: Suspect): Hypothesis[] {
  const { numLayers } = suspect.candidate.config;
  if (!suspect.far) {
    const { layer } = suspect;
    if (layer === undefined) return [];
    return Array.from({ length: numLayers }, (_, other) => other)
      .filter((other) => other !== layer)
      .map((other) => ({
        variant: {
          applies: (_: string, at: number | undefined) => at === layer,
          weights: (weights) => renamed(weights, (name) => inLayer(name, other)),
        },
        detail: `the weights of layer ${other} fit instead of those of layer ${layer}`,
      }));
  }
  const layers = [...suspect.behind].flatMap((name) => layerNumber(name) ?? []);
  const [first, last] = [Math.min(...layers), Math.max(...layers)];
  const pairs = Array.from({ length: Math.max(0, last - first) }, (_, n) => [first + n, first + n + 1]);
  return pairs.map(([a, b]) => ({
    variant: {
      applies: (_: string, at: number | undefined) => at === a || at === b,
      weights: (weights) => renamed(weights, (name) => inLayer(name, layerNumber(name) === a ? b : a)),
    },
    detail: `layers ${a} and ${b}`,
  }));
}

/** A layer that is left out, so that what follows reads the stream before it. */
function skippedLayers({ far, part, layer, behind, candidate }: Suspect): Hypothesis[] {
  const { numLayers } = candidate.config;
  const skip = (skipped: number): Hypothesis => {
    const out = pointName(skipped, 'layer');
    return {
      variant: { reads: (_, input) => (input === out ? streamBefore(skipped) : input) },
      detail: `layer ${skipped} is left out`,
    };
  };
  if (far) return [...new Set([...behind].flatMap((name) => layerNumber(name) ?? []))].map(skip);
  if (part === 'norm') return [skip(numLayers - 1)];
  return part === 'input_layernorm' && layer ? [skip(layer - 1)] : [];
}

/** Another tensor of the same shape in this layer, or this tensor of another layer. */
function tensorHypotheses({ name, part, layer, weights, candidate, far }: Suspect): Hypothesis[] {
  const tensor = `${name}.weight`;
  const shape = weights?.shape(tensor)?.join();
  if (far || !weights || !shape) return [];
  const norms = Array.from({ length: candidate.config.numLayers }, (_, l) =>
    ['input_layernorm', 'post_attention_layernorm'].map((norm) => pointName(l, norm)),
  ).flat();
  const own = layer === undefined ? [] : LAYER_POINTS.map((point) => pointName(layer, point.part));
  const names = /norm$/.test(part) ? [...norms, 'model.norm'] : own;
  return names
    .map((other) => `${other}.weight`)
    .filter((other) => other !== tensor && weights.shape(other)?.join() === shape)
    .map((other) => ({
      variant: {
        weights: (view: WeightSource) => renamed(view, (asked) => (asked === tensor ? other : asked)),
      },
      detail: `${other} fits instead of ${tensor}`,
    }));
}

function transposedHypotheses({ name, part, weights, far }: Suspect): Hypothesis[] {
  const tensor = part === 'lm_head' ? 'model.embed_tokens.weight' : `${name}.weight`;
  if (!far && weights?.shape(tensor) && (isProjection(part) || part === 'lm_head')) {
    return [
      {
        variant: { weights: (view) => transposed(view, (asked) => asked === tensor) },
        detail: `${tensor} is read transposed`,
      },
    ];
  }
  // Through many layers: the square matrices, which nobody notices.
  const square = (asked: string) => /self_attn\.(q|o)_proj\.weight$/.test(asked);
  const hypothesis = (what: RegExp, detail: string): Hypothesis => ({
    variant: {
      applies: (own) => what.test(own),
      weights: (view) => transposed(view, (asked) => square(asked) && what.test(asked)),
    },
    detail,
  });
  return far
    ? [
        hypothesis(/o_proj/, 'every o_proj is read transposed'),
        hypothesis(/q_proj/, 'every q_proj is read transposed'),
        hypothesis(/[qo]_proj/, 'every q_proj and o_proj is read transposed'),
      ]
    : [];
}

/** Heads whose share of o_proj is missing, found one after the other by `narrow`. */
function deadHeads({ part, observed, candidate, numRows, estimate }: Suspect): Hypothesis[] {
  if (!/attn_out|q_rope|k_rope|[qkv]_proj/.test(part) || observed.known) return [];
  const { headDim } = candidate.config;
  const numHeads = observed.values.length / numRows / headDim;
  const headOf = (i: number) => Math.floor(i / headDim) % numHeads;
  const isZero = new Array<boolean>(numHeads).fill(true);
  observed.values.forEach((value, i) => {
    if (value !== 0) isZero[headOf(i)] = false;
  });
  const dead = isZero.flatMap((zero, h) => (zero ? [h] : []));
  if (dead.length === 0 || estimate.values.length === 0) return [];
  const output = (values: Float64Array) => values.map((value, i) => (isZero[headOf(i)] ? 0 : value));
  return [{ variant: { applies: (own) => own === part, output }, detail: `heads ${ranges(dead)} are zero` }];
}

/** One head that does not reach o_proj, where nothing else of attention was traced. */
function lostHeads({ part, candidate, far, layer }: Suspect): Hypothesis[] {
  if (part !== 'self_attn.o_proj' || far) return [];
  const { numHeads, headDim } = candidate.config;
  return Array.from({ length: numHeads }, (_, head) => ({
    variant: {
      applies: (own: string, at: number | undefined) => own === part && at === layer,
      linearInput: (x: Float64Array) =>
        x.map((value, i) => (Math.floor(i / headDim) % numHeads === head ? 0 : value)),
    },
    detail: `head ${head} does not reach o_proj`,
  }));
}

/** Sums that stop before the last inputs, or leave out the first. */
function shortSums({ weights, name, part }: Suspect): Hypothesis[] {
  const tensor = part === 'lm_head' ? 'model.embed_tokens.weight' : `${name}.weight`;
  const inSize = weights?.shape(tensor)?.at(-1) ?? weights?.config.hiddenSize ?? 0;
  const cuts = [...Array.from({ length: 16 }, (_, n) => n + 1), 24, 32, 48, 64, 96, 128, 256];
  const kept = (isKept: (i: number, size: number) => boolean) => (x: Float64Array, size: number) =>
    x.map((value, i) => (isKept(i % size, size) ? value : 0));
  return cuts
    .filter((cut) => cut < inSize)
    .flatMap((cut) => [
      {
        variant: { linearInput: kept((i, size) => i < size - cut) },
        detail: `the last ${cut} inputs are left out`,
      },
      { variant: { linearInput: kept((i) => i >= cut) }, detail: `the first ${cut} inputs are left out` },
    ]);
}

/** Single weights that are off, or rows of zeros: the corrected matrix must explain everything. */
async function corruptWeights(suspect: Suspect) {
  const found = suspect.far ? undefined : wrongWeights(suspect);
  if (!found) return undefined;
  const values = suspect.estimate.values.slice();
  found.correct(values);
  const judgement = judge(suspect.observed, { ...suspect.estimate, values });
  return { fit: 1, leaves: judgement.worst, detail: found.finding };
}

interface BlockParts {
  readonly bytes: number;
  readonly scale: number;
  readonly min?: number;
  readonly quants: number;
}

/** Where blocks of 32 keep their scale (f16), their minimum, and their quants. */
const BLOCKS: Partial<Record<DType, BlockParts>> = {
  Q4_0: { bytes: 18, scale: 0, quants: 2 },
  Q4_1: { bytes: 20, scale: 0, min: 2, quants: 4 },
  Q5_0: { bytes: 22, scale: 0, quants: 6 },
  Q5_1: { bytes: 24, scale: 0, min: 2, quants: 8 },
  Q8_0: { bytes: 34, scale: 0, quants: 2 },
};

type BlockEdit = (out: Uint8Array, begin: number, block: BlockParts, from: Uint8Array, next: number) => void;

function editing(
  edit: BlockEdit,
  has: (block: BlockParts, dtype: DType) => boolean = () => true,
): BlockFault {
  return (bytes, dtype, rowBytes) => {
    const block = BLOCKS[dtype];
    if (!block || !has(block, dtype)) return undefined;
    const out = bytes.slice();
    for (let begin = 0; begin < bytes.length; begin += block.bytes) {
      const inRow = begin % rowBytes;
      const next = begin - inRow + ((inRow + block.bytes) % rowBytes);
      edit(out, begin, block, bytes, next);
    }
    return out;
  };
}

const isNibbles = (_: BlockParts, dtype: DType): boolean => dtype === 'Q4_0' || dtype === 'Q4_1';

const BLOCK_FAULTS: readonly [string, BlockFault][] = [
  [
    'low and high nibbles exchanged',
    editing((out, begin, { quants, bytes }) => {
      for (let i = begin + quants; i < begin + bytes; i++) out[i] = ((out[i] << 4) | (out[i] >> 4)) & 0xff;
    }, isNibbles),
  ],
  [
    'nibbles taken in turn (0 1, 2 3, …) instead of low ones first',
    editing((out, begin, { quants, bytes }, from) => {
      const nibble = (i: number) => {
        const byte = from[begin + quants + (i % 16)];
        return i < 16 ? byte & 15 : byte >> 4;
      };
      // Value i of the faulty program is the nibble that stands i-th in memory.
      const turned = (i: number) => nibble((i >> 1) + (i % 2) * 16);
      for (let i = 0; i < bytes - quants; i++) out[begin + quants + i] = turned(i) | (turned(i + 16) << 4);
    }, isNibbles),
  ],
  [
    'minima forgotten',
    editing(
      (out, begin, { min = 0 }) => out.fill(0, begin + min, begin + min + 2),
      ({ min }) => min !== undefined,
    ),
  ],
  [
    'scale and minimum exchanged',
    editing(
      (out, begin, { min = 0, scale }, from) => {
        out.set(from.subarray(begin + min, begin + min + 2), begin + scale);
        out.set(from.subarray(begin + scale, begin + scale + 2), begin + min);
      },
      ({ min }) => min !== undefined,
    ),
  ],
  [
    "each block with the next one's scale",
    editing((out, begin, { scale }, from, next) =>
      out.set(from.subarray(next + scale, next + scale + 2), begin + scale),
    ),
  ],
  [
    "each block with the next one's scale and minimum",
    editing(
      (out, begin, { quants }, from, next) => out.set(from.subarray(next, next + Math.min(4, quants)), begin),
      ({ min }) => min !== undefined,
    ),
  ],
  [
    'each block with the scale of the one before',
    (bytes, dtype, rowBytes) => {
      const block = BLOCKS[dtype];
      if (!block) return undefined;
      const out = bytes.slice();
      for (let begin = 0; begin < bytes.length; begin += block.bytes) {
        const inRow = begin % rowBytes;
        const before = begin - inRow + ((inRow + rowBytes - block.bytes) % rowBytes);
        out.set(bytes.subarray(before, before + 2), begin);
      }
      return out;
    },
  ],
];

function blockHypotheses({ weights }: Suspect): Hypothesis[] {
  const { misread } = weights ?? {};
  if (!misread) return [];
  return BLOCK_FAULTS.map(([detail, fault]) => {
    const wrong = misread(fault);
    return { variant: { weights: () => wrong }, detail };
  });
}

export const WEIGHT_CAUSES: readonly Cause[] = [
  {
    id: 'bias-missing',
    summary: 'projections without their bias',
    advice:
      'Qwen2 models add a bias to q, k and v, Llama models where attention_bias or mlp_bias asks for one',
    parts: LAYER_LINEAR,
    needsWeights: true,
    hypotheses: ({ candidate: { config } }) =>
      config.qkvBias || config.mlpBias ? [{ variant: { withoutBias: true }, detail: 'no bias' }] : [],
  },
  {
    id: 'qk-permuted',
    summary: 'query and key rows left in the order of a Llama-type GGUF file',
    advice: 'undo the permutation when reading, or rotate neighbours instead of halves',
    parts: ['self_attn.q_proj', 'self_attn.k_proj'],
    needsWeights: true,
    hypotheses: () => [{ variant: { weights: withPermutedHeads }, detail: 'rows interleaved' }],
  },
  {
    id: 'tied-head',
    summary: 'logits from the embedding table although the file has a matrix of their own',
    advice: 'use lm_head.weight when tie_word_embeddings is false',
    parts: ['lm_head'],
    needsWeights: true,
    hypotheses: ({ weights }) =>
      weights?.shape('lm_head.weight')
        ? [
            {
              variant: {
                applies: (part) => part === 'lm_head',
                weights: (view) => renamed(view, (name) => name.replace('lm_head', 'model.embed_tokens')),
              },
              detail: 'embedding table as head',
            },
          ]
        : [],
  },
  {
    id: 'weight-blocks',
    summary: 'quantised blocks that are unpacked wrongly',
    advice: "a block's scale, minimum and quants: see the drawings in src/quant",
    parts: WEIGHTED,
    needsWeights: true,
    hypotheses: blockHypotheses,
  },
  {
    id: 'weight-transposed',
    summary: 'a matrix that is read transposed',
    advice: 'rows are outputs: [outSize, inSize]',
    parts: LINEAR,
    needsWeights: true,
    hypotheses: transposedHypotheses,
  },
  {
    id: 'layers-exchanged',
    summary: 'layers in the wrong order',
    advice: 'layers run by their number, 2 before 10 (names sort otherwise)',
    parts: WEIGHTED,
    needsWeights: true,
    hypotheses: layerHypotheses,
  },
  {
    id: 'tensors-exchanged',
    summary: 'another tensor of the same shape',
    advice: 'look at the names by which weights are found',
    parts: WEIGHTED,
    needsWeights: true,
    near: true,
    hypotheses: tensorHypotheses,
  },
  {
    id: 'layer-skipped',
    slow: true,
    summary: 'a layer that is left out',
    advice: 'count the layers that run: num_hidden_layers of the config',
    parts: ['layer', 'norm', 'input_layernorm'],
    hypotheses: skippedLayers,
  },
  {
    id: 'dead-heads',
    summary: 'heads that give nothing',
    advice: 'look at the loop over heads, and at head pruning',
    parts: [
      'self_attn.q_proj',
      'self_attn.k_proj',
      'self_attn.v_proj',
      'self_attn.attn_out',
      'self_attn.o_proj',
    ],
    near: true,
    hypotheses: (suspect) => [...deadHeads(suspect), ...lostHeads(suspect)],
  },
  {
    id: 'short-sum',
    summary: 'a matrix product that leaves inputs out',
    advice: 'the loop over inputs must reach the last one, also where they do not fill a block',
    parts: LINEAR,
    needsWeights: true,
    near: true,
    hypotheses: shortSums,
  },
  {
    id: 'corrupt-weight',
    summary: 'weights that are damaged',
    advice: 'compare the bytes of the tensor with the file',
    parts: LINEAR,
    needsWeights: true,
    near: true,
    test: corruptWeights,
  },
];

// What SmolLM2 has learned: every tensor by name and shape, and how a checkpoint's tensors are bound to them.

import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import type { Engine, GateUpWeights, Matrix, QkvWeights, Vector } from '../ops.ts';

/** The two matrices beside one W: low-rank.ts. */
export interface LowRank {
  readonly a: Matrix; // [rank, inSize]
  readonly b: Matrix; // [outSize, rank], the scale in it
}

/** The matrices of a layer that may have one beside them. */
export const ADAPTED = {
  qProj: 'self_attn.q_proj',
  kProj: 'self_attn.k_proj',
  vProj: 'self_attn.v_proj',
  oProj: 'self_attn.o_proj',
  gateProj: 'mlp.gate_proj',
  upProj: 'mlp.up_proj',
  downProj: 'mlp.down_proj',
} as const;

export type LayerAdapters = Partial<Record<keyof typeof ADAPTED, LowRank>>;

/** Weights of one decoder layer (HF `LlamaDecoderLayer`). */
export interface LayerWeights {
  readonly inputNorm: Vector; // [hiddenSize]
  /** qProj [numHeads · headDim, hiddenSize], kProj and vProj [numKvHeads · headDim, hiddenSize], biases [rows]. */
  readonly qkv: QkvWeights;
  readonly oProj: Matrix; // [hiddenSize, numHeads · headDim]
  readonly oBias?: Vector; // [hiddenSize]
  readonly postAttentionNorm: Vector; // [hiddenSize]
  readonly gateUp: GateUpWeights; // gateProj and upProj [intermediateSize, hiddenSize], biases [intermediateSize]
  readonly downProj: Matrix; // [hiddenSize, intermediateSize]
  readonly downBias?: Vector; // [hiddenSize]
  readonly adapters?: LayerAdapters;
}

export interface Weights {
  readonly embedTokens: Matrix; // [vocabSize, hiddenSize]
  readonly layers: readonly LayerWeights[];
  readonly norm: Vector; // [hiddenSize]
  readonly lmHead: Matrix; // [vocabSize, hiddenSize]; the same handle as embedTokens where tied
}

/** Of the adapters beside these weights, all of one rank; 0 where there are none. */
export function rankOf({ layers }: Weights): number {
  for (const { adapters = {} } of layers) for (const { a } of Object.values(adapters)) return a.outSize;
  return 0;
}

/** Every weight once, in the order of the forward pass. */
export function* eachWeight({ embedTokens, layers, norm, lmHead }: Weights): Generator<Vector | Matrix> {
  yield embedTokens;
  for (const layer of layers) {
    const {
      inputNorm,
      qkv,
      oProj,
      oBias,
      postAttentionNorm,
      gateUp,
      downProj,
      downBias,
      adapters = {},
    } = layer;
    const { qProj, kProj, vProj, qBias, kBias, vBias } = qkv;
    const { gateProj, upProj, gateBias, upBias } = gateUp;
    const attention = [inputNorm, qProj, kProj, vProj, qBias, kBias, vBias, oProj, oBias];
    const mlp = [postAttentionNorm, gateProj, upProj, gateBias, upBias, downProj, downBias];
    for (const weight of [...attention, ...mlp]) if (weight) yield weight;
    for (const { a, b } of Object.values(adapters)) yield* [a, b];
  }
  yield norm;
  if (lmHead !== embedTokens) yield lmHead;
}

/**
 * Loads every tensor of a model into an engine, in the order of the forward pass.
 *
 * @param tensors tensors by HuggingFace name; names and shapes have been checked against the config; and those of
 *                an adapter, by PEFT's (src/format/attach-adapter.ts)
 * @param onBytes called with the number of file bytes after each piece that was loaded
 */
export async function loadWeights(
  engine: Engine,
  config: ModelConfig,
  tensors: ReadonlyMap<string, Tensor>,
  onBytes?: (bytes: number) => void,
): Promise<Weights> {
  const find = (name: string): Tensor => {
    const tensor = tensors.get(name);
    if (!tensor) throw new RangeError(`weights: expected a tensor ${name}, got none`);
    return tensor;
  };
  const vector = async (name: string) => {
    const tensor = find(name);
    const loaded = await engine.loadVector(tensor);
    onBytes?.(tensor.byteLength);
    return loaded;
  };
  const matrix = (name: string) => engine.loadMatrix(find(name), onBytes);
  const bias = (has: boolean | undefined, name: string) => (has ? vector(name) : Promise.resolve(undefined));

  const embedTokens = await matrix('model.embed_tokens.weight');
  const layers: LayerWeights[] = [];
  for (let l = 0; l < config.numLayers; l++) {
    const name = (part: string) => `model.layers.${l}.${part}`;
    layers.push({
      inputNorm: await vector(name('input_layernorm.weight')),
      qkv: {
        qProj: await matrix(name('self_attn.q_proj.weight')),
        kProj: await matrix(name('self_attn.k_proj.weight')),
        vProj: await matrix(name('self_attn.v_proj.weight')),
        qBias: await bias(config.qkvBias, name('self_attn.q_proj.bias')),
        kBias: await bias(config.qkvBias, name('self_attn.k_proj.bias')),
        vBias: await bias(config.qkvBias, name('self_attn.v_proj.bias')),
      },
      oProj: await matrix(name('self_attn.o_proj.weight')),
      oBias: await bias(config.oBias, name('self_attn.o_proj.bias')),
      postAttentionNorm: await vector(name('post_attention_layernorm.weight')),
      gateUp: {
        gateProj: await matrix(name('mlp.gate_proj.weight')),
        upProj: await matrix(name('mlp.up_proj.weight')),
        gateBias: await bias(config.mlpBias, name('mlp.gate_proj.bias')),
        upBias: await bias(config.mlpBias, name('mlp.up_proj.bias')),
      },
      downProj: await matrix(name('mlp.down_proj.weight')),
      downBias: await bias(config.mlpBias, name('mlp.down_proj.bias')),
      adapters: await loadAdapters(`model.layers.${l}`, (name) => tensors.has(name), matrix),
    });
  }
  const norm = await vector('model.norm.weight');
  const lmHead = config.tiedEmbeddings ? embedTokens : await matrix('lm_head.weight');
  return { embedTokens, layers, norm, lmHead };
}

async function loadAdapters(
  layer: string,
  has: (name: string) => boolean,
  matrix: (name: string) => Promise<Matrix>,
): Promise<LayerAdapters | undefined> {
  const found: [string, LowRank][] = [];
  for (const [key, part] of Object.entries(ADAPTED)) {
    const [a, b] = ['A', 'B'].map((letter) => `${layer}.${part}.lora_${letter}.weight`);
    if (has(a)) found.push([key, { a: await matrix(a), b: await matrix(b) }]);
  }
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}

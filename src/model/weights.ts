// What SmolLM2 has learned: every tensor by name and shape, and how a checkpoint's tensors are bound to them.

import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import type { Engine, GateUpWeights, Matrix, QkvWeights, Vector } from '../ops.ts';

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
}

export interface Weights {
  readonly embedTokens: Matrix; // [vocabSize, hiddenSize]
  readonly layers: readonly LayerWeights[];
  readonly norm: Vector; // [hiddenSize]
  readonly lmHead: Matrix; // [vocabSize, hiddenSize]; the same handle as embedTokens where tied
}

/** Every weight once, in the order of the forward pass. */
export function* eachWeight({ embedTokens, layers, norm, lmHead }: Weights): Generator<Vector | Matrix> {
  yield embedTokens;
  for (const { inputNorm, qkv, oProj, oBias, postAttentionNorm, gateUp, downProj, downBias } of layers) {
    const { qProj, kProj, vProj, qBias, kBias, vBias } = qkv;
    const { gateProj, upProj, gateBias, upBias } = gateUp;
    const attention = [inputNorm, qProj, kProj, vProj, qBias, kBias, vBias, oProj, oBias];
    const mlp = [postAttentionNorm, gateProj, upProj, gateBias, upBias, downProj, downBias];
    for (const weight of [...attention, ...mlp]) if (weight) yield weight;
  }
  yield norm;
  if (lmHead !== embedTokens) yield lmHead;
}

/**
 * Loads every tensor of a model into an engine, in the order of the forward pass.
 *
 * @param tensors tensors by HuggingFace name; names and shapes have been checked against the config
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
    });
  }
  const norm = await vector('model.norm.weight');
  const lmHead = config.tiedEmbeddings ? embedTokens : await matrix('lm_head.weight');
  return { embedTokens, layers, norm, lmHead };
}

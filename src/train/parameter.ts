// What is learned, one parameter after another: values, their gradient, and how src/model sees them.

import type { ModelConfig } from '../config.ts';
import { expectedTensors } from '../format/expected.ts';
import type { Weights } from '../model/weights.ts';
import type { Matrix, Vector } from '../ops.ts';

/** A low-rank addition to a frozen matrix: y += scale · (x · aᵀ) · bᵀ (Hu et al. 2021). */
export interface Adapter<V extends Vector = Vector> {
  readonly a: Parameter<V>; // [rank, inSize]
  readonly b: Parameter<V>; // [outSize, rank]
  readonly scale: number;
}

/** One tensor of a model in training; src/model takes it for a Matrix or a Vector. */
export interface Parameter<V extends Vector = Vector> extends Matrix, Vector {
  /** HF name. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: V;
  /** Of the same length; absent where the parameter is frozen. */
  readonly gradient?: V;
  /** LoRA, where there is one. */
  adapter?: Adapter<V>;
}

/** A parameter from its parts. */
export function parameter<V extends Vector>(
  name: string,
  shape: readonly number[],
  values: V,
  gradient?: V,
): Parameter<V> {
  const length = shape.reduce((product, size) => product * size, 1);
  return { name, shape, length, outSize: shape[0], inSize: length / shape[0], values, gradient };
}

/** The parameters as src/model wants them. */
export function bindWeights(config: ModelConfig, parameters: ReadonlyMap<string, Parameter>): Weights {
  const find = (name: string): Parameter => {
    const found = parameters.get(name);
    if (!found) throw new RangeError(`parameters: expected one named ${name}, got none`);
    return found;
  };
  const embedTokens = find('model.embed_tokens.weight');
  const layers = Array.from({ length: config.numLayers }, (_, l) => {
    const at = (part: string) => find(`model.layers.${l}.${part}`);
    const bias = (has: boolean | undefined, part: string) => (has ? at(part) : undefined);
    return {
      inputNorm: at('input_layernorm.weight'),
      qkv: {
        qProj: at('self_attn.q_proj.weight'),
        kProj: at('self_attn.k_proj.weight'),
        vProj: at('self_attn.v_proj.weight'),
        qBias: bias(config.qkvBias, 'self_attn.q_proj.bias'),
        kBias: bias(config.qkvBias, 'self_attn.k_proj.bias'),
        vBias: bias(config.qkvBias, 'self_attn.v_proj.bias'),
      },
      oProj: at('self_attn.o_proj.weight'),
      oBias: bias(config.oBias, 'self_attn.o_proj.bias'),
      postAttentionNorm: at('post_attention_layernorm.weight'),
      gateUp: {
        gateProj: at('mlp.gate_proj.weight'),
        upProj: at('mlp.up_proj.weight'),
        gateBias: bias(config.mlpBias, 'mlp.gate_proj.bias'),
        upBias: bias(config.mlpBias, 'mlp.up_proj.bias'),
      },
      downProj: at('mlp.down_proj.weight'),
      downBias: bias(config.mlpBias, 'mlp.down_proj.bias'),
    };
  });
  const lmHead = config.tiedEmbeddings ? embedTokens : find('lm_head.weight');
  return { embedTokens, layers, norm: find('model.norm.weight'), lmHead };
}

/** Name and shape of every parameter of a model, in the order of the forward pass: the order of all arrays. */
export function parameterShapes(config: ModelConfig): ReadonlyMap<string, readonly number[]> {
  return expectedTensors(config);
}

// What other programs call the points of a forward pass: HuggingFace modules, llama.cpp's graph
// (eval-callback), TransformerLens hooks. Everything becomes the HuggingFace name.

import { GGUF_STEMS } from '../format/gguf-names.ts';
import { LAYER_POINTS, pointName } from '../model/points.ts';

/**
 * Names of llama.cpp's graph, `name-layer`; RoPE keeps the name of its input, told apart by the operation.
 */
const LLAMA_CPP: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  Qcur: 'self_attn.q_proj',
  Kcur: 'self_attn.k_proj',
  Vcur: 'self_attn.v_proj',
  'Qcur (ROPE)': 'self_attn.q_rope',
  'Kcur (ROPE)': 'self_attn.k_rope',
  kq_soft_max: 'self_attn.attn_probs',
  kqv_out: 'self_attn.attn_out',
  attn_out: 'self_attn.o_proj',
  ffn_inp: 'residual_after_attention',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_swiglu: 'mlp.act',
  ffn_gate_par: 'mlp.act',
  ffn_out: 'mlp.down_proj',
  l_out: 'layer',
};
const LLAMA_CPP_MODEL: Readonly<Record<string, string>> = {
  inp_embd: 'model.embed_tokens',
  embd: 'model.embed_tokens',
  result_norm: 'model.norm',
  result_output: 'lm_head',
};

/**
 * Hooks of TransformerLens, `blocks.{layer}.{hook}`. Its normalised hooks show no point of ours: no weight
 * yet.
 */
const TRANSFORMER_LENS: Readonly<Record<string, string>> = {
  'attn.hook_q': 'self_attn.q_proj',
  'attn.hook_k': 'self_attn.k_proj',
  'attn.hook_v': 'self_attn.v_proj',
  'attn.hook_rot_q': 'self_attn.q_rope',
  'attn.hook_rot_k': 'self_attn.k_rope',
  'attn.hook_pattern': 'self_attn.attn_probs',
  'attn.hook_z': 'self_attn.attn_out',
  hook_attn_out: 'self_attn.o_proj',
  hook_resid_mid: 'residual_after_attention',
  'mlp.hook_pre': 'mlp.gate_proj',
  'mlp.hook_pre_linear': 'mlp.up_proj',
  'mlp.hook_post': 'mlp.act',
  hook_mlp_out: 'mlp.down_proj',
  hook_resid_post: 'layer',
};

/** Parts of a HuggingFace block; a whole branch is its last projection. */
const HF_PARTS: Readonly<Record<string, string>> = {
  self_attn: 'self_attn.o_proj',
  mlp: 'mlp.down_proj',
};
const IN_LAYER: ReadonlySet<string> = new Set(LAYER_POINTS.map(({ part }) => part));

/** How the axes of points with heads stand when their sizes alone do not say. */
export type Dialect = 'huggingface' | 'llama.cpp' | 'transformer-lens';

/** The canonical name and the dialect it came from; undefined for a tensor that shows no point of ours. */
export function canonicalName(raw: string): { name: string; dialect: Dialect } | undefined {
  const llama = /^(.+?)-(\d+)(?: \((\w+)\))?$/.exec(raw);
  if (llama) {
    const [, stem, layer, op] = llama;
    const part = LLAMA_CPP[op === 'ROPE' ? `${stem} (ROPE)` : stem];
    if (!part || (op && op !== 'ROPE')) return undefined;
    return { name: pointName(Number(layer), part), dialect: 'llama.cpp' };
  }
  if (Object.hasOwn(LLAMA_CPP_MODEL, raw)) return { name: LLAMA_CPP_MODEL[raw], dialect: 'llama.cpp' };
  const lens = /^blocks\.(\d+)\.(.+)$/.exec(raw);
  if (lens) {
    if (lens[1] === '0' && lens[2] === 'hook_resid_pre') {
      return { name: 'model.embed_tokens', dialect: 'transformer-lens' };
    }
    const part = TRANSFORMER_LENS[lens[2]];
    return part ? { name: pointName(Number(lens[1]), part), dialect: 'transformer-lens' } : undefined;
  }
  if (raw === 'hook_embed') return { name: 'model.embed_tokens', dialect: 'transformer-lens' };
  const name = huggingFaceName(raw);
  return name === undefined ? undefined : { name, dialect: 'huggingface' };
}

/** Names of GGUF tensors, under which candle and others dump outputs: these, and `blk.{layer}.{stem}` by GGUF_STEMS. */
const GGUF_MODEL: Readonly<Record<string, string>> = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
};

/**
 * HuggingFace's names as other frameworks spell them: paths with slashes and the node at their end (ONNX: only nodes
 * that are a module's output), `layers_0` and `__call__` (Flax).
 */
function respelt(raw: string): string {
  const onnx =
    /^\/?(.*_proj|lm_head)\/MatMul(?:_output_0|\/output_0)$/.exec(raw) ??
    /^\/?(.*norm)\/(?:LayerNorm\/output_0|LayerNorm_output_0|Mul_1_output_0)$/.exec(raw) ??
    /^\/?(.*embed_tokens)\/Gather(?:_output_0|\/output_0)$/.exec(raw);
  const path = onnx?.[1].replaceAll('/attn/', '/self_attn/') ?? raw;
  return path
    .replaceAll('/', '.')
    .replace(/^params\./, '')
    .replace(/\.__call__(?:\.\d+)?$/, '')
    .replace(/\blayers_(\d+)\b/, 'layers.$1');
}

function huggingFaceName(raw: string): string | undefined {
  const block = /^blk\.(\d+)\.(\w+)$/.exec(raw);
  if (block) {
    return Object.hasOwn(GGUF_STEMS, block[2])
      ? pointName(Number(block[1]), GGUF_STEMS[block[2]])
      : undefined;
  }
  if (Object.hasOwn(GGUF_MODEL, raw)) return GGUF_MODEL[raw];
  const bare = respelt(raw)
    .replace(/^(?:module\.|_orig_mod\.|base_model\.model\.|model\.(?=model\.))+/, '')
    .replace(/\.output(?:\.0)?$/, '');
  if (/^(?:model\.)?(?:embed_tokens|norm)$/.test(bare)) return `model.${bare.replace('model.', '')}`;
  if (bare === 'lm_head' || bare === 'logits') return 'lm_head';
  const layer = /^(?:model\.)?layers\.(\d+)(?:\.(.+))?$/.exec(bare);
  if (!layer) return undefined;
  const part = layer[2] ?? 'layer';
  if (layer[2] === 'layer' || !(IN_LAYER.has(part) || Object.hasOwn(HF_PARTS, part))) return undefined;
  return pointName(Number(layer[1]), HF_PARTS[part] ?? part);
}

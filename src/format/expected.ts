// Names and shapes of all tensors of a model, as its config demands them (HF `LlamaForCausalLM.state_dict`).

import type { ModelConfig } from '../config.ts';

/** Shape of every tensor by HuggingFace name, in the order of the forward pass. */
export function expectedTensors(config: ModelConfig): Map<string, number[]> {
  const { vocabSize, hiddenSize, intermediateSize, numHeads, numKvHeads, headDim } = config;
  const qSize = numHeads * headDim;
  const kvSize = numKvHeads * headDim;
  const shapes = new Map<string, number[]>();
  shapes.set('model.embed_tokens.weight', [vocabSize, hiddenSize]);
  for (let l = 0; l < config.numLayers; l++) {
    const add = (part: string, shape: number[]) => shapes.set(`model.layers.${l}.${part}`, shape);
    add('input_layernorm.weight', [hiddenSize]);
    add('self_attn.q_proj.weight', [qSize, hiddenSize]);
    add('self_attn.k_proj.weight', [kvSize, hiddenSize]);
    add('self_attn.v_proj.weight', [kvSize, hiddenSize]);
    if (config.qkvBias) {
      add('self_attn.q_proj.bias', [qSize]);
      add('self_attn.k_proj.bias', [kvSize]);
      add('self_attn.v_proj.bias', [kvSize]);
    }
    add('self_attn.o_proj.weight', [hiddenSize, qSize]);
    if (config.oBias) add('self_attn.o_proj.bias', [hiddenSize]);
    add('post_attention_layernorm.weight', [hiddenSize]);
    add('mlp.gate_proj.weight', [intermediateSize, hiddenSize]);
    add('mlp.up_proj.weight', [intermediateSize, hiddenSize]);
    if (config.mlpBias) {
      add('mlp.gate_proj.bias', [intermediateSize]);
      add('mlp.up_proj.bias', [intermediateSize]);
    }
    add('mlp.down_proj.weight', [hiddenSize, intermediateSize]);
    if (config.mlpBias) add('mlp.down_proj.bias', [hiddenSize]);
  }
  shapes.set('model.norm.weight', [hiddenSize]);
  if (!config.tiedEmbeddings) shapes.set('lm_head.weight', [vocabSize, hiddenSize]);
  return shapes;
}

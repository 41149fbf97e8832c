// What a difference looks like when a program is wrong in a known way: each hypothesis is a network that has
// the fault, run on the candidate's own inputs. The one that explains the numbers is the cause.

import { ropeFrequencies } from '../base/rotations.ts';
import type { Cause, Hypothesis, ParameterSearch, TestedCause } from './cause.ts';
import type { Variant } from './expectation.ts';
import {
  activationHypotheses,
  epsHypotheses,
  epsSearch,
  GELUS,
  maskHypotheses,
  OTHER_ACTIVATIONS,
  scaledOutput,
  scaleHypotheses,
  scaleSearch,
  thetaHypotheses,
  thetaSearch,
} from './hypotheses.ts';
import { rounded } from './precision.ts';
import { PRECISION_CAUSES } from './precision-causes.ts';
import { fitVariant, type Suspect } from './suspect.ts';
import { withPermutedHeads } from './weight-source.ts';

const ROPE = ['self_attn.q_rope', 'self_attn.k_rope'];
const NORMS = ['input_layernorm', 'post_attention_layernorm', 'norm'];
const ATTENTION = ['self_attn.attn_probs', 'self_attn.attn_out'];

const always =
  (variant: Variant, detail: string): (() => Hypothesis[]) =>
  () => [{ variant, detail }];

/** Every cause that `diff` knows, the more specific first. */
export const CAUSES: readonly Cause[] = [
  {
    id: 'rope-interleaved',
    summary: 'RoPE that rotates neighbours (0 1, 2 3, …) instead of halves',
    advice:
      'rotate_half: pair channel j with j + headDim / 2; Llama-type GGUF files need either this or permuted rows',
    parts: ROPE,
    hypotheses: always({ rope: { interleaved: true } }, 'neighbours rotate'),
  },
  {
    id: 'rope-theta',
    summary: 'another base of the rotary frequencies',
    advice: 'rope_theta of the config: 100000 in SmolLM2-135M and 360M, 130000 in 1.7B',
    parts: ROPE,
    hypotheses: thetaHypotheses,
    search: thetaSearch,
  },
  {
    id: 'position-offset',
    summary: 'positions that start at another number',
    advice: 'the first token of a sequence is at position 0, and the cache must not be counted twice',
    parts: ROPE,
    hypotheses: () =>
      [1, -1, 2, -2].map((startPos) => ({
        variant: { rope: { startPos } },
        detail: `first position ${startPos}`,
      })),
  },
  {
    id: 'rope-missing',
    summary: 'no rotation at all',
    advice: 'query and key heads are rotated before the scores',
    parts: ROPE,
    hypotheses: always({ rope: 'none' }, 'heads left as projected'),
  },
  {
    id: 'rope-reversed',
    summary: 'a rotation the wrong way round',
    advice: 'first = x1·cos - x2·sin, second = x2·cos + x1·sin',
    parts: ROPE,
    hypotheses: always({ rope: { reversed: true } }, 'sign of the sine'),
  },
  {
    id: 'rope-scaling',
    summary: "rotary frequencies without the model's scaling (llama3)",
    advice: 'apply rope_scaling of the config to the frequencies',
    parts: ROPE,
    hypotheses: ({ candidate: { config } }) =>
      config.ropeScaling
        ? [
            {
              variant: { rope: { frequencies: ropeFrequencies({ ...config, ropeScaling: undefined }) } },
              detail: 'plain frequencies',
            },
          ]
        : [],
  },
  {
    id: 'rope-frequency-rounding',
    summary: 'rotary frequencies rounded to 16 bits',
    advice:
      'keep inv_freq in float32: model.to(dtype) casts it with the rest, loading with the dtype does not',
    parts: ROPE,
    hypotheses: ({ candidate }) =>
      (['bf16', 'f16'] as const).map((format) => ({
        variant: {
          rope: { frequencies: rounded(format, candidate.frequencies ?? ropeFrequencies(candidate.config)) },
        },
        detail: `inv_freq in ${format}`,
      })),
  },
  {
    id: 'attention-scale',
    summary: 'scores that are not divided by √headDim',
    advice: 'scores are q · k / √headDim, once',
    parts: ['self_attn.attn_probs'],
    hypotheses: scaleHypotheses,
    search: scaleSearch,
  },
  {
    id: 'kv-head-order',
    summary: 'key and value heads repeated in the wrong order',
    advice: 'query head h reads kv head ⌊h / group⌋ (repeat_interleave), not h mod numKvHeads (tile)',
    parts: ATTENTION,
    hypotheses: ({ candidate: { config } }) =>
      config.numKvHeads > 1 && config.numKvHeads < config.numHeads
        ? [{ variant: { attention: { tiled: true } }, detail: 'tiled instead of interleaved' }]
        : [],
  },
  {
    id: 'attention-mask',
    summary: 'a wrong attention mask',
    advice: 'position t sees positions 0 … t, itself included',
    parts: ['self_attn.attn_probs'],
    hypotheses: maskHypotheses,
  },
  {
    id: 'rmsnorm-eps',
    summary: 'another eps in RMSNorm',
    advice: 'rms_norm_eps of the config, added to the mean square',
    parts: NORMS,
    hypotheses: epsHypotheses,
    search: epsSearch,
  },
  {
    id: 'rmsnorm-eps-outside-root',
    summary: 'eps added after the root instead of under it',
    advice: 'x / sqrt(mean(x²) + eps)',
    parts: NORMS,
    hypotheses: always({ norm: { epsOutside: true } }, 'x / (sqrt(mean(x²)) + eps)'),
  },
  {
    id: 'rmsnorm-placement',
    summary: 'a norm that reads the wrong stream',
    advice: 'post_attention_layernorm reads the stream after attention was added',
    parts: ['post_attention_layernorm'],
    hypotheses: () => [
      {
        variant: { normSource: 'stream-before-attention' },
        detail: 'it reads the stream before attention was added',
      },
      { variant: { normSource: 'attention-branch' }, detail: "it reads attention's output alone" },
    ],
  },
  {
    id: 'layernorm',
    summary: 'LayerNorm (mean taken away) instead of RMSNorm',
    advice: 'RMSNorm does not centre its input',
    parts: NORMS,
    hypotheses: always({ norm: { centred: true } }, 'mean taken away'),
  },
  {
    id: 'norm-weight-plus-one',
    summary: 'a norm that scales by 1 + weight',
    advice: 'Llama-type norms scale by the weight itself',
    parts: NORMS,
    hypotheses: always({ norm: { plusOne: true } }, '1 + weight'),
  },
  {
    id: 'gate-up-swapped',
    summary: 'gate and up projections swapped',
    advice: 'silu applies to gate_proj; fused files hold gate first',
    parts: ['mlp.gate_proj', 'mlp.up_proj', 'mlp.act'],
    hypotheses: always({ swapsGateAndUp: true }, 'each is the other'),
  },
  {
    id: 'gelu-instead-of-silu',
    summary: 'GELU where the model has SiLU',
    advice: 'hidden_act is silu: z / (1 + exp(-z))',
    parts: ['mlp.act'],
    hypotheses: () => activationHypotheses(GELUS),
  },
  {
    id: 'wrong-activation',
    summary: 'another activation than SiLU',
    advice: 'hidden_act is silu: z / (1 + exp(-z))',
    parts: ['mlp.act'],
    hypotheses: () => activationHypotheses(OTHER_ACTIVATIONS),
  },
  {
    id: 'residual-missing',
    summary: 'a branch that is not added to the stream',
    advice: 'x = x + attention(norm(x)); x = x + mlp(norm(x))',
    parts: ['residual_after_attention', 'layer'],
    hypotheses: always({ dropsResidual: true }, 'the branch alone'),
  },
  {
    id: 'bias-missing',
    summary: 'query, key and value projections without their bias',
    advice: 'Qwen2 models add a bias to q, k and v',
    parts: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
    needsWeights: true,
    hypotheses: ({ candidate: { config } }) =>
      config.qkvBias ? [{ variant: { withoutBias: true }, detail: 'no bias' }] : [],
  },
  {
    id: 'qk-permuted',
    summary: 'query and key rows left in the order of a Llama-type GGUF file',
    advice: 'undo the permutation when reading, or rotate neighbours instead of halves',
    parts: ['self_attn.q_proj', 'self_attn.k_proj'],
    needsWeights: true,
    hypotheses: ({ weights }) =>
      weights ? [{ variant: { weights: withPermutedHeads(weights) }, detail: 'rows interleaved' }] : [],
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
                weights: {
                  config: weights.config,
                  shape: (name) => weights.shape(name),
                  rows: (name, begin, end) =>
                    weights.rows(name.replace('lm_head', 'model.embed_tokens'), begin, end),
                },
              },
              detail: 'embedding table as head',
            },
          ]
        : [],
  },
  {
    id: 'scaled-output',
    summary: 'a constant factor on the whole point',
    advice: 'no embedding, logit or residual multiplier belongs to this architecture',
    parts: ['embed_tokens', 'lm_head', 'norm', 'layer', 'self_attn.o_proj', 'mlp.down_proj'],
    ceiling: 0.99,
    hypotheses: scaledOutput,
  },
  ...PRECISION_CAUSES,
];

/** Fit from which a cause is named. */
export const NAMED_FIT = 0.9;

/** `mean` is what the best hypothesis leaves over, in units of the bound. */
type RankedCause = TestedCause & { readonly mean: number };

async function testCause(suspect: Suspect, cause: Cause): Promise<RankedCause | undefined> {
  const ceiling = cause.ceiling ?? 1;
  let best: RankedCause | undefined;
  const test = async ({ variant, detail }: Hypothesis): Promise<number> => {
    const judged = await fitVariant(suspect, variant);
    if (!judged) return Number.POSITIVE_INFINITY;
    const fit = Math.min(judged.fit, ceiling);
    const better = !best || fit > best.fit + 1e-9 || (fit > best.fit - 1e-9 && judged.mean < best.mean);
    if (better) best = { cause: cause.id, fit, detail, mean: judged.mean };
    return judged.left;
  };
  for (const hypothesis of (await cause.hypotheses?.(suspect)) ?? []) await test(hypothesis);
  const search = cause.search?.(suspect);
  if (search && (best?.fit ?? 0) < SEARCHED_FIT) await searchParameter(search, test);
  const own = await cause.test?.(suspect);
  return own ? { cause: cause.id, fit: Math.min(own.fit, ceiling), detail: own.detail, mean: 0 } : best;
}

/** A fit from which a parameter needs no search. */
const SEARCHED_FIT = 0.99;
const GRID_STEPS = 16;
const REFINEMENTS = 24;

/** The value that leaves least: the best of an even grid, refined by golden section. */
async function searchParameter(
  search: ParameterSearch,
  test: (hypothesis: Hypothesis) => Promise<number>,
): Promise<void> {
  const [low, high] = [Math.log(search.low), Math.log(search.high)];
  const step = (high - low) / GRID_STEPS;
  const at = (x: number) => test(search.hypothesis(Math.exp(x)));
  let best = { x: low, left: Number.POSITIVE_INFINITY };
  for (let n = 0; n <= GRID_STEPS; n++) {
    const x = low + n * step;
    const left = await at(x);
    if (left < best.left) best = { x, left };
  }
  if (!Number.isFinite(best.left)) return;
  const golden = (Math.sqrt(5) - 1) / 2;
  let [begin, end] = [best.x - step, best.x + step];
  let inner = [end - golden * (end - begin), begin + golden * (end - begin)];
  let left = [await at(inner[0]), await at(inner[1])];
  for (let n = 0; n < REFINEMENTS; n++) {
    if (left[0] < left[1]) {
      end = inner[1];
      inner = [end - golden * (end - begin), inner[0]];
      left = [await at(inner[0]), left[0]];
    } else {
      begin = inner[0];
      inner = [inner[1], begin + golden * (end - begin)];
      left = [left[1], await at(inner[1])];
    }
  }
}

/** Tests every cause that can show at the suspect; best first. `skipped` names those that need weights. */
export async function testCauses(
  suspect: Suspect,
  causes: readonly Cause[] = CAUSES,
): Promise<{ tested: TestedCause[]; skipped: string[] }> {
  const tested: RankedCause[] = [];
  const skipped: string[] = [];
  for (const cause of causes) {
    if (!cause.parts.some((part) => part === '*' || suspect.parts.has(part))) continue;
    if (cause.needsWeights && !suspect.weights?.shape('model.embed_tokens.weight')) {
      skipped.push(cause.id);
      continue;
    }
    const best = await testCause(suspect, cause);
    if (best) tested.push(best);
  }
  // Where several explain everything, the one that leaves least is meant; the sort is stable, so specific
  // ones stay.
  tested.sort((a, b) => (Math.abs(a.fit - b.fit) > 1e-6 ? b.fit - a.fit : a.mean - b.mean));
  return { tested: tested.map(({ cause, fit, detail }) => ({ cause, fit, detail })), skipped };
}

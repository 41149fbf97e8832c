// Causes in RMSNorm, and in which stream a norm or a residual reads.

import { inputsOf, placeOf, pointName, streamBefore } from '../../model/points.ts';
import { snapped, solveEps } from '../solve.ts';
import type { Suspect } from '../suspect.ts';
import type { Variant } from '../variant.ts';
import { allOf } from '../weight-source.ts';
import type { Cause, Hypothesis, ParameterSearch } from './cause.ts';

const NORMS = ['input_layernorm', 'post_attention_layernorm', 'norm'];

/** One change of the rule, in every norm, in the last one and in those of the layers. */
function inNorms(norm: Variant['norm'], detail: string): Hypothesis[] {
  return [
    { variant: { norm }, detail },
    inFinalNorm({ variant: { norm }, detail }),
    { variant: { norm, applies: (part) => part !== 'norm' }, detail: `${detail}, in the layers` },
  ];
}

function inFinalNorm({ variant, detail }: Hypothesis): Hypothesis {
  return {
    variant: { ...variant, applies: (part) => part === 'norm' },
    detail: `${detail}, in the final norm`,
  };
}

const USUAL_EPS = [1e-6, 1e-5, 1e-8, 1e-12, 0, 1e-3, 1e-4, 1e-2];

/** Those of the values that are not the model's own eps, which a file may hold in float32. */
const othersThan = (own: number, values: readonly number[]) =>
  values.filter((eps) => Math.abs(eps - own) > 1e-6 * own);

/** Eps solved from the rows, where input and output were traced, and the usual ones: everywhere, in the final norm. */
async function epsHypotheses(suspect: Suspect): Promise<Hypothesis[]> {
  const { rmsNormEps } = suspect.candidate.config;
  const values = new Set(othersThan(rmsNormEps, USUAL_EPS));
  const source = inputOfNorm(suspect);
  const weightName = `${suspect.name}.weight`;
  if (source && !suspect.observed.known && suspect.weights?.shape(weightName)) {
    const solved = solveEps(source, suspect.observed.values, await allOf(suspect.weights, weightName));
    if (solved !== undefined && solved > 0) values.add(solved).add(snapped(solved, 1e-2));
  }
  const everywhere = [...values].map((eps) => epsHypothesis(eps, rmsNormEps));
  const isOneOfSeveral = suspect.parts.has('norm') && suspect.parts.size > 2;
  return isOneOfSeveral ? [...everywhere, ...everywhere.map(inFinalNorm)] : everywhere;
}

function epsHypothesis(eps: number, expected: number): Hypothesis {
  return {
    variant: { norm: { eps } },
    detail: `eps ${Number(eps.toPrecision(4))}, expected ${Number(expected.toPrecision(4))}`,
  };
}

/** Eps where the norm was not traced. */
function epsSearch({ candidate: { config } }: Suspect): ParameterSearch {
  return { low: 1e-8, high: 1e-1, hypothesis: (eps) => epsHypothesis(eps, config.rmsNormEps) };
}

function inputOfNorm({ part, name, activations, candidate }: Suspect): Float64Array | undefined {
  if (!NORMS.includes(part)) return undefined;
  return activations.whole(inputsOf(name, candidate.config.numLayers)[0]);
}

/** A norm that was left out (its output is its input), or applied twice. */
function timesHypotheses(): Hypothesis[] {
  return [...inNorms({ times: 0 }, 'it is left out'), ...inNorms({ times: 2 }, 'it is applied twice')];
}

/** Which stream a module reads. */
function streamHypotheses(): Hypothesis[] {
  const reads = (part: string, other: (layer: number) => string) => ({
    reads: (name: string, input: string) => {
      const place = placeOf(name);
      return place.part === part && place.layer !== undefined ? other(place.layer) : input;
    },
  });
  return [
    {
      variant: reads('post_attention_layernorm', streamBefore),
      detail: 'it reads the stream before attention was added',
    },
    {
      variant: reads('post_attention_layernorm', (layer) => pointName(layer, 'self_attn.o_proj')),
      detail: "it reads attention's output alone",
    },
  ];
}

function residualHypotheses(): Hypothesis[] {
  const adds = (part: string, normed: string, detail: string): Hypothesis => ({
    variant: {
      reads: (name, input) => {
        const { layer, part: own } = placeOf(name);
        const isStream = own === part && layer !== undefined && !/_proj$/.test(input);
        return isStream ? pointName(layer, normed) : input;
      },
    },
    detail,
  });
  const attention = adds(
    'residual_after_attention',
    'input_layernorm',
    'attention is added to the norm’s output',
  );
  const mlp = adds('layer', 'post_attention_layernorm', 'the MLP is added to the norm’s output');
  const start: Hypothesis = {
    variant: {
      reads: (name, input) => {
        const { layer, part } = placeOf(name);
        return part === 'layer' && layer !== undefined && /residual/.test(input)
          ? streamBefore(layer)
          : input;
      },
    },
    detail: 'the MLP is added to the stream before attention: attention is lost',
  };
  const reads = (name: string, input: string) => {
    const other = attention.variant.reads?.(name, input) ?? input;
    return other === input ? (mlp.variant.reads?.(name, input) ?? input) : other;
  };
  return [
    attention,
    mlp,
    { variant: { reads }, detail: 'both branches are added to the norms’ outputs' },
    start,
  ];
}

function missingResiduals(): Hypothesis[] {
  const dropped = (part: string, detail: string): Hypothesis => ({
    variant: { dropsResidual: true, applies: (own) => own === part },
    detail,
  });
  return [
    { variant: { dropsResidual: true }, detail: 'the branch alone' },
    dropped('residual_after_attention', 'attention alone'),
    dropped('layer', 'the MLP alone'),
  ];
}

export const NORM_CAUSES: readonly Cause[] = [
  {
    id: 'norm-weight-plus-one',
    summary: 'a norm that scales by 1 + weight',
    advice: 'Llama-type norms scale by the weight itself',
    parts: NORMS,
    hypotheses: () => inNorms({ plusOne: true }, '1 + weight'),
  },
  {
    id: 'norm-weight-missing',
    summary: 'a norm without its weight',
    advice: 'RMSNorm multiplies x / rms with the weight of each channel',
    parts: NORMS,
    hypotheses: () => inNorms({ withoutWeight: true }, 'x / rms alone'),
  },
  {
    id: 'layernorm',
    summary: 'LayerNorm (mean taken away) instead of RMSNorm',
    advice: 'RMSNorm does not centre its input',
    parts: NORMS,
    hypotheses: () => inNorms({ centred: true }, 'mean taken away'),
  },
  {
    id: 'rmsnorm-mean',
    summary: 'a norm by something else than the mean of squares',
    advice: 'x / sqrt(mean(x²) + eps): the mean over the channels, not their sum',
    parts: NORMS,
    hypotheses: ({ candidate: { config } }) => [
      ...inNorms({ divisor: 1 }, 'the sum of squares'),
      ...inNorms({ divisor: config.hiddenSize - 1 }, 'the sum of squares over n - 1'),
      ...inNorms({ absolute: true }, 'the mean of absolute values'),
    ],
  },
  {
    id: 'norm-count',
    summary: 'a norm that is left out or applied twice',
    advice: 'each branch has one norm before it, and one stands before the head',
    parts: NORMS,
    hypotheses: timesHypotheses,
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
    hypotheses: ({ candidate: { config } }) =>
      [config.rmsNormEps, ...othersThan(config.rmsNormEps, [1e-6, 1e-5])].flatMap((eps) =>
        inNorms({ epsOutside: true, eps }, `x / (sqrt(mean(x²)) + ${Number(eps.toPrecision(3))})`),
      ),
  },
  {
    id: 'rmsnorm-placement',
    summary: 'a norm that reads the wrong stream',
    advice: 'post_attention_layernorm reads the stream after attention was added',
    parts: ['post_attention_layernorm'],
    hypotheses: streamHypotheses,
  },
  {
    id: 'residual-missing',
    summary: 'a branch that is not added to the stream',
    advice: 'x = x + attention(norm(x)); x = x + mlp(norm(x))',
    parts: ['residual_after_attention', 'layer'],
    hypotheses: missingResiduals,
  },
  {
    id: 'residual-source',
    summary: 'a branch that is added to the wrong stream',
    advice: 'x = x + attention(norm(x)): the norm is read by the branch only',
    parts: ['residual_after_attention', 'layer'],
    hypotheses: residualHypotheses,
  },
];

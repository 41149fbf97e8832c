// How a program may differ from the network of the paper, as changes of the rules by which points are computed.

import type { AttentionRule, RopeRule } from './attention-bounds.ts';
import type { Gate, NormRule } from './bounds.ts';
import type { WeightSource } from './weight-source.ts';

/** One difference; an empty one is none. */
export interface Variant {
  /** Where it holds; everywhere when absent. `layer` is undefined for the points outside of layers. */
  readonly applies?: (part: string, layer: number | undefined) => boolean;
  readonly norm?: Partial<NormRule>;
  readonly rope?: Partial<RopeRule> | 'none';
  readonly attention?: Partial<AttentionRule>;
  readonly gate?: Gate;
  /** `residual_after_attention` or `layer` without the stream that should be added. */
  readonly dropsResidual?: boolean;
  readonly withoutBias?: boolean;
  /** The point that is read where `input` should be. */
  readonly reads?: (name: string, input: string) => string;
  /** Rewrites the input rows [numRows, inSize] of every matrix product. */
  readonly linearInput?: (x: Float64Array, inSize: number) => Float64Array;
  /** Rewrites a point before the modules that split it into heads read it: q before RoPE, v before mixing. */
  readonly split?: (x: Float64Array, numHeads: number) => Float64Array;
  /** Rewrites what attention reads from its cache (keys, values), and what they are multiplied with. */
  readonly cached?: (x: Float64Array, part: string) => Float64Array;
  readonly uncached?: (x: Float64Array) => Float64Array;
  /** Rewrites the values of the point itself. */
  readonly output?: (values: Float64Array, numRows: number) => Float64Array;
  readonly ids?: (ids: readonly number[]) => readonly number[];
  readonly weights?: (weights: WeightSource) => WeightSource;
}

/** Several differences in one program, those that hold at a point. */
export function variantAt(variants: readonly Variant[], part: string, layer: number | undefined): Variant {
  const here = variants.filter(({ applies }) => !applies || applies(part, layer));
  if (here.length <= 1) return here[0] ?? {};
  return here.reduce(both);
}

/** Both differences at once; where they are about the same number, the second counts. */
function both(first: Variant, second: Variant): Variant {
  return {
    norm: { ...first.norm, ...second.norm },
    rope: ropeOfBoth(first.rope, second.rope),
    attention: { ...first.attention, ...second.attention },
    gate: second.gate ?? first.gate,
    dropsResidual: first.dropsResidual || second.dropsResidual,
    withoutBias: first.withoutBias || second.withoutBias,
    reads: (name, input) => {
      const other = first.reads?.(name, input) ?? input;
      return other === input ? (second.reads?.(name, input) ?? input) : other;
    },
    linearInput: after(first.linearInput, second.linearInput),
    split: after(first.split, second.split),
    cached: after(first.cached, second.cached),
    uncached: after(first.uncached, second.uncached),
    output: after(first.output, second.output),
    ids: after(first.ids, second.ids),
    weights: after(first.weights, second.weights),
  };
}

function ropeOfBoth(first: Variant['rope'], second: Variant['rope']): Variant['rope'] {
  if (first === 'none' || second === 'none') return 'none';
  return first || second ? { ...first, ...second } : undefined;
}

/** One function after the other, where both are there. */
function after<T, Rest extends unknown[]>(
  first: ((x: T, ...rest: Rest) => T) | undefined,
  second: ((x: T, ...rest: Rest) => T) | undefined,
): ((x: T, ...rest: Rest) => T) | undefined {
  return first && second ? (x, ...rest) => second(first(x, ...rest), ...rest) : (first ?? second);
}

/** Whether the variants change how the point itself is made of its inputs. */
export function changesRule(
  variants: readonly Variant[],
  place: { readonly part: string; readonly layer?: number },
  rule: string | undefined,
): boolean {
  return variants.some((variant) => {
    if (variant.applies && !variant.applies(place.part, place.layer)) return false;
    if (variant.output) return true;
    switch (rule) {
      case 'embed':
        return Boolean(variant.ids ?? variant.weights);
      case 'norm':
        return Boolean(variant.norm ?? variant.weights);
      case 'linear':
        return Boolean(variant.linearInput ?? variant.weights ?? variant.withoutBias);
      case 'rope':
        return Boolean(variant.rope ?? variant.split);
      case 'softmax':
        return Boolean(variant.attention ?? variant.cached ?? variant.uncached);
      case 'mix':
        return Boolean(variant.attention ?? variant.cached ?? variant.uncached ?? variant.split);
      case 'gate':
        return Boolean(variant.gate);
      default:
        return Boolean(variant.dropsResidual);
    }
  });
}

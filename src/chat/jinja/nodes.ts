// What a parsed template is made of.

import type { Value } from './values.ts';

export interface Args {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
  /** `*list` and `**dict`. */
  readonly spread?: Expression;
  readonly namedSpread?: Expression;
}

export interface FilterCall {
  readonly name: string;
  readonly args: Args;
}

export type Expression =
  | { readonly type: 'constant'; readonly value: Value }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'list' | 'tuple'; readonly items: readonly Expression[] }
  | { readonly type: 'dict'; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly type: 'attribute'; readonly object: Expression; readonly name: string }
  | { readonly type: 'item'; readonly object: Expression; readonly index: Expression }
  | { readonly type: 'slice'; readonly parts: readonly (Expression | undefined)[] }
  | { readonly type: 'call'; readonly callee: Expression; readonly args: Args }
  | { readonly type: 'filter'; readonly input: Expression; readonly filter: FilterCall }
  | { readonly type: 'test'; readonly input: Expression; readonly test: FilterCall }
  | { readonly type: 'unary'; readonly sign: string; readonly operand: Expression }
  | { readonly type: 'binary'; readonly sign: string; readonly left: Expression; readonly right: Expression }
  | { readonly type: 'concat'; readonly parts: readonly Expression[] }
  | {
      readonly type: 'compare';
      readonly first: Expression;
      readonly rest: readonly (readonly [string, Expression])[];
    }
  | { readonly type: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | {
      readonly type: 'choice';
      readonly test: Expression;
      readonly yes: Expression;
      readonly no: Expression | undefined;
    };

export type Target =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'member'; readonly namespace: string; readonly name: string }
  | { readonly type: 'tuple'; readonly items: readonly Target[] };

export interface Macro {
  readonly name: string;
  readonly params: readonly string[];
  /** Defaults of the last parameters. */
  readonly defaults: readonly Expression[];
  readonly body: Block;
  /** Names that the body reads; Python lets a macro take more arguments only when it reads varargs or kwargs. */
  readonly reads: ReadonlySet<string>;
}

export type Block = readonly Statement[];

export type Statement =
  /** First in its scope: names that are undefined until they are set. */
  | { readonly type: 'late'; readonly names: string[] }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'output'; readonly value: Expression }
  | { readonly type: 'if'; readonly branches: readonly (readonly [Expression, Block])[]; readonly no: Block }
  | {
      readonly type: 'for';
      readonly target: Target;
      readonly items: Expression;
      readonly test: Expression | undefined;
      readonly body: Block;
      readonly no: Block;
      readonly isRecursive: boolean;
    }
  | { readonly type: 'set'; readonly target: Target; readonly value: Expression }
  | {
      readonly type: 'set block';
      readonly target: Target;
      readonly filters: readonly FilterCall[];
      readonly body: Block;
    }
  | {
      readonly type: 'with';
      readonly pairs: readonly (readonly [Target, Expression])[];
      readonly body: Block;
    }
  | { readonly type: 'macro'; readonly macro: Macro }
  | { readonly type: 'call'; readonly call: Expression; readonly caller: Macro }
  | { readonly type: 'filter'; readonly filters: readonly FilterCall[]; readonly body: Block }
  /** What an answer consists of, for training; transformers makes it a call of a block. */
  | { readonly type: 'generation'; readonly caller: Macro }
  | { readonly type: 'break' | 'continue' };

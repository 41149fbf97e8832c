// What a filter is, and what it may use of the rendering that it is part of.

import type { Budget } from '../budget.ts';
import type { Named } from './bind.ts';
import type { Value } from './values.ts';

/** What filters need of the rendering that they are part of. */
export interface FilterContext {
  readonly budget: Budget;
  callFilter(name: string, input: Value, args: readonly Value[], named: Named): Value;
  callTest(name: string, input: Value, args: readonly Value[], named: Named): boolean;
  item(object: Value, key: Value): Value;
}

export type Filter = (context: FilterContext, input: Value, args: readonly Value[], named: Named) => Value;

// Documents by what is known about them: fields that must be there, and scores that must be high enough (FineMath's 3
// and 4, Stack-Edu's 3, for Java 2).

import type { Stage, StageKind } from '../stage.ts';

const REQUIRE_DEFAULTS = { fields: [] as string[] };

export const requireFields: StageKind = {
  name: 'require',
  summary: 'Removes documents whose metadata lacks one of the fields, or has it empty',
  options: REQUIRE_DEFAULTS,
  create: (options) => {
    const { fields } = options as typeof REQUIRE_DEFAULTS;
    if (fields.length === 0) throw new RangeError('require.fields: expected the names of fields, got none');
    return {
      name: 'require',
      apply: (doc) => {
        const missing = fields.find((field) => isEmpty(doc.metadata[field]));
        return missing === undefined ? doc : { removed: `no_${missing}` };
      },
    };
  },
};

const THRESHOLD_DEFAULTS = {
  field: 'score',
  min: 3,
  /** `Java:2`: another least score for documents whose `by` is Java. */
  exceptions: [] as string[],
  by: 'language',
};
type Threshold = typeof THRESHOLD_DEFAULTS;

export const threshold: StageKind = {
  name: 'threshold',
  summary: 'Removes documents whose score is too low, or that have none',
  options: THRESHOLD_DEFAULTS,
  create: (options) => createThreshold(options as Threshold),
};

function createThreshold({ field, min, exceptions, by }: Threshold): Stage {
  const others = new Map(
    exceptions.map((text): [string, number] => {
      const colon = text.lastIndexOf(':');
      const value = Number(text.slice(colon + 1));
      if (colon > 0 && Number.isFinite(value)) return [text.slice(0, colon), value];
      throw new RangeError(`threshold.exceptions: expected NAME:SCORE such as Java:2, got ${text}`);
    }),
  );
  return {
    name: 'threshold',
    apply: (doc) => {
      const value = doc.metadata[field];
      if (typeof value !== 'number' || Number.isNaN(value)) return { removed: `no_${field}` };
      const least = others.get(String(doc.metadata[by])) ?? min;
      return value >= least ? doc : { removed: `low_${field}`, because: `${value}, at least ${least} stays` };
    },
  };
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)
  );
}

// Where a row of tuning stands, for messages.

export interface RowPlace {
  readonly file: string;
  readonly field: string;
}

/** Rows that were read from a file know where they stand. */
export interface Placed {
  readonly at?: RowPlace;
}

/** `talks.jsonl, line 3`; `otherwise` for a row that was made in memory. */
export function placeOf({ at }: Placed, otherwise: string): string {
  return at ? `${at.file}, ${at.field}` : otherwise;
}

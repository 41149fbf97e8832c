// Token rows to activations: rows of the packed table, widened exactly as the products see
// them. Mirror: src/reference/embed.ts.

import { checkIds, checkMatrix, checkValues, checkWorker } from './checks';
import { denseRow } from './linear-dense';
import { q4Row } from './linear-q4';
import { q8Row } from './linear-q8';
import { groupAt, Matrix, Q4_WIDE, Q8, Q8_WIDE, Worker } from './memory';
import { arrive, claim } from './team';

/** out [rows, inSize] = table rows `ids` [rows] i32. */
export function embed(me: Worker, out: usize, table: Matrix, ids: usize, rows: i32): void {
  if (!ASC_NO_ASSERT) {
    checkWorker(me, rows);
    checkMatrix(me, table);
    checkValues(out, rows * table.inSize);
    checkIds(ids, rows, table);
  }
  for (let begin = claim(me, rows); begin < rows; begin = claim(me, rows)) {
    for (let t = begin, end = begin + me.held; t < end; t++) {
      matrixRow(out + ((<usize>t * <usize>table.inSize) << 2), table, load<i32>(ids + ((<usize>t) << 2)));
    }
  }
  arrive(me);
}

function matrixRow(out: usize, table: Matrix, o: i32): void {
  const group = groupAt(table.groups, table.groupBytes, table.halfHead, o >> 3);
  const row = <usize>(o & 7);
  const kind = table.kind;
  if (kind <= Q4_WIDE) q4Row(kind, out, group, table.inSize >> 5, row);
  else if (kind == Q8) q8Row(false, out, group, table.inSize >> 5, row);
  else if (kind == Q8_WIDE) q8Row(true, out, group, table.inSize >> 4, row);
  else denseRow(kind, out, table.inSize, group, row);
}

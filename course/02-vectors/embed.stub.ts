/**
 * The `count` rows of a table that point most nearly in the direction of row `id`, itself left out, nearest first:
 *
 *     cosine(a, b) = Σ a[i] · b[i] / (√(Σ a[i]²) · √(Σ b[i]²))
 *
 * @param table rows one after the other, [rows, size]
 * @returns     their ids, and their cosines: [ids, cosines]
 */
export function nearest(table: Float64Array, size: number, id: number, count: number): [number[], number[]] {
  throw new Error(`todo: ${count} neighbours of row ${id} among ${table.length / size}`);
}

// The product that training is made of: tiles of 2 rows × 16 columns, whose 8 sums stay in registers.
//
//     C[m, n] (+)= Σ over k of A(m, k) · B(k, n)
//
// Order of the sum: k ascending, multiplied, rounded, added; then once into C. Any M, N and K. A may lie in any way
// (A(m, k) is at a + m · aRow + k · aStep), so that one product serves forward, input gradient and weight gradient;
// B is a panel of 16 columns, packed or with any distance between its rows.
// Why 2 × 16: 8 sums, 4 values of B and one of A are 13 live vectors. From 15 on V8 of Node 20 spills to memory, at
// half the speed; this tile reaches nine tenths of the peak in Node 20 and 24 (bench: npm run bench:train).

/** Columns of a panel. */
export const PANEL: i32 = 16;
export const PANEL_BYTES: usize = 64;

/** Two rows of C at c and c + cRow. */
function tile2(
  c: usize,
  cRow: usize,
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bRow: usize,
  k: i32,
  adds: bool,
): void {
  let upper0 = f32x4.splat(0);
  let upper1 = upper0;
  let upper2 = upper0;
  let upper3 = upper0;
  let lower0 = upper0;
  let lower1 = upper0;
  let lower2 = upper0;
  let lower3 = upper0;
  let lowerA = a + aRow;
  for (const end = a + <usize>k * aStep; a < end; a += aStep, lowerA += aStep, b += bRow) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(b, 32);
    const b3 = v128.load(b, 48);
    let value = v128.load32_splat(a);
    upper0 = f32x4.add(upper0, f32x4.mul(value, b0));
    upper1 = f32x4.add(upper1, f32x4.mul(value, b1));
    upper2 = f32x4.add(upper2, f32x4.mul(value, b2));
    upper3 = f32x4.add(upper3, f32x4.mul(value, b3));
    value = v128.load32_splat(lowerA);
    lower0 = f32x4.add(lower0, f32x4.mul(value, b0));
    lower1 = f32x4.add(lower1, f32x4.mul(value, b1));
    lower2 = f32x4.add(lower2, f32x4.mul(value, b2));
    lower3 = f32x4.add(lower3, f32x4.mul(value, b3));
  }
  storeRow(c, upper0, upper1, upper2, upper3, adds);
  storeRow(c + cRow, lower0, lower1, lower2, lower3, adds);
}

/** One row of C. */
function tile1(c: usize, a: usize, aStep: usize, b: usize, bRow: usize, k: i32, adds: bool): void {
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  let sum2 = sum0;
  let sum3 = sum0;
  for (const end = a + <usize>k * aStep; a < end; a += aStep, b += bRow) {
    const value = v128.load32_splat(a);
    sum0 = f32x4.add(sum0, f32x4.mul(value, v128.load(b)));
    sum1 = f32x4.add(sum1, f32x4.mul(value, v128.load(b, 16)));
    sum2 = f32x4.add(sum2, f32x4.mul(value, v128.load(b, 32)));
    sum3 = f32x4.add(sum3, f32x4.mul(value, v128.load(b, 48)));
  }
  storeRow(c, sum0, sum1, sum2, sum3, adds);
}

@inline
function storeRow(c: usize, sum0: v128, sum1: v128, sum2: v128, sum3: v128, adds: bool): void {
  if (adds) {
    v128.store(c, f32x4.add(v128.load(c), sum0));
    v128.store(c, f32x4.add(v128.load(c, 16), sum1), 16);
    v128.store(c, f32x4.add(v128.load(c, 32), sum2), 32);
    v128.store(c, f32x4.add(v128.load(c, 48), sum3), 48);
  } else {
    v128.store(c, sum0);
    v128.store(c, sum1, 16);
    v128.store(c, sum2, 32);
    v128.store(c, sum3, 48);
  }
}

/**
 * C[m, n] for m < rows and n < columns (16 at most) from a panel that has 16 columns.
 *
 * @param spare 128 bytes of the caller's own, for panels with fewer columns
 */
export function multiplyPanel(
  c: usize,
  cRow: usize,
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bRow: usize,
  rows: i32,
  columns: i32,
  k: i32,
  adds: bool,
  spare: usize,
): void {
  let m = 0;
  for (; m + 2 <= rows; m += 2, a += 2 * aRow, c += 2 * cRow) {
    if (columns == PANEL) tile2(c, cRow, a, aRow, aStep, b, bRow, k, adds);
    else {
      tile2(spare, PANEL_BYTES, a, aRow, aStep, b, bRow, k, false);
      storeSome(c, spare, columns, adds);
      storeSome(c + cRow, spare + PANEL_BYTES, columns, adds);
    }
  }
  if (m == rows) return;
  if (columns == PANEL) tile1(c, a, aStep, b, bRow, k, adds);
  else {
    tile1(spare, a, aStep, b, bRow, k, false);
    storeSome(c, spare, columns, adds);
  }
}

function storeSome(c: usize, from: usize, columns: i32, adds: bool): void {
  for (const end = from + ((<usize>columns) << 2); from < end; from += 4, c += 4) {
    store<f32>(c, adds ? load<f32>(c) + load<f32>(from) : load<f32>(from));
  }
}

/** out [k][16] = rows of B, `columns` values each; the rest of a row becomes zero. */
export function packRows(out: usize, b: usize, bRow: usize, k: i32, columns: i32): void {
  if (columns == PANEL) {
    for (const end = out + <usize>k * PANEL_BYTES; out < end; out += PANEL_BYTES, b += bRow) {
      v128.store(out, v128.load(b));
      v128.store(out, v128.load(b, 16), 16);
      v128.store(out, v128.load(b, 32), 32);
      v128.store(out, v128.load(b, 48), 48);
    }
    return;
  }
  for (const end = out + <usize>k * PANEL_BYTES; out < end; out += PANEL_BYTES, b += bRow) {
    for (let n: usize = 0; n < <usize>PANEL; n++) {
      store<f32>(out + (n << 2), n < <usize>columns ? load<f32>(b + (n << 2)) : <f32>0);
    }
  }
}

/** out [k][16]: column n is row n of w [columns][k], rows `wRow` bytes apart; the rest becomes zero. */
export function packTransposed(out: usize, w: usize, wRow: usize, k: i32, columns: i32): void {
  for (let n = 0; n < PANEL; n += 4, out += 16, w += 4 * wRow) {
    if (n + 4 <= columns) packFour(out, w, wRow, k);
    else {
      for (let i: usize = 0; i < <usize>k; i++) {
        for (let j = 0; j < 4; j++) {
          const value = n + j < columns ? load<f32>(w + <usize>j * wRow + (i << 2)) : <f32>0;
          store<f32>(out + i * PANEL_BYTES + ((<usize>j) << 2), value);
        }
      }
    }
  }
}

function packFour(out: usize, w: usize, wRow: usize, k: i32): void {
  const w1 = w + wRow;
  const w2 = w1 + wRow;
  const w3 = w2 + wRow;
  const whole = (<usize>(k & ~3)) << 2;
  let i: usize = 0;
  for (; i < whole; i += 16, out += 4 * PANEL_BYTES) {
    const row0 = v128.load(w + i);
    const row1 = v128.load(w1 + i);
    const row2 = v128.load(w2 + i);
    const row3 = v128.load(w3 + i);
    const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
    const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
    const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
    v128.store(out, v128.shuffle<i64>(low01, low23, 0, 2));
    v128.store(out + PANEL_BYTES, v128.shuffle<i64>(low01, low23, 1, 3));
    v128.store(out + 2 * PANEL_BYTES, v128.shuffle<i64>(high01, high23, 0, 2));
    v128.store(out + 3 * PANEL_BYTES, v128.shuffle<i64>(high01, high23, 1, 3));
  }
  for (const end = (<usize>k) << 2; i < end; i += 4, out += PANEL_BYTES) {
    store<f32>(out, load<f32>(w + i));
    store<f32>(out, load<f32>(w1 + i), 4);
    store<f32>(out, load<f32>(w2 + i), 8);
    store<f32>(out, load<f32>(w3 + i), 12);
  }
}

// The product that training is made of: tiles of 2 rows × 16 columns, whose 8 sums stay in registers.
//
//     C[m, n] (+)= Σ over k of A(m, k) · B(k, n)
//
// Order of the sum: k ascending, multiplied, rounded, added; then once into C. Any M, N and K. A may lie in any way
// (A(m, k) is at a + m · aRow + k · aStep), so that one product serves forward, input gradient and weight gradient;
// B is a panel of 16 columns, packed or with any distance between its rows.
// Why 2 × 16: 8 sums, 4 values of B and one of A are 13 live vectors. From 15 on V8 spills to memory: this tile reaches
// 96 % of the peak in Node 20 and 24, one of 4 × 16 89 %. Where V8 joins two vectors of 128 bits to one of 256 (Node 24
// with --experimental-wasm-revectorize), the 8 wide sums of 4 × 16 fit and need not wait for each other: 99 GFLOP/s
// where 2 × 16 has 68 and the peak of 128 bits is 46. The bits are the same. V8 joins what ends in stores side by side,
// with no load between them.

/** Columns of a panel. */
export const PANEL: i32 = 16;
export const PANEL_BYTES: usize = 64;

let isWide: bool = false;

/** Whether V8 joins vectors here: decides the tile, and no bit. */
export function setWide(wide: bool): void {
  isWide = wide;
}

/** Four rows of C at c, c + cRow, … */
function tile4(
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
  // biome-ignore format: a line for each row of sums.
  let row00 = f32x4.splat(0), row01 = row00, row02 = row00, row03 = row00;
  // biome-ignore format: as above.
  let row10 = row00, row11 = row00, row12 = row00, row13 = row00;
  // biome-ignore format: as above.
  let row20 = row00, row21 = row00, row22 = row00, row23 = row00;
  // biome-ignore format: as above.
  let row30 = row00, row31 = row00, row32 = row00, row33 = row00;
  let a1 = a + aRow;
  let a2 = a1 + aRow;
  let a3 = a2 + aRow;
  for (
    const end = a + <usize>k * aStep;
    a < end;
    a += aStep, a1 += aStep, a2 += aStep, a3 += aStep, b += bRow
  ) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(b, 32);
    const b3 = v128.load(b, 48);
    let value = v128.load32_splat(a);
    row00 = f32x4.add(row00, f32x4.mul(value, b0));
    row01 = f32x4.add(row01, f32x4.mul(value, b1));
    row02 = f32x4.add(row02, f32x4.mul(value, b2));
    row03 = f32x4.add(row03, f32x4.mul(value, b3));
    value = v128.load32_splat(a1);
    row10 = f32x4.add(row10, f32x4.mul(value, b0));
    row11 = f32x4.add(row11, f32x4.mul(value, b1));
    row12 = f32x4.add(row12, f32x4.mul(value, b2));
    row13 = f32x4.add(row13, f32x4.mul(value, b3));
    value = v128.load32_splat(a2);
    row20 = f32x4.add(row20, f32x4.mul(value, b0));
    row21 = f32x4.add(row21, f32x4.mul(value, b1));
    row22 = f32x4.add(row22, f32x4.mul(value, b2));
    row23 = f32x4.add(row23, f32x4.mul(value, b3));
    value = v128.load32_splat(a3);
    row30 = f32x4.add(row30, f32x4.mul(value, b0));
    row31 = f32x4.add(row31, f32x4.mul(value, b1));
    row32 = f32x4.add(row32, f32x4.mul(value, b2));
    row33 = f32x4.add(row33, f32x4.mul(value, b3));
  }
  storeRow(c, row00, row01, row02, row03, adds);
  storeRow(c + cRow, row10, row11, row12, row13, adds);
  storeRow(c + 2 * cRow, row20, row21, row22, row23, adds);
  storeRow(c + 3 * cRow, row30, row31, row32, row33, adds);
}

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
    const c0 = v128.load(c);
    const c1 = v128.load(c, 16);
    const c2 = v128.load(c, 32);
    const c3 = v128.load(c, 48);
    v128.store(c, f32x4.add(c0, sum0));
    v128.store(c, f32x4.add(c1, sum1), 16);
    v128.store(c, f32x4.add(c2, sum2), 32);
    v128.store(c, f32x4.add(c3, sum3), 48);
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
  if (isWide && columns == PANEL) {
    for (; m + 4 <= rows; m += 4, a += 4 * aRow, c += 4 * cRow)
      tile4(c, cRow, a, aRow, aStep, b, bRow, k, adds);
  }
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

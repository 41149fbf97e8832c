// The residual addition. Mirror: assembly/swiglu.ts (`add`).

/** x[i] += y[i]: a branch's result joins the residual stream. */
export function add(x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
}

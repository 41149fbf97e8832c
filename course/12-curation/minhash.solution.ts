export function minhash(
  texts: string[],
  options: { size: number; bands: number; rowsPerBand: number },
  hash: (text: string, n: number) => number,
): [number[][], number[]] {
  const { size, bands, rowsPerBand } = options;
  const signatures = texts.map((text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const shingles = words.slice(size - 1).map((_, i) => words.slice(i, i + size).join(' '));
    if (shingles.length === 0) return [];
    return Array.from({ length: bands * rowsPerBand }, (_, n) =>
      Math.min(...shingles.map((shingle) => hash(shingle, n))),
    );
  });
  const bandsOf = (signature: number[]) =>
    signature.length === 0
      ? []
      : Array.from({ length: bands }, (_, b) =>
          signature.slice(b * rowsPerBand, (b + 1) * rowsPerBand).join(),
        );
  const seen = Array.from({ length: bands }, () => new Set<string>());
  const kept: number[] = [];
  for (const [i, signature] of signatures.entries()) {
    const own = bandsOf(signature);
    if (!own.some((band, b) => seen[b].has(band))) kept.push(i);
    for (const [b, band] of own.entries()) seen[b].add(band);
  }
  return [signatures, kept];
}

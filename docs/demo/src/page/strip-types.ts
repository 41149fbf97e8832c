// TypeScript to JavaScript, without a compiler: annotations are taken out. sucrase does it, loaded when it is needed.

export async function stripTypes(code: string): Promise<string> {
  const { transform } = await import('sucrase');
  return transform(code, { transforms: ['typescript'], disableESTransforms: true }).code;
}

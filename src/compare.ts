// The door `smollm2/compare`: traces of any program, the first wrong number between two of them, and the judge
// of servers.

export { type DiffOptions, type DiffPoint, type DiffReport, diff } from './diff/diff.ts';
export { reportJson, verdictText } from './diff/report.ts';
export { checkpointWeights, type WeightSource } from './diff/weight-source.ts';
export { traceModel } from './traces/live-trace.ts';
export type { RawTensor, RawTrace } from './traces/raw-trace.ts';
export { readTrace } from './traces/trace-file.ts';
export { connectServer, type Server } from './verify/openai-probe.ts';
export { type VerifyReference, type VerifyReport, verifyServer } from './verify/verify.ts';

// The door `smollm2/data`: what a corpus is cleaned, compared, scored, mixed and written with.

export { type Candidate, candidateMixtures } from './data/ablate/candidates.ts';
export {
  type Design,
  type Findings,
  findings,
  type Proposal,
  propose,
  type TrainingRun,
} from './data/ablate/decide.ts';
export { createStage } from './data/create-stage.ts';
export { type Contamination, ContaminationIndex } from './data/decontaminate/contamination.ts';
export { type BloomConfig, BloomFilter } from './data/dedup/bloom.ts';
export { deduplicateSentences } from './data/dedup/sentence.ts';
export { extractText } from './data/extract/extract.ts';
export { planDraws, type SourceDraw } from './data/mixture/mixture.ts';
export { type NgramScorer, scoreText } from './data/score/scorer-file.ts';
export { type LabelledText, trainScorer } from './data/score/train.ts';
export type { GroupStage, Outcome, Resources, Stage, TextDocument } from './data/stage.ts';
export { magpieRow } from './data/synthesize/magpie.ts';
export { sentences, words } from './data/words/words.ts';

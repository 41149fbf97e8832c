// Every stage by its name, for recipes and for `smollm2 curate stage NAME`.

import { sourceFile } from './code/stage.ts';
import { decontaminate } from './decontaminate/stage.ts';
import { exactDedup } from './dedup/exact.ts';
import { sentenceDedup } from './dedup/sentence.ts';
import { requireFields, threshold } from './filters/by-metadata.ts';
import { c4Paragraph } from './filters/c4-paragraph.ts';
import { c4Quality } from './filters/c4-quality.ts';
import { finewebQuality } from './filters/fineweb-quality.ts';
import { gopherQuality } from './filters/gopher-quality.ts';
import { gopherRepetition } from './filters/gopher-repetition.ts';
import { pii } from './filters/pii.ts';
import { symbolLines } from './filters/symbol-lines.ts';
import { urlFilter } from './filters/url.ts';
import { scoreStage } from './score/stage.ts';
import type { StageKind } from './stage.ts';
import { tokenCount } from './token-count.ts';
import { wordsStage } from './words/stage.ts';

const KINDS: readonly StageKind[] = [
  gopherRepetition,
  gopherQuality,
  c4Quality,
  c4Paragraph,
  finewebQuality,
  symbolLines,
  pii,
  exactDedup,
  sentenceDedup,
  decontaminate,
  scoreStage,
  urlFilter,
  requireFields,
  threshold,
  sourceFile,
  tokenCount,
  wordsStage,
];

export const STAGES: ReadonlyMap<string, StageKind> = new Map(KINDS.map((kind) => [kind.name, kind]));

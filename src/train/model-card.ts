// README.md of a model that was trained here: what it is, its recipe, its curve and how it was measured.

import type { ModelConfig } from '../config.ts';
import { numParameters } from '../config.ts';
import { type Recipe, sequencesPerStep } from './recipe.ts';
import type { TrainingState } from './training-state.ts';

/** A line of log.jsonl, as far as the card looks at it. */
export interface LoggedStep {
  readonly step: number;
  /** null where it was no number, and the batch was left out. */
  readonly loss?: number | null;
  readonly eval_loss?: number;
  readonly eval_bits_per_byte?: number;
}

/** Rows of the table of losses. */
const ROWS = 12;

/** @param log steps in order; may be empty */
export function modelCard(config: ModelConfig, state: TrainingState, log: readonly LoggedStep[]): string {
  const { recipe, step, consumedTokens, lossHash, best } = state;
  const parameters = numParameters(config).toLocaleString('en-US');
  const sections = [
    '---\nlibrary_name: transformers\npipeline_tag: text-generation\n---\n',
    `# ${recipe.name}\n`,
    `A model of SmolLM2's shape with ${parameters} parameters, trained for ${step.toLocaleString('en-US')} steps ` +
      `on ${consumedTokens.toLocaleString('en-US')} labels. The same recipe and data give the same losses ` +
      `bit for bit; their hash is \`${lossHash}\`.\n`,
    ...curve(log),
    ...(best ? [`Best evaluation: loss ${best.loss.toFixed(4)} at step ${best.step}.\n`] : []),
    `## Recipe\n\n${recipeTable(recipe)}\n\n\`\`\`json\n${JSON.stringify(recipe, null, 1)}\n\`\`\`\n`,
  ];
  return sections.join('\n');
}

function curve(log: readonly LoggedStep[]): string[] {
  const lines = log.filter(({ loss, eval_loss }) => loss !== undefined || eval_loss !== undefined);
  if (lines.length === 0) return [];
  const every = Math.max(1, Math.ceil(lines.length / ROWS));
  const kept = lines.filter((line, i) => (i + 1) % every === 0 || line.eval_loss !== undefined || i === 0);
  const cell = (value: unknown) => (typeof value === 'number' ? value.toFixed(4) : '');
  const rows = thinned(kept).map(
    (line) =>
      `| ${line.step} | ${cell(line.loss)} | ${cell(line.eval_loss)} | ${cell(line.eval_bits_per_byte)} |`,
  );
  const head = '| step | loss | validation loss | bits per byte |\n| --- | --- | --- | --- |';
  return [`## Curve\n\n${head}\n${rows.join('\n')}\n`];
}

/** At most 2 · ROWS of them, the last always. */
function thinned(lines: readonly LoggedStep[]): LoggedStep[] {
  const every = Math.max(1, Math.ceil(lines.length / (2 * ROWS)));
  return lines.filter((_, i) => i % every === 0 || i === lines.length - 1);
}

function recipeTable(recipe: Recipe): string {
  const { optimizer } = recipe;
  const rows: [string, unknown][] = [
    ['kind', recipe.kind],
    ['sequences a step', sequencesPerStep(recipe)],
    [
      'AdamW',
      `beta ${optimizer.beta1}, ${optimizer.beta2}; eps ${optimizer.eps}; decay ${optimizer.weightDecay}`,
    ],
    ['clip', optimizer.clipGrad ?? 'none'],
    ['seed', recipe.seed],
  ];
  if (recipe.kind === 'pretrain') {
    const { schedule } = recipe;
    rows.push(
      ['sequence length', recipe.sequenceLength],
      ['learning rate', `${schedule.learningRate}, warm-up ${schedule.warmupSteps} steps`],
      ['decay', `${schedule.decayStyle} from step ${schedule.decayStart} over ${schedule.decaySteps}`],
    );
  } else {
    rows.push(
      ['learning rate', `${recipe.learningRate}, ${recipe.decayStyle}`],
      ['base model', recipe.startFrom],
    );
  }
  return `| | |\n| --- | --- |\n${rows.map(([key, value]) => `| ${key} | ${value} |`).join('\n')}`;
}

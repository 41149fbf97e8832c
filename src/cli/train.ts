// `smollm2 train`: runs a recipe, and shows it a line a step. The last line is the hash of all losses.

import type { RunOptions } from '../node/train/open-run.ts';
import { runTraining } from '../node/train/run.ts';
import { MOST_SEED } from '../train/recipe-section.ts';
import type { StepLine } from '../train/trainer.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { print, Status } from './terminal.ts';

export const trainCommand = new Command(
  'train <recipe>',
  "Train a model from a recipe (nanotron's or TRL's yaml)",
)
  .option('--out <dir>', 'folder of the run: log.jsonl, checkpoints')
  .option('--threads <n>', 'worker threads')
  .option('--max-steps <n>', "stop after this step; the schedule stays the recipe's")
  .option('--seed <n>', 'of the first weights and of the order of the data')
  .option('--resume', 'go on from the last checkpoint of --out')
  .option('--decay-from <step>', 'cut a decay from the checkpoint of this step, in --out/decay-STEP-LENGTH')
  .option('--decay-steps <n>', "length of that decay (default: the recipe's)")
  .option('--no-repeat', 'stop when all data have been seen once')
  .option('--on-nan <action>', 'stop (default) or skip a batch whose loss is no number')
  .option('--engine <engine>', 'wasm (default) or reference (float64, slow)')
  .example('$ smollm2 train recipes/nano.yaml --out runs/nano')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const [recipe] = args.words;
  const out = args.text('out');
  if (out === undefined) throw new UsageError('--out: expected a folder for the run, got nothing');
  if (args.count('decaySteps') !== undefined && args.count('decayFrom') === undefined) {
    throw new UsageError('--decay-steps: expected --decay-from with it, got none');
  }
  const status = new Status();
  const interruption = interruptions(() => status.note('finishing this step; Ctrl-C again ends at once'));
  const clock = new StepClock();
  const options: RunOptions = {
    recipe,
    out,
    threads: args.threads(),
    engine: args.choice('engine', ['wasm', 'reference']),
    maxSteps: args.count('maxSteps'),
    seed: seedOf(args),
    resume: args.flag('resume'),
    decayFrom: args.count('decayFrom'),
    decaySteps: args.count('decaySteps'),
    noRepeat: args.flag('noRepeat'),
    skipsNan: args.choice('onNan', ['stop', 'skip']) === 'skip',
    isInterrupted: interruption.isWanted,
    onNote: (text) => status.note(text),
    // A bar is for eyes: a log would have ten lines more for each shard.
    onProgress: (...how) => process.stderr.isTTY && status.progress(...how),
    onStep: (line, totalSteps) => {
      status.clear();
      process.stdout.write(clock.format(line, totalSteps, options.maxSteps));
    },
  };
  try {
    const { state, reason, isSaved } = await runTraining(options);
    if (clock.steps === 0) status.note(`no step was left to take: the run stands at step ${state.step}`);
    else if (reason !== 'finished') {
      status.note(`stopped after step ${state.step} (${reason}); go on with --resume`);
    }
    await print(`loss hash: ${state.lossHash}\n`);
    if (!isSaved) {
      status.note(`${out}: the last checkpoint or the log could not be written`);
      process.exitCode = 1;
    } else if (reason === 'interrupted') process.exitCode = 130;
  } finally {
    status.clear();
    interruption.end();
  }
}

function seedOf(args: Arguments): number | undefined {
  const seed = args.count('seed', 0);
  if (seed === undefined || seed <= MOST_SEED) return seed;
  throw new UsageError(`--seed: expected at most ${MOST_SEED} (32 bits), got ${seed}`);
}

/** Ctrl-C once asks the run to finish its step and save; twice ends the program. */
function interruptions(onFirst: () => void): { isWanted: () => boolean; end: () => void } {
  let count = 0;
  const hear = () => {
    if (++count > 1) process.exit(130);
    onFirst();
  };
  process.on('SIGINT', hear);
  process.on('SIGTERM', hear);
  return {
    isWanted: () => count > 0,
    end: () => {
      process.off('SIGINT', hear);
      process.off('SIGTERM', hear);
    },
  };
}

/** Lines of steps, with speed and the time that is left. */
class StepClock {
  steps = 0;
  private firstAt = 0;

  /** The first step is measured from nowhere, so that time left is told from the second on. */
  format(line: StepLine, totalSteps: number, maxSteps = totalSteps): string {
    const now = performance.now();
    if (this.steps === 0) this.firstAt = now;
    const perStep = (now - this.firstAt) / this.steps;
    const left = ((Math.min(totalSteps, maxSteps) - line.step) * perStep) / 1000;
    this.steps++;
    const parts = [
      `step ${line.step}/${totalSteps}`,
      `loss ${line.loss === null ? 'NaN' : line.loss.toFixed(4)}`,
      `lr ${line.learning_rate.toExponential(2)}`,
      `grad norm ${line.grad_norm === null ? 'NaN' : line.grad_norm.toFixed(3)}`,
      `epoch ${line.epoch.toFixed(2)}`,
      `${line.tokens_per_second} tokens/s`,
      ...(Number.isFinite(left) ? [`${duration(left)} left`] : []),
    ];
    const evaluation = typeof line.eval_loss === 'number' ? [`      ${evaluationText(line)}`] : [];
    const samples = Array.isArray(line.samples)
      ? line.samples.map((text) => `      | ${oneLine(String(text))}`)
      : [];
    return `${[parts.join('  '), ...evaluation, ...samples].join('\n')}\n`;
  }
}

function evaluationText(line: StepLine): string {
  const perByte = line.eval_bits_per_byte;
  return (
    `held out: loss ${Number(line.eval_loss).toFixed(4)}` +
    `${line.eval_perplexity === undefined ? '' : `, perplexity ${Number(line.eval_perplexity).toFixed(2)}`}` +
    `${perByte === undefined ? '' : `, ${Number(perByte).toFixed(4)} bits/byte`}`
  );
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a model says must not steer the terminal
  return text.replace(/\s+/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

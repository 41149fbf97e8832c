// Training in a page: what training.test.mjs calls from outside.

import { RECIPE, TOKENS } from '/runtimes/made-up-run.js';
import { load } from '/smollm2/browser/index.js';
import { startTraining } from '/smollm2/browser/training-run.js';

/** The whole run; with `stops`, it is paused, asked, stopped there and gone on with from its checkpoint. */
globalThis.run = async ({ threads, stops }) => {
  const lines = [];
  const setup = { recipe: RECIPE, tokens: TOKENS, model: '/nano.gguf', threads };
  const onStep = (line) => lines.push(line);
  let run = await startTraining({ ...setup, onStep, ...(stops && { maxSteps: stops }) });
  let told = {};
  if (stops) {
    await run.ended;
    const resume = structuredClone(await run.checkpoint());
    run.close();
    run = await startTraining({ ...setup, onStep, resume, isPaused: true });
    const samples = [
      await run.sample(['ROMEO.\n'], { maxTokens: 8 }),
      await run.sample(['ROMEO.\n'], { maxTokens: 8 }),
    ];
    const stepsWhilePaused = lines.length;
    run.go();
    told = { samples, stepsWhilePaused };
  }
  const end = await run.ended;
  const norm = await run.read('model.norm.weight');
  const smol = await load(await run.gguf());
  const [score] = await smol.score(['ROMEO and Juliet']);
  await smol.close();
  run.close();
  const { facts } = run;
  return { ...told, ...end, facts, lines, norm: [...norm], score, isolated: crossOriginIsolated };
};

/** Waits until the page is hidden, then trains. */
globalThis.runHidden = async () => {
  const run = await startTraining({ recipe: RECIPE, tokens: TOKENS, threads: 2, isPaused: true });
  while (!document.hidden)
    await new Promise((resolve) => document.addEventListener('visibilitychange', resolve));
  run.go();
  const end = await run.ended;
  run.close();
  return { ...end, isHidden: document.hidden };
};

/** Thousands of steps of a few milliseconds each: a worker waits for another one at every message. */
globalThis.runSmallSteps = async (steps) => {
  const recipe = structuredClone(RECIPE);
  const shape = { hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, max_position_embeddings: 64 };
  Object.assign(recipe.model.model_config, shape);
  Object.assign(recipe.tokens, { train_steps: steps, sequence_length: 32, micro_batch_size: 1 });
  Object.assign(recipe.optimizer.learning_rate_scheduler, { lr_decay_starting_step: steps - 5 });
  delete recipe.evaluation;
  const run = await startTraining({ recipe, tokens: TOKENS, threads: 2 });
  const end = await run.ended;
  run.close();
  return end;
};

/** Starts teams of two workers, again and again. */
globalThis.runStarts = async (times) => {
  const hashes = new Set();
  const scores = new Set();
  for (let time = 0; time < times; time++) {
    hashes.add((await globalThis.runSmallSteps(20)).lossHash);
    const smol = await load('/nano.gguf', { threads: 2 });
    scores.add((await smol.score(['ROMEO and Juliet']))[0].logprob);
    await smol.close();
  }
  return [hashes.size, scores.size];
};

/** What startTraining() says to a setup that cannot be run. */
globalThis.refusal = async (change) => {
  const setup = { recipe: RECIPE, tokens: TOKENS, ...change };
  return startTraining(setup).then(
    () => 'it began',
    (error) => `${error.name}: ${error.message}`,
  );
};

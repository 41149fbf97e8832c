// SFT and DPO: labels as PyTorch's goldens have them, objectives against their losses, order, packing, adapters.

import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/base/rng.ts';
import { SMOLLM2_TEMPLATE } from '../../src/chat/chatml.ts';
import { ChatTemplate } from '../../src/chat/template.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { ChatRows, type LabelledRow } from '../../src/train/chat-rows.ts';
import { DpoObjective } from '../../src/train/dpo.ts';
import { initialiseAdapters } from '../../src/train/initialise.ts';
import { LocalMachine } from '../../src/train/machine.ts';
import { packed } from '../../src/train/packing.ts';
import type { DpoRecipe, SftRecipe } from '../../src/train/recipe.ts';
import { RowOrder } from '../../src/train/row-order.ts';
import { SftObjective } from '../../src/train/sft.ts';
import { IGNORED } from '../../src/train/window-source.ts';
import { goldenTensors } from '../support/golden-tensors.ts';
import { goldenJson } from '../support/goldens.ts';
import { sum, tinyLearner } from '../support/training.ts';

const { sft, dpo } = goldenJson('tiny/gqa/goldens.json');
const shared = { seed: 1, epochs: 1, maxSteps: undefined, microBatchesPerStep: 1, maxLength: 64 };

/** Prompt and completion in one row, labels behind the prompt. */
function row(prompt: number[], completion: number[]): LabelledRow {
  return { ids: [...prompt, ...completion], labels: [...prompt.map(() => -100), ...completion] };
}

function sftRecipe(changes: Partial<SftRecipe> = {}): SftRecipe {
  return { kind: 'sft', ...shared, microBatchSize: 2, packing: false, ...changes } as SftRecipe;
}

describe('ChatRows', () => {
  const tokenizer = Tokenizer.from({
    kind: 'json',
    tokenizer: goldenJson('tokenizer/tokenizer.json'),
    tokenizerConfig: goldenJson('tokenizer/tokenizer_config.json'),
    file: 'tokenizer.json',
  });
  const rows = new ChatRows(tokenizer, new ChatTemplate(SMOLLM2_TEMPLATE, {}));
  const assistant = (content: string) => ({ role: 'assistant', content });

  it('gives the golden’s ids, and labels on what the assistant says with its <|im_end|>', {
    tags: ['slow'],
  }, async () => {
    const { sft: golden } = goldenJson('training/chat-labels.json');
    for (const [i, messages] of golden.conversations.entries()) {
      const { ids, labels } = await rows.conversation(messages, true);
      expect(ids).toEqual(golden.ids[i]);
      expect(labels).toEqual(golden.labels[i]);
    }
  });

  it('has no label on the system prompt that a template writes before an assistant who speaks first', async () => {
    const messages = [assistant('Hello!'), { role: 'user', content: 'Hi' }, assistant('Bye.')];
    const { ids, labels } = await rows.conversation(messages, true);
    const labelled = tokenizer.decode(ids.filter((_, i) => labels[i] !== IGNORED));
    expect(labelled).toBe('Hello!<|im_end|>Bye.<|im_end|>');
  });

  it('refuses a template under which the beginning of a conversation depends on its end', async () => {
    const counting = '{{ messages|length }}{% for m in messages %}{{ m.role + m.content }}{% endfor %}';
    const counted = new ChatRows(tokenizer, new ChatTemplate(counting, {}));
    const question = { role: 'user', content: 'Who?' };
    const refusal = /chat template: expected one that writes a conversation message by message/;
    await expect(counted.conversation([question, assistant('I.')], true)).rejects.toThrow(refusal);
    await expect(counted.answer([question], 'I.')).rejects.toThrow(refusal);
  });
});

describe('SftObjective', () => {
  const rows = sft.examples.map(({ prompt, completion }: never) => row(prompt, completion));

  it.each([1, 2, 3])(
    'has the golden’s loss, one mean over all labels, in micro-batches of %i',
    async (size) => {
      const machine = new LocalMachine(await tinyLearner('gqa'));
      const recipe = sftRecipe({ microBatchSize: size, microBatchesPerStep: Math.ceil(3 / size) });
      const objective = new SftObjective(recipe, rows, []);
      const { loss, labels } = await objective.accumulate(machine, 1);
      expect(labels).toBe(22);
      expect(loss).toBeCloseTo(sft.loss, 10);
    },
  );

  it('has the same gradient with rows packed, since each stays a sequence of its own', async () => {
    const norms: number[] = [];
    for (const packing of [false, true]) {
      const learner = await tinyLearner('gqa');
      const objective = new SftObjective(sftRecipe({ packing, microBatchSize: 3 }), rows, []);
      await objective.accumulate(new LocalMachine(learner), 1);
      norms.push(sum(learner.gradientSquares()));
    }
    expect(norms[1] / norms[0]).toBeCloseTo(1, 12);
  });
});

describe('DpoObjective', () => {
  it('has the golden’s loss, rewards and log-probabilities, under TRL’s names', async () => {
    const pairs = dpo.pairs.map(({ prompt, chosen, rejected }: Record<string, number[]>) => ({
      chosen: row(prompt, chosen),
      rejected: row(prompt, rejected),
    }));
    const recipe = { kind: 'dpo', ...shared, microBatchSize: pairs.length, beta: dpo.beta } as DpoRecipe;
    const learner = await tinyLearner('gqa');
    const policy = [...learner.parameters.values()].map(({ values }) => learner.engine.read(values));
    const reference = await goldenTensors('tiny/gqa/dpo_reference.safetensors');
    for (const [name, { values }] of learner.parameters)
      learner.engine.write(values, reference.get(name)!.values);
    const machine = new LocalMachine(learner);
    const objective = new DpoObjective(recipe, pairs, []);
    await objective.prepare(machine);
    for (const [i, { values }] of [...learner.parameters.values()].entries())
      learner.engine.write(values, policy[i]);
    const { loss, extra } = await objective.accumulate(machine, 1);
    expect(loss).toBeCloseTo(dpo.loss, 9);
    const mean = (name: string) => sum(dpo.pairs.map((pair: never) => pair[name])) / dpo.pairs.length;
    expect(extra['rewards/chosen']).toBeCloseTo(mean('chosen_reward'), 9);
    expect(extra['rewards/rejected']).toBeCloseTo(mean('rejected_reward'), 9);
    expect(extra['logps/chosen']).toBeCloseTo(mean('policy_chosen_logp'), 9);
    expect(extra['logps/rejected']).toBeCloseTo(mean('policy_rejected_logp'), 9);
    const golden = await goldenTensors('tiny/gqa/dpo_grads.f64.safetensors');
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const gradient = machine.read('gradient', name);
    expect(gradient[7]).toBeCloseTo(golden.get(name)!.values[7], 9);
  });
});

describe('LoRA', () => {
  it('starts at the model itself, with a gradient for B and none for A, and trains nothing else', async () => {
    const adapters = { rank: 4, scale: 2, targets: ['q_proj', 'v_proj'] };
    const learner = await tinyLearner('gqa', { adapters });
    const machine = new LocalMachine(learner);
    initialiseAdapters(machine, 1);
    const rows = sft.examples.map(({ prompt, completion }: never) => row(prompt, completion));
    const objective = new SftObjective(sftRecipe({ microBatchSize: 3 }), rows, []);
    expect((await objective.accumulate(machine, 1)).loss).toBeCloseTo(sft.loss, 10);
    const squares = learner.gradientSquares();
    const names = learner.trained.map(({ parameter }) => parameter.name);
    expect(names).toHaveLength(8);
    for (const [i, name] of names.entries()) {
      if (name.includes('lora_A')) expect(squares[i], name).toBe(0);
      else expect(squares[i], name).toBeGreaterThan(0);
    }
  });

  it('has the gradient of B that finite differences find, within 1e-6', async () => {
    const adapters = { rank: 4, scale: 2, targets: ['down_proj'] };
    const learner = await tinyLearner('gqa', { adapters, recomputes: true });
    const machine = new LocalMachine(learner);
    initialiseAdapters(machine, 1);
    const rows = sft.examples.map(({ prompt, completion }: never) => row(prompt, completion));
    const objective = new SftObjective(sftRecipe({ microBatchSize: 3 }), rows, []);
    await objective.accumulate(machine, 1);
    const name = 'model.layers.1.mlp.down_proj.lora_B.weight';
    const gradient = machine.read('gradient', name)[5];
    const step = 1e-5;
    const lossAt = async (shift: number) => {
      const values = machine.read('values', name);
      machine.write(
        'values',
        name,
        values.map((value, i) => value + (i === 5 ? shift : 0)),
      );
      const { loss } = await objective.accumulate(machine, 1);
      machine.write('values', name, values);
      return loss;
    };
    const difference = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
    expect(Math.abs(gradient / difference - 1)).toBeLessThan(1e-6);
  });
});

describe('RowOrder', () => {
  it('shows every row once an epoch, in another order each time, the last step with what is left', () => {
    const order = new RowOrder(10, 4, 7);
    expect(order.totalSteps(2, undefined)).toBe(6);
    const epochs = [
      [1, 2, 3],
      [4, 5, 6],
    ].map((steps) => steps.flatMap((step) => order.rowsOf(step)));
    for (const rows of epochs)
      expect([...rows].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(order.rowsOf(3)).toHaveLength(2);
  });
});

describe('packed', () => {
  it('puts each row into the fullest bin that has room, longest first', () => {
    const rows = [3, 9, 5, 4, 2, 6].map((length) => ({ ids: new Array(length).fill(0) }));
    const bins = packed(rows, 10).map((bin) => bin.map(({ ids }) => ids.length));
    expect(bins).toEqual([[9], [6, 4], [5, 3, 2]]);
  });

  it('has the bins of a search through all of them, in their order', () => {
    const rng = Rng.fromSeed(11);
    for (let n = 0; n < 200; n++) {
      const maxLength = 1 + Math.floor(rng.next() * 40);
      // Some rows are empty, and some longer than a bin.
      const rows = Array.from({ length: Math.floor(rng.next() * 60) }, (_, i) => ({
        ids: new Array<number>(Math.floor(rng.next() * (maxLength + 3))).fill(i),
      }));
      expect(packed(rows, maxLength)).toEqual(searched(rows, maxLength));
    }
  });

  it('takes no longer a row where there are many: a search would be at it for a minute', () => {
    const rows = Array.from({ length: 300_000 }, (_, i) => ({
      ids: { length: 100 + ((i * 7919) % 1300) } as readonly number[],
    }));
    expect(packed(rows, 2048).flat()).toHaveLength(rows.length);
  });
});

/** Best-fit decreasing as it is written down. */
function searched<Row extends { ids: readonly number[] }>(rows: readonly Row[], maxLength: number): Row[][] {
  const bins: { rows: Row[]; room: number }[] = [];
  for (const row of [...rows].sort((a, b) => b.ids.length - a.ids.length)) {
    let best: { rows: Row[]; room: number } | undefined;
    for (const bin of bins) {
      if (bin.room >= row.ids.length && (!best || bin.room < best.room)) best = bin;
    }
    if (!best) bins.push((best = { rows: [], room: maxLength }));
    best.rows.push(row);
    best.room -= row.ids.length;
  }
  return bins.map((bin) => bin.rows);
}

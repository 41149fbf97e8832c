// View 11: a model learns in this tab: its loss, its learning rate, and what it says every 25 steps.

import type { StepLine } from 'smollm2/train/page';
import { RECIPE } from '../train/page-recipe.ts';
import { PageTraining } from '../train/page-training.ts';
import { button, row } from '../ui/controls.ts';
import { h, prose } from '../ui/dom.ts';
import { figure, twin } from '../ui/figure.ts';
import { count, fixed, full, num } from '../ui/format.ts';
import { bottomAxis, label, line, scale } from '../ui/svg.ts';
import { t } from '../ui/text.ts';
import type { View } from './view.ts';

const STEPS = RECIPE.tokens.train_steps;
/** Loss of a model that knows nothing: every token is as likely as any other. */
const NOTHING = Math.log(RECIPE.model.model_config.vocab_size);

let training: PageTraining | undefined;
let redraw: () => void = () => undefined;

export const view: View = {
  isOwnCompare: true,
  controls(context) {
    redraw = context.redraw;
    training ??= new PageTraining(() => redraw());
    const run = training;
    const { stage } = run;
    const isOpen = stage === 'running' || stage === 'paused';
    return [
      row(
        button('train', t(stage === 'idle' ? 'train.start' : 'train.anew'), () => void run.start(), {
          class: stage === 'idle' ? 'primary' : '',
          disabled: stage === 'starting',
        }),
        stage === 'running' && button('pause', t('train.pause'), () => run.pause()),
        stage === 'paused' && button('go-on', t('train.go'), () => run.go(), { class: 'primary' }),
        run.canDecay && button('decay', t('train.decay'), () => void run.decay()),
        (isOpen || stage === 'finished') &&
          run.trunk.length === 0 &&
          button(
            'keep',
            run.keptStep > 0 ? t('train.keptAt', { step: run.keptStep }) : t('train.keep'),
            () => void run.keep(),
            { disabled: run.isKeeping },
          ),
        (isOpen || stage === 'finished') && button('save', t('train.save'), () => void save(run)),
        !isOpen && run.hasKept && button('kept', t('train.kept'), () => void run.start(true)),
      ),
    ];
  },
  picture({ width }) {
    if (!training) return [];
    const { lines, trunk, stage, trouble, lossHash } = training;
    const last = lines.at(-1);
    const said = {
      idle: t('train.idle', { steps: STEPS }),
      starting: t('train.starting'),
      running: last
        ? t('train.step', { step: last.step, steps: training.numSteps, loss: fixed(last.loss ?? 0) })
        : t('train.starting'),
      paused: t('train.paused', { step: last?.step ?? 0 }),
      finished: t('train.finished', { hash: lossHash }),
      failed: trouble,
    }[stage];
    return [
      ...(trouble !== '' && stage !== 'failed'
        ? [h('p', { class: 'bad', role: 'alert' }, `▲ ${trouble}`)]
        : []),
      h(
        'p',
        { role: stage === 'running' ? undefined : 'status', class: stage === 'failed' ? 'bad' : '' },
        said,
      ),
      lossFigure(lines, trunk, width),
      rateFigure(lines, width),
      ...samples(lines),
      ...slopes(training),
    ];
  },
};

function lossFigure(lines: readonly StepLine[], trunk: readonly StepLine[], width: number): HTMLElement {
  const height = 260;
  const x = scale(0, STEPS, 40, width - 12);
  const most = Math.max(8, ...lines.map(({ loss }) => loss ?? 0));
  const y = scale(0, most, height - 24, 12);
  const held = lines.flatMap(({ step, eval_loss }) =>
    typeof eval_loss === 'number' ? [{ step, loss: eval_loss }] : [],
  );
  const last = lines.at(-1)?.loss ?? NOTHING;
  return figure({
    title: t('train.loss'),
    desc: t(lines.length === 0 ? 'train.noLoss' : 'train.lossDesc', {
      nothing: fixed(NOTHING),
      last: fixed(last),
      held: held.length > 0 ? fixed(held[held.length - 1].loss) : '–',
    }),
    width,
    height,
    marks: [
      ...[0, 2, 4, 6, 8].map((loss) => label(34, y(loss), String(loss), 'small number', 'end')),
      line(
        [
          [40, y(NOTHING)],
          [width - 12, y(NOTHING)],
        ],
        'before-line',
      ),
      label(width - 12, y(NOTHING) - 10, t('train.nothing'), 'small muted', 'end'),
      line(
        trunk.map(({ step, loss }) => [x(step), y(loss ?? 0)] as const),
        'before-line',
      ),
      line(
        lines.map(({ step, loss }) => [x(step), y(loss ?? 0)] as const),
        'loss-line',
      ),
      line(
        held.map(({ step, loss }) => [x(step), y(loss)] as const),
        'stream-line',
      ),
      ...bottomAxis(
        [0, STEPS / 2, STEPS].map((step) => ({ at: x(step), text: count(step) })),
        40,
        width - 12,
        height - 24,
      ),
    ],
    table: {
      head: [t('train.stepHead'), t('train.loss'), t('train.heldOut')],
      rows: lines
        .filter(({ step, eval_loss }) => step <= 10 || eval_loss !== undefined)
        .map(({ step, loss, eval_loss }) => [
          step,
          loss ?? '–',
          typeof eval_loss === 'number' ? fixed(eval_loss) : '–',
        ]),
    },
  });
}

function rateFigure(lines: readonly StepLine[], width: number): HTMLElement {
  const height = 60;
  const x = scale(0, STEPS, 40, width - 12);
  const most = RECIPE.optimizer.learning_rate_scheduler.learning_rate;
  const y = scale(0, most, height - 8, 8);
  const last = lines.at(-1);
  return figure({
    title: t('train.rate'),
    desc: t('train.rateDesc', { most: num(most), now: num(last?.learning_rate ?? 0) }),
    width,
    height,
    marks: [
      line(
        lines.map(({ step, learning_rate }) => [x(step), y(learning_rate)] as const),
        'after-line',
      ),
      line(
        [
          [40, height - 8],
          [width - 12, height - 8],
        ],
        'rule',
      ),
    ],
    table: {
      head: [t('train.stepHead'), t('train.rate')],
      rows: lines
        .filter(({ step }) => step % 25 === 0)
        .map(({ step, learning_rate }) => [step, num(learning_rate)]),
    },
  });
}

/** Parameters of the first block and around it: one of each kind. */
const isShown = (name: string) => !/layers\.[1-9]/.test(name);

/** The gradient of a number that is chosen by its parameter, beside differences of the loss. */
function slopes(run: PageTraining): Node[] {
  const names = run.parameters.filter(isShown);
  if (names.length === 0) return [];
  const table = {
    head: [
      t('train.parameter'),
      t('word.position'),
      t('train.value'),
      t('train.backward'),
      t('train.difference'),
      t('train.apart'),
    ],
    rows: run.slopes.map(({ parameter, index, value, backward, difference }) => [
      shortName(parameter),
      index,
      full(value),
      backward.toExponential(9),
      difference.toExponential(9),
      Math.abs(difference - backward).toExponential(1),
    ]),
  };
  const choices = names.map((name) =>
    button(
      `slope-${name}`,
      h('span', { 'data-model': true }, shortName(name)),
      () => void run.checkSlope(name),
      { disabled: run.isChecking, class: 'chip' },
    ),
  );
  return [
    h(
      'section',
      { class: 'slopes' },
      h('h3', {}, t('train.slopes')),
      h('p', {}, t('train.slopesWhy')),
      h('div', { class: 'row' }, ...choices),
      run.slopes.length > 0 ? twin(t('train.slopes'), table, true) : '',
    ),
  ];
}

function shortName(name: string): string {
  return name.replace(/^model\.(layers\.)?|\.weight$/g, '');
}

/** What it said at each evaluation, newest first. */
function samples(lines: readonly StepLine[]): Node[] {
  const rows = lines.flatMap(({ step, samples: texts }) => {
    const [text] = Array.isArray(texts) ? texts : [];
    const said = typeof text === 'string' ? text : ((text as { text?: string } | undefined)?.text ?? '');
    return said === ''
      ? []
      : [h('li', {}, h('span', { class: 'muted' }, t('train.said', { step })), ' ', prose(said))];
  });
  return rows.length === 0
    ? []
    : [h('h3', {}, t('train.samples')), h('ol', { class: 'samples', role: 'list' }, ...rows.reverse())];
}

async function save(run: PageTraining): Promise<void> {
  const file = await run.file();
  if (!file) return;
  const link = h('a', { href: URL.createObjectURL(file), download: 'trained-here.gguf' });
  link.click();
}

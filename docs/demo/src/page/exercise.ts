// An exercise: the editor, the grader in a worker with a time limit, hints in three rungs, and what was written kept
// in this browser.

import {
  examined,
  exerciseNamed,
  type LearnerRun,
  TIME_LIMIT_MS,
  type Verdict,
  verdictText,
} from '../../../../course/index.ts';
import { byId } from '../ui/dom.ts';
import { dressEditor } from './editor.ts';
import { stripTypes } from './strip-types.ts';

export function startExercise(place: HTMLElement): void {
  const name = place.dataset.exercise ?? '';
  const exercise = exerciseNamed(name);
  const code = byId<HTMLTextAreaElement>('code');
  const stub = code.value;
  const key = `exercise:${name}`;
  code.value = localStorage.getItem(key) ?? stub;
  code.addEventListener('input', () => localStorage.setItem(key, code.value));
  dressEditor(code);
  let rung = 0;
  let last: Verdict | undefined;

  const show = (verdict: Verdict, lines: readonly string[]) => {
    last = verdict;
    const isRight = verdict.state === 'right' || verdict.state === 'right-float32';
    const box = byId('verdict');
    box.classList.toggle('is-right', isRight);
    box.classList.toggle('is-wrong', !isRight);
    box.textContent = verdictText(exercise, verdict, { lines, rungs: rung })
      .split('\n')
      .filter((line) => !/npm run|the next run/.test(line))
      .join('\n');
    byId('hint').hidden = isRight || verdict.hint === undefined || rung >= 3;
    if (isRight) localStorage.setItem(`done:${name}`, '1');
  };
  const grade = async () => {
    const button = byId<HTMLButtonElement>('grade');
    button.disabled = true;
    rung = 1;
    try {
      const { verdict, lines } = await graded(name, code.value);
      show(verdict, lines);
    } finally {
      button.disabled = false;
    }
  };
  byId('grade').addEventListener('click', () => void grade());
  byId('hint').addEventListener('click', () => {
    rung++;
    if (last) show(last, []);
  });
  byId('start-over').addEventListener('click', () => {
    code.value = stub;
    code.dispatchEvent(new Event('input'));
    localStorage.removeItem(key);
    code.focus();
  });
  byId('save').addEventListener('click', () => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([code.value], { type: 'text/plain' }));
    link.download = `${name}.ts`;
    link.click();
  });
  byId<HTMLButtonElement>('grade').disabled = false;
  let isLeaving = false;
  code.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void grade();
    } else if (event.key === 'Escape') isLeaving = true;
    else if (event.key === 'Tab' && !event.shiftKey && !isLeaving) {
      event.preventDefault();
      code.setRangeText('  ', code.selectionStart, code.selectionEnd, 'end');
      code.dispatchEvent(new Event('input'));
    } else isLeaving = false;
  });
}

/** The same verdict as in the terminal: the code runs in a worker, and is judged here. */
async function graded(name: string, text: string): Promise<{ verdict: Verdict; lines: readonly string[] }> {
  const exercise = exerciseNamed(name);
  const failed = (state: Verdict['state'], message: string) => ({
    verdict: { exercise: name, state, message } as Verdict,
    lines: [],
  });
  let code: string;
  try {
    code = await stripTypes(text);
  } catch (error) {
    return failed('threw', `the file cannot be read: ${(error as Error).message}`);
  }
  let run = await learnerRun(name, code);
  if (run === 'unread') run = await learnerRun(name, code);
  if (run === 'slow')
    return failed('slow', `stopped after ${TIME_LIMIT_MS / 1000} seconds: does every loop end?`);
  if (run === 'ended' || run === 'unread') return failed('threw', 'the worker ended');
  return { verdict: await examined(exercise, run.outcomes), lines: run.lines };
}

/** What waits for a worker is held by its listener only, and Firefox collects such a worker. */
const running = new Set<Worker>();

/**
 * The code in a worker of its own. `unread`: the worker's script did not come; WebKit loses it once while a service worker
 * is being installed.
 */
async function learnerRun(name: string, code: string): Promise<LearnerRun | 'slow' | 'ended' | 'unread'> {
  const worker = new Worker(new URL('./learner-worker.ts', import.meta.url), { type: 'module' });
  running.add(worker);
  try {
    return await new Promise((resolve) => {
      worker.onerror = () => resolve('unread');
      worker.onmessage = ({ data }: MessageEvent<'ready' | { run: LearnerRun }>) => {
        if (data !== 'ready') return resolve(data.run);
        worker.onerror = () => resolve('ended');
        setTimeout(resolve, TIME_LIMIT_MS, 'slow');
        worker.postMessage({ name, code });
      };
    });
  } finally {
    running.delete(worker);
    worker.terminate();
  }
}

import type { Learner } from './learner.ts';

type Next = (ids: number[]) => number[];

export const right: Learner[] = [
  {
    what: 'a for loop, Math.max and indexOf',
    solution: (prompt: number[], next: Next, stopId: number, maxNewTokens: number) => {
      const ids = [...prompt];
      for (let i = 0; i < maxNewTokens; i++) {
        const scores = next(ids);
        const best = scores.indexOf(Math.max(...scores));
        if (best === stopId) break;
        ids.push(best);
      }
      return ids.slice(prompt.length);
    },
  },
  {
    what: 'recursion',
    solution: function go(prompt: number[], next: Next, stopId: number, left: number): number[] {
      if (left === 0) return [];
      const best = next(prompt).reduce((b, s, i, all) => (s > all[b] ? i : b), 0);
      return best === stopId ? [] : [best, ...go([...prompt, best], next, stopId, left - 1)];
    },
  },
];

const argmax = (row: number[]) => row.indexOf(Math.max(...row));

export const wrong: Learner[] = [
  {
    what: 'the stop token stands in the answer',
    name: 'keeps-the-stop',
    solution: (prompt: number[], next: Next, stopId: number, maxNewTokens: number) => {
      const out: number[] = [];
      while (out.length < maxNewTokens && out.at(-1) !== stopId) out.push(argmax(next([...prompt, ...out])));
      return out;
    },
  },
  {
    what: 'the model is shown the newest token only',
    name: 'newest-after-the-prompt',
    missedAtFirst: true,
    solution: (prompt: number[], next: Next, stopId: number, maxNewTokens: number) => {
      const out: number[] = [];
      let input = prompt;
      while (out.length < maxNewTokens) {
        const id = argmax(next(input));
        if (id === stopId) return out;
        out.push(id);
        input = [id];
      }
      return out;
    },
  },
  {
    what: 'the prompt is returned too',
    name: 'with-the-prompt',
    solution: (prompt: number[], next: Next, stopId: number, maxNewTokens: number) => {
      const ids = prompt.slice();
      for (let n = 0; n < maxNewTokens; n++) {
        const id = argmax(next(ids));
        if (id === stopId) return ids;
        ids.push(id);
      }
      return ids;
    },
  },
  {
    what: '>= finds the last of equals',
    name: 'last-of-equals',
    solution: (prompt: number[], next: Next, stopId: number, maxNewTokens: number) => {
      const out: number[] = [];
      while (out.length < maxNewTokens) {
        const scores = next(prompt.concat(out));
        let best = 0;
        for (let i = 0; i < scores.length; i++) if (scores[i] >= scores[best]) best = i;
        if (best === stopId) break;
        out.push(best);
      }
      return out;
    },
  },
  {
    what: 'pushes onto the prompt that it was given',
    name: null,
    missedAtFirst: true,
    solution: (prompt: number[], next: Next, stopId: number, maxNewTokens: number) => {
      const start = prompt.length;
      while (prompt.length - start < maxNewTokens) {
        const id = argmax(next(prompt));
        if (id === stopId) break;
        prompt.push(id);
      }
      return prompt.slice(start);
    },
  },
];

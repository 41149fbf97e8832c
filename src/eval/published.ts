// Scores that the authors published, to stand next to ours: model cards of SmolLM2 and tables 4 and 5 of the
// paper (arXiv 2502.02737). ARC is the mean of its two sets; MMLU is the cloze form; bf16 weights, lighteval,
// vLLM.

const CARDS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  '135m-instruct': {
    ifeval: 29.9,
    hellaswag: 40.9,
    arc: 37.3,
    piqa: 66.3,
    mmlu: 29.3,
    bbh: 28.2,
    gsm8k: 1.4,
  },
  '360m-instruct': {
    ifeval: 41.0,
    hellaswag: 52.1,
    arc: 43.7,
    piqa: 70.8,
    mmlu: 32.8,
    bbh: 27.3,
    gsm8k: 7.43,
  },
  '1.7b-instruct': {
    ifeval: 56.7,
    hellaswag: 66.1,
    arc: 51.7,
    piqa: 74.4,
    mmlu_pro: 19.3,
    bbh: 32.2,
    gsm8k: 48.2,
    math: 21.0,
    humaneval: 28.1,
  },
  '135m': {
    hellaswag: 42.1,
    arc: 43.9,
    piqa: 68.4,
    mmlu: 31.5,
    commonsense_qa: 33.9,
    trivia_qa: 4.1,
    winogrande: 51.3,
    openbook_qa: 34.6,
    gsm8k: 1.4,
  },
  '360m': {
    hellaswag: 54.5,
    arc: 53.0,
    piqa: 71.7,
    mmlu: 35.8,
    commonsense_qa: 38.0,
    trivia_qa: 16.9,
    winogrande: 52.5,
    openbook_qa: 37.4,
    gsm8k: 3.2,
  },
  '1.7b': {
    hellaswag: 68.7,
    arc: 60.5,
    piqa: 77.6,
    mmlu_pro: 19.4,
    commonsense_qa: 43.6,
    trivia_qa: 36.7,
    winogrande: 59.4,
    openbook_qa: 42.2,
    gsm8k: 31.0,
    math: 11.6,
    humaneval: 22.6,
  },
};

/**
 * The published score in percent of a task or of a group such as `arc`; the size is read out of the model's
 * name.
 */
export function publishedScore(model: string, task: string): number | undefined {
  const name = model.toLowerCase();
  const size = /(135m|360m|1\.7b)/.exec(name)?.[1];
  if (!size) return undefined;
  return CARDS[name.includes('instruct') ? `${size}-instruct` : size][task];
}

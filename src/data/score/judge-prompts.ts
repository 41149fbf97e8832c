// What a judge is asked: the paper's additive points (appendices C.2, C.3, D.1) in words of our own. Each
// ends in the line that judge.ts reads.

const ENDS = (line: string, most: number) =>
  '\n\n## Text\n{text}\n\nGive your reasons in at most 100 words, then end with the line ' +
  `"${line}: n", n from 0 to ${most}.`;

export interface JudgePrompt {
  readonly prompt: string;
  readonly most: number;
}

export const JUDGE_PROMPTS: Readonly<Record<string, JudgePrompt>> = {
  'finemath-3': {
    most: 3,
    prompt:
      'Rate a web page by its use for learning mathematics. Add one point if it has some mathematical content, even ' +
      'if useless or too advanced; one if it reasons logically about mathematics; one if it is of the right level ' +
      '(up to secondary school) and explains step by step. Overlook faults of formatting.' +
      ENDS('Final score', 3),
  },
  finemath: {
    most: 5,
    prompt:
      'Rate a web page by its use for teaching mathematics at school. Add one point if it has some mathematical ' +
      'content, advertising and unit conversion included; one if it deals with mathematical topics, though badly ' +
      'written or too complex; one if it solves problems or reasons logically, even without steps; one if its level ' +
      'is right and its deductions are clear and step by step, as in a textbook; one if it is outstanding for ' +
      'teaching at school.' +
      ENDS('Final score', 5),
  },
  'stack-edu': {
    most: 5,
    prompt:
      'Rate a source file by its use for teaching programming. Add one point if it is valid code; one if it shows ' +
      'practical concepts; one if it is well structured, commented and fit for education; one if it is ' +
      'self-contained and like an exercise or a tutorial; one if it is outstanding for learners.' +
      ENDS('Educational score', 5),
  },
};

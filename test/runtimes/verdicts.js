// Every verdict of the course as text, on whatever it runs: stubs, solutions and each known mistake.

/**
 * @param course the course's door
 * @param learners { NAME: { stub, solution } }, the modules of an exercise
 * @returns [what, verdict as JSON] for each
 */
export async function allVerdicts({ EXERCISES, collect, examined, mutantOutcomes }, learners) {
  const found = [];
  for (const exercise of EXERCISES) {
    const put = async (what, outcomes) =>
      found.push([`${exercise.name} ${what}`, JSON.stringify(await examined(exercise, outcomes))]);
    for (const [part, module] of Object.entries(learners[exercise.name]))
      await put(part, collect(exercise, module));
    for (const mistake of Object.keys(exercise.mistakes))
      await put(mistake, mutantOutcomes(exercise, [mistake]));
  }
  return found;
}

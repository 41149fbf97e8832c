#!/bin/bash
# A recipe over many files on a Slurm cluster: two array jobs of the same line, the second for what a grouping
# (deduplication) made the first wait for. Ranks that were killed are finished by submitting again: markers say what is
# done.
#
#   bash curate.sh recipes/curate/fineweb.yaml "pages/*.jsonl.gz" /shared/clean 100
set -euo pipefail
recipe=$1 input=$2 out=$3 world=$4

job='smollm2 curate "$RECIPE" --in "$INPUT" --out "$OUT" --rank "$SLURM_ARRAY_TASK_ID" --world "$WORLD"'
export RECIPE=$recipe INPUT=$input OUT=$out WORLD=$world
submit() {
  sbatch --parsable --array "0-$((world - 1))" --cpus-per-task 1 --mem 4G --export ALL "$@" --wrap "$job"
}

first=$(submit --job-name curate-1)
# afterany: ranks of the first job that were killed are made good by the second.
second=$(submit --job-name curate-2 --dependency "afterany:$first")
echo "submitted $first, then $second; report in $out/report.html"

#!/bin/sh
# Raw pages to a trained model, with a report at each step, and the same without filters: ./run.sh TEXT.txt [STEPS]
# SMOLLM2 names the command line, such as "node ../../dist/cli/main.js".
set -eu
text=$1
steps=${2:-600}
: "${SMOLLM2:=smollm2}"
here=$(cd "$(dirname "$0")" && pwd)

# 1. Pages as a crawl has them, out of a clean text.
node "$here/make-pages.mjs" "$text" run

# 2. A scorer from labelled texts: stories or not. It prints its cross-validation.
$SMOLLM2 score train --jsonl --scorer run/quality.json < run/labelled.jsonl

# 3. A vocabulary for both models, from the held-out half's language: 2,048 pieces.
$SMOLLM2 train-tokenizer run/held-out.txt --vocab-size 2048 --min-frequency 2 --out run/tokenizer.json

# 4. Filter, score, deduplicate, count: run/clean/report.html. And the same pages unfiltered.
$SMOLLM2 curate "$here/clean.yaml" --in run/pages.jsonl.gz --out run/clean
$SMOLLM2 curate "$here/raw.yaml" --in run/pages.jsonl.gz --out run/raw

# 5. Tokens.
for kind in clean raw; do
  $SMOLLM2 tokenize-corpus run/$kind/output/*.jsonl.gz --tokenizer run/tokenizer.json --out run/tokens-$kind
done
$SMOLLM2 tokenize-corpus run/held-out.txt --tokenizer run/tokenizer.json --out run/tokens-held-out

# 6. Two models of one shape, on equally many tokens; bits per byte on clean text at the end.
for kind in clean raw; do
  sed -e "s/KIND/$kind/g" -e "s/STEPS/$steps/g" -e "s/WARMUP/$((steps / 20))/" -e "s/DECAY_START/$((steps * 4 / 5))/" \
    -e "s/DECAY_LENGTH/$((steps / 5))/" "$here/nano.yaml" > run/nano-$kind.yaml
  $SMOLLM2 train run/nano-$kind.yaml --out run/nano-$kind
done
for kind in clean raw; do
  tail -n 1 run/nano-$kind/log.jsonl | sed -n "s/.*\"eval_bits_per_byte\":\([0-9.]*\).*/$kind: \1 bits a byte/p"
done

"""Which instructions 541 stored answers follow, by the official IFEval checkers (as packaged in lm_eval).

    pip install lm_eval nltk langdetect
    python make_ifeval_reference.py ../../../../shared/eval-data > ifeval_followed.json

NLTK's trained Punkt model is not on the package index: sentences are counted by an untrained one with the
abbreviations of src/eval/words.ts, and words are split without a sentence pass.
"""
import json
import random
import re
import sys

import langdetect
import nltk
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

ABBREVIATIONS = re.findall(
    r"\S+",
    "mr mrs ms dr prof st jr sr inc ltd co corp u.s u.k e.g i.e vs etc no vol fig al p.m a.m gen rep sen gov "
    "capt lt col sgt rev hon jan feb mar apr jun jul aug sep sept oct nov dec ph.d d.c",
)
parameters = PunktParameters()
parameters.abbrev_types = set(ABBREVIATIONS)
sentences = PunktSentenceTokenizer(parameters)
word_tokenize = nltk.word_tokenize
nltk.download = lambda *_args, **_kwargs: True
nltk.data.find = lambda *_args, **_kwargs: True
nltk.word_tokenize = lambda text: word_tokenize(text, preserve_line=True)
nltk.data.load = lambda *_args, **_kwargs: sentences
langdetect.DetectorFactory.seed = 0

from lm_eval.tasks.ifeval import instructions_util, utils  # noqa: E402

instructions_util.count_sentences = lambda text: len(sentences.tokenize(text))
instructions_util.nltk.word_tokenize = nltk.word_tokenize


def main(folder):
    rows = [json.loads(line) for line in open(f"{folder}/ifeval.input_data.jsonl", encoding="utf-8")]
    answers = [json.loads(line) for line in open(f"{folder}/ifeval.gpt4_responses.jsonl", encoding="utf-8")]
    followed = []
    random.seed(0)  # the official checker draws a letter where the prompt's is none ('#', '!')
    for row, answer in zip(rows, answers):
        example = utils.InputExample(
            key=row["key"], instruction_id_list=row["instruction_id_list"], prompt=row["prompt"], kwargs=row["kwargs"]
        )
        for test in (utils.test_instruction_following_strict, utils.test_instruction_following_loose):
            result = test(example, answer["response"])
            followed.append("".join(str(int(value)) for value in result.follow_instruction_list))
    json.dump({"strict": followed[0::2], "loose": followed[1::2]}, sys.stdout)


main(sys.argv[1])

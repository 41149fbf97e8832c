"""Log-likelihoods of multiple-choice questions by HuggingFace transformers, as lines that `smollm2 eval compare` reads.

    pip install torch transformers gguf accelerate
    python make_eval_reference.py MODEL.gguf TOKENIZER.json DATA_FOLDER OUT.jsonl [ROWS=200] [TASK …]

The weights of the GGUF file are dequantised to float32. TOKENIZER.json (../tokenizer/tokenizer.json) is read by the
tokenizers library: transformers 5.23 makes a GPT2Tokenizer of it, and of the GGUF file, that does not split digits, so
that a number after several blanks gets other ids. Prompts, pair tokenisation and acc_norm are lighteval's, written here
a second time: the script shares nothing with the TypeScript code but the data. Every pair runs whole and alone,
without a cache; only where all continuations are one token long is their common context computed once. Rows that OUT
has are kept, so that a run that was stopped goes on, and 200 rows can become a whole set (ROWS=99999).
"""
import gzip
import json
import os
import re
import sys

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

LETTERS = "ABCDEFGHIJ"


def rows_of(folder, name, count):
    path = f"{folder}/{name}"
    with (gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else open(path, encoding="utf-8")) as lines:
        return [json.loads(line) for _, line in zip(range(count), lines)]


def choices_of(row):
    choices = row["choices"]
    if isinstance(choices, list):
        return choices, row["gold"] if "gold" in row else row["answer"]
    return choices["text"], choices["label"].index(row["answerKey"])


def with_blank(query, row):
    texts, gold = choices_of(row)
    return query, [" " + text for text in texts], gold


def winogrande(row):
    before, rest = row["sentence"].split("_", 1)
    return before, [f"{row[name]} {rest.strip()}" for name in ("option1", "option2")], int(row["answer"]) - 1


def hellaswag(row):
    clean = lambda text: re.sub(r"\[.*?\]", "", text.replace(" [title]", ". ")).replace("  ", " ")  # noqa: E731
    text = row["ctx"]
    fragment = re.search(r"(?<=[.:!?,\"')] )[a-z][^.:]*$", text)
    if row["ind"] < 3243 and fragment:
        text = text[: fragment.start()] + fragment[0].capitalize()
    return clean(text + " "), [" " + clean(ending) for ending in row["endings"]], row["label"]


def mmlu_letters(row):
    topic = row["subject"].replace("_", " ")
    listed = "".join(f"{letter}. {choice}\n" for letter, choice in zip(LETTERS, row["choices"]))
    head = f"The following are multiple choice questions (with answers) about {topic}.\n\n"
    return f"{head}{row['question']}\n{listed}Answer:", [" " + letter for letter in "ABCD"], row["answer"]


def mmlu(row):
    topic = row["subject"].replace("_", " ")
    return with_blank(f"The following are questions about {topic}.\nQuestion: {row['question']}\nAnswer:", row)


def mmlu_pro(row):
    letters = list(LETTERS[: len(row["options"])])
    listed = "".join(f"{letter}. {choice}\n" for letter, choice in zip(letters, row["options"]))
    head = f"The following are multiple choice questions (with answers) about {row['category'].replace('_', ' ')}.\n\n"
    return f"{head}{row['question']}\n{listed}Answer:", letters, row["answer_index"]


def question(row):
    return with_blank(f"Question: {row['question']}\nAnswer:", row)


TASKS = {
    "piqa": (
        "piqa.validation.jsonl",
        lambda row: (f"Question: {row['goal']}\nAnswer:", [" " + row["sol1"], " " + row["sol2"]], row["label"]),
    ),
    "arc:easy": ("arc_easy.test.jsonl", question),
    "arc:challenge": ("arc_challenge.test.jsonl", question),
    "openbook_qa": ("openbookqa.validation.jsonl", lambda row: with_blank(row["question_stem"], row)),
    "commonsense_qa": ("commonsense_qa.validation.jsonl", lambda row: with_blank(row["question"], row)),
    "winogrande": ("winogrande_xl.validation.jsonl", winogrande),
    "hellaswag": ("hellaswag.val.klosax.jsonl.gz", hellaswag),
    "mmlu": ("mmlu.test.jsonl.gz", mmlu),
    "mmlu_letters": ("mmlu.test.jsonl.gz", mmlu_letters),
    "mmlu_pro": ("mmlu_pro.test.jsonl.gz", mmlu_pro),
}


def encoded(tokenizer, context, continuation):
    kept = context.rstrip()
    whole = tokenizer.encode(context + continuation).ids
    split = len(tokenizer.encode(kept).ids)
    return whole, min(split, len(whole) - 1)


@torch.no_grad()
def loglikelihoods(model, tokenizer, context, continuations):
    pairs = [encoded(tokenizer, context, continuation) for continuation in continuations]
    if all(split == len(ids) - 1 and ids[:-1] == pairs[0][0][:-1] for ids, split in pairs):
        logits = model(torch.tensor([pairs[0][0][:-1]])).logits[0, -1]
        return torch.log_softmax(logits.double(), -1)[[ids[-1] for ids, _ in pairs]].tolist()
    sums = []
    for ids, split in pairs:
        logits = model(torch.tensor([ids[:-1]]), logits_to_keep=len(ids) - split).logits[0]
        logprobs = torch.log_softmax(logits.double(), -1)
        sums.append(sum(logprobs[i, target].item() for i, target in enumerate(ids[split:])))
    return sums


def rows_done(out):
    """Keys of the lines of an earlier run; a last line without its end is cut off."""
    with open(out, "a+b") as lines:
        lines.seek(0)
        kept = lines.read().rpartition(b"\n")[0].splitlines(keepends=True)
        lines.truncate(sum(map(len, kept)) + (1 if kept else 0))
    return {(line["task"], line["row"]) for line in map(json.loads, kept)}


def open_model(weights, tokenizer_file):
    directory, file = os.path.split(os.path.abspath(weights))
    model = AutoModelForCausalLM.from_pretrained(directory, gguf_file=file, dtype=torch.float32).eval()
    return model, Tokenizer.from_file(tokenizer_file)


def scored(model, tokenizer, name, row):
    """Log-likelihoods, choice, label and scores of one question."""
    context, choices, gold = TASKS[name][1](row)
    lls = loglikelihoods(model, tokenizer, context, choices)
    lengths = [len(choice) - choice.startswith(" ") for choice in choices]
    norm = [ll / length for ll, length in zip(lls, lengths)]
    chosen = norm.index(max(norm))
    scores = {"acc_norm": int(chosen == gold), "acc": int(lls.index(max(lls)) == gold)}
    return {"loglikelihood": lls, "chosen": chosen, "gold": gold, "scores": scores}


def main(weights, tokenizer_file, folder, out, count="200", *names):
    model, tokenizer = open_model(weights, tokenizer_file)
    done = rows_done(out)
    with open(out, "a", encoding="utf-8") as lines:
        for name in names or TASKS:
            for index, row in enumerate(rows_of(folder, TASKS[name][0], int(count))):
                if (name, index) not in done:
                    line = {"task": name, "row": index, **scored(model, tokenizer, name, row)}
                    lines.write(json.dumps(line) + "\n")
                    lines.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

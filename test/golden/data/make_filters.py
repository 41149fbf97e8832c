"""Words, sentences and decisions of filters.json, by datatrove 0.10.1 and spaCy 3.8.18 (blank English).

    python -m venv venv && venv/bin/pip install 'datatrove[processing]==0.10.1' spacy==3.8.18
    venv/bin/python make_filters.py > filters.json

All texts are made here. `words` are strings put together at random from special cases, marks and white space.
"""
import json
import random

from datatrove.data import Document
from datatrove.pipeline.filters import C4ParagraphFilter, C4QualityFilter, FineWebQualityFilter
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.formatters import PIIFormatter, SymbolLinesFormatter
from datatrove.utils.text import split_into_sentences, split_into_words
import spacy

random.seed(15)
SPECIALS = list(spacy.blank("en").tokenizer.rules)
MARKS = list(".,;:!?'\"’‘“”()[]{}<>-–—…/*&#%$£€+=@_~|`^\\°²µ")
SPACES = [" "] * 12 + ["\n", "\t", "  ", "\n\n", " \n", "\u00a0", "\u2028", "\ufeff", "\x85", "\x1c", "\r\n", "\u3000"]
PARTS = (
    "the I km 5 12 3.5 foo-bar x,y U.S.A http://a.b.com/x?y user@mail.example.org www.x.org Hello World. a 10:30 1st ² "
    "naïve ÉCOLE straße ﬁne 𝒳 日本語 ไทย हिन्दी 한국어 العربية 😀 👍🏽 → № 10kg 5% $5 US$3 3€ Mr -- --- .... 192.168.1.1 8.8.8.8 "
    "a@b x=y A.B aB.cD 10-12 re-use x:y 1*2 -5 +5 rock'n'roll l'été мир км 10км кот. Ωmega α,β e\u0301 \u200b ǅ ʔ ① Ⅷ ª a\u0300."
).split(" ")


def strange():
    text = ""
    for _ in range(random.randint(1, 12)):
        draw = random.random()
        text += (
            random.choice(SPECIALS) if draw < 0.3
            else random.choice(PARTS) if draw < 0.65
            else "".join(random.choices(MARKS, k=random.randint(1, 3))) if draw < 0.85
            else random.choice(SPACES)
        )
        text += random.choice(SPACES) if random.random() < 0.35 else ""
    return text


NOUNS = "river garden engine lantern theorem harbour violin winter market teacher bridge forest letter mirror kettle".split()
VERBS = "follows carries answers remembers crosses repairs measures paints opens counts mends guards".split()
PLACES = "behind under beside without towards inside around beyond near against".split()
KINDS = "old narrow silent green heavy borrowed wooden distant early careful".split()


def sentence():
    a, b, c = random.sample(NOUNS, 3)
    end = f"{random.choice(PLACES)} that {random.choice(KINDS)} {c}"
    return f"The {random.choice(KINDS)} {a} {random.choice(VERBS)} and {random.choice(VERBS)} to {b} {end}."


def prose(paragraphs=4, sentences=6):
    return "\n".join(" ".join(sentence() for _ in range(sentences)) for _ in range(paragraphs))


good = prose()
lines = good.split("\n")
TEXTS = {
    "prose": good,
    "empty": "",
    "blank": " \n \u3000\n",
    "short": "Three words only.",
    "words of one letter": "a b c d e f " * 20 + "the of.",
    "long words": "the incomprehensibilities of counterrevolutionaries and internationalisations " * 8 + "end.",
    "hashes": good + " #" * 60,
    "ellipses": good.replace(".", "..."),
    "ellipsis lines": "\n".join(line[:-1] + "…" for line in lines),
    "bullets": "\n".join("- " + sentence() for _ in range(12)),
    "bullets of another form": "\n".join("  •" + sentence() for _ in range(12)),
    "numbers": " ".join(f"{n}, {n + 1}; {n * 7}" for n in range(80)) + " the of that and.",
    "no stop words": " ".join(random.choice(NOUNS) for _ in range(80)) + ".",
    "a line again and again": "\n".join([lines[0]] * 5 + lines),
    "a paragraph again and again": "\n\n".join([lines[0]] * 3 + lines),
    "a run of two": ("red kettle " * 30) + good,
    "a run of seven": ("one two three four five six seven " * 6) + prose(8),
    "joined runs": "ab c d e f g a bc d e f g " + prose(1, 2),
    "braces": good + "\nA set {x} is meant by the braces of this line here.",
    "lorem": good + "\nAnd then Lorem ipsum comes, as it always does.",
    "javascript": "Please enable JavaScript to see this page.\n" + good,
    "policies": "We use cookies to make this page better.\nSee our Privacy Policy for all of it.\n" + good,
    "citations": "\n".join(line[:-1] + "[12].[edit][citation needed]" for line in lines),
    "menu above": "Home\nNews\nAbout us\n" + good + "\nPrevious | Next",
    "a word of 1200 letters": "x" * 1200 + " is one word here.\n" + good,
    "short lines": "\n".join(f"{noun} here." for noun in NOUNS) + "\n" + sentence(),
    "no ends": "\n".join(line[:-1] for line in lines * 3),
    "repeated characters": good + "\n" + lines[1],
    "a list": "\n".join(f"The {noun} of that." for noun in NOUNS) + "\n" + good,
    "three paragraphs": "\n".join([prose(1, 4)] * 3),
    "separators": "one line.\x0bhere\x1cthere\x85 and\u2028yonder.\r\n" + good,
    "other scripts": "これは文です。\n" * 3 + good,
    "astral": ("𝒳 of the 𝒴 and 😀 that have 👍🏽 to be. " * 12).strip(),
    "mail": "Write to ann.lee+x@mail.example.net, «bob@example.org», é.x@y.zz or c@[8.8.8.8] or a..b@c.de, not to a@b.",
    "addresses": "8.8.8.8, 10.0.0.1, 192.168.1.7, 1.2.3.4, 100.64.0.1, 203.0.113.9, 08.8.8.8, 255.255.255.255, 1.2.3.4.5",
    "ellipses within": good.replace(" ", "... "),
    "blank lines": good.replace(". ", ".\n\n\n\n\n"),
    "runs of nine": ("a b c d e f g h i " * 4) + prose(10),
    "rules of marks": "Title\n=====\n\n* * *\nA line. -- --\n...\n!!! \n\t--\n \u3000\nend\n---",
}
FILTERS = {
    "gopher-quality": (GopherQualityFilter, {}),
    "gopher-quality/loose": (GopherQualityFilter, {"min_doc_words": 2, "min_stop_words": 0}),
    "gopher-quality/none": (GopherQualityFilter, {"min_doc_words": 0, "min_stop_words": 3}),
    "gopher-repetition": (GopherRepetitionFilter, {}),
    "c4-quality": (C4QualityFilter, {}),
    "c4-quality/fineweb": (C4QualityFilter, {"filter_no_terminal_punct": False}),
    "c4-quality/sentences": (C4QualityFilter, {"split_paragraph": False, "min_num_sentences": 3}),
    "c4-paragraph": (C4ParagraphFilter, {}),
    "fineweb-quality": (FineWebQualityFilter, {}),
}


def decision(kind, options, text):
    document = Document(text=text, id="x")
    try:
        kept = kind(**options).filter(document)
    except ZeroDivisionError:
        return {"removed": "empty"}
    if kept is True:
        return {"text": document.text} if document.text != text else {}
    return {"removed": kept[1]}


print(json.dumps({
    "words": [
        [text, split_into_words(text), [len(part) for part in split_into_sentences(text)]]
        for text in (strange() for _ in range(400))
    ],
    "texts": [
        {
            "name": name,
            "text": text,
            **{key: decision(*filters, text) for key, filters in FILTERS.items()},
            "pii": {"text": PIIFormatter(email_replacement="<mail>", ip_replacement="<ip>").format(text)},
            "symbol-lines": {"text": SymbolLinesFormatter().format(text)},
        }
        for name, text in TEXTS.items()
    ],
}, ensure_ascii=False, separators=(",", ":")))

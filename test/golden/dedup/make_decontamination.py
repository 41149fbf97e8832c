# Makes decontamination.json: what Python's difflib finds in common, what cosmopedia's rule makes of it, and which
# runs of words datatrove 0.10.1 indexes. Environment: that of make_dedup.py.

import difflib, json, random, re, unicodedata
from pathlib import Path

from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontIndexer
from datatrove.utils.hashing import HashConfig

rng = random.Random(3)
blocks = []
for alphabet, sizes in [("ab", (12, 9)), ("abc ", (60, 40)), ("abcdefgh ", (200, 80)), ("the cat sat on a mat ", (400, 150))]:
    for _ in range(6):
        a, b = ("".join(rng.choice(alphabet) for _ in range(rng.randint(0, n))) for n in sizes)
        at = rng.randint(0, len(a))
        if rng.random() < 0.7:
            a = a[:at] + b[len(b) // 4 : len(b) // 2] + a[at:] + b[len(b) // 2 :]
        found = difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()[:-1]
        blocks.append(dict(a=a, b=b, blocks=[list(x) for x in found]))


def tokens(text):
    text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return re.findall(r"\w+", text.lower())


def ratio(document, item):
    a, b = (" ".join(tokens(x)) for x in (document, item))
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    parts = [a[i : i + n] for i, _, n in matcher.get_matching_blocks() if n > 5]
    return len(" ".join("".join(parts).split())) / len(b)


ITEMS = [
    ("A farmer has seventeen sheep and buys nine more at the market; how many sheep does she have then?", "She has seventeen plus nine, which is twenty-six sheep."),
    ("Which gas do plants take from the air when they make sugar with the help of light?", "Carbon dioxide, which they take in through small openings in their leaves."),
    ("Été comme hiver, la façade naïve du café reste ouverte à tous les voisins du quartier.", "oui"),
]
changed = lambda text, share: " ".join("word" if rng.random() < share else w for w in text.split())
documents = []
for query, answer in ITEMS:
    whole = query + " " + answer
    for share in (0, 0.05, 0.15, 0.3):
        documents.append("Something before it stands here. " + changed(whole, share) + " And then the page goes on for a while.")
documents += ["Nothing of it is in here, not even a little.", ITEMS[0][0], ITEMS[1][1] + " " + ITEMS[1][1], ""]
ratios = [[ratio(d, q + " " + a) for q, a in ITEMS] for d in documents]

NGramsDecontIndexer._requires_dependencies = []
indexer = NGramsDecontIndexer("/tmp", config=NGramsDecontConfig(n_grams=5, hash_config=HashConfig(precision=64, hash_fc="sha1")))
hashes = [sorted(str(h) for h in indexer.compute_hashes(a, q)) for q, a in ITEMS]
words = lambda text: indexer.tokenizer.word_tokenize(__import__("datatrove.utils.text").utils.text.simplify_text(text))
out = dict(blocks=blocks, items=ITEMS, documents=documents, ratios=ratios, hashes=hashes, itemWords=[[words(q), words(a)] for q, a in ITEMS])
Path("decontamination.json").write_text(json.dumps(out, ensure_ascii=True) + "\n")

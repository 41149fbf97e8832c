# Makes dedup.json: what datatrove 0.10.1 (spaCy 3.8.18) answers for the documents below, byte for byte.
#
#   pip install datatrove==0.10.1 spacy==3.8.18 "xxhash<3.6" regex fasteners tokenizers orjson && python make_dedup.py

import base64, json, random, tempfile
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.dedup import minhash as mh
from datatrove.pipeline.dedup import sentence_dedup as sd
from datatrove.pipeline.dedup.bloom_filter import BloomFilterConfig, SingleBloomFilter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import simplify_text
from datatrove.utils.word_tokenizers import load_word_tokenizer

SENTENCES = """The ferry leaves the northern harbour twice a day, and on Sundays only once.
A gardener who waters in the morning loses less of it to the sun.
My grandmother kept 14 hens, 3.5 geese (as she said) and one very old goat.
Nobody had told the new teacher that the bell rings five minutes early.
If a number ends in zero or five, it can be divided by five without a rest.
The mill at the end of the valley was turned into a small library in 1987.
Bread rises more slowly when the kitchen is cold, so give it another hour.
She wrote down every bird that she saw, its colour and the time of day.
A square with sides of seven centimetres has an area of forty-nine.
The café on the corner closes at six; its owner naïvely hopes for later guests.
Copper turns green in the rain, which is why old roofs look the way they do.
He couldn't find the key, and the neighbours weren't at home either.
To add two fractions, first give them the same denominator.
The train was late again, but the view over the lake made up for it.
Every winter the children build a wall of snow in front of the school.
Wool that is washed too hot becomes felt and cannot be knitted again.
The map shows three wells; only the middle one still has water in it.
We'll need about 2,500 nails, twelve boards and a dry weekend in May.
An even number plus an odd number always gives an odd number.
The choir sings on Thursdays, and whoever comes late has to bring cake.
Salt lowers the temperature at which water freezes, down to a limit.
Her first bicycle was red, far too large and without any brakes.
Counting by threes, you reach thirty-three after eleven steps.
The museum's oldest clock has lost one minute in two hundred years.""".split("\n")

rng = random.Random(7)


def page(n):
    lines = rng.sample(SENTENCES, n)
    return " ".join(lines[: n // 2]) + "\n" + " ".join(lines[n // 2 :])


def changed(text, share):
    return " ".join("other" if rng.random() < share else word for word in text.split(" "))


pages = [page(9) for _ in range(8)]
texts = (
    pages
    + [pages[0], pages[1].upper(), changed(pages[2], 0.02), changed(pages[3], 0.05), changed(pages[4], 0.2)]
    + [pages[5].replace(" ", "  ").replace(".", "!"), pages[6] + " " + pages[6], pages[0] + " One more line at the end."]
    + ["", "Four words are few.", "Five words are just enough.", "... ??? !!!", "1 2 3 4 5 6 7 8 9 10"]
    + ["don't can't won't it's I'm we'd they've y'all cannot gonna", "https://example.org/a/very/long/" + "path/" * 30 + " is one long word among others"]
    + ["\u00c9t\u00e9 \u00e0 la plage, \u00ab c'est \u00e7a \u00bb\u00a0! \u2014 \u0130stanbul \u039f\u03b4\u03cc\u03c2 \u0661\u0662\u066b\u0663 \ufb01n \U0001d4b3 \u2028 stra\u00dfe"]
    + ["\u6c49\u5b57 \u306e \u6587\u7ae0 \u3002 \u79c1 \u306f \u5b66\u751f \u3067\u3059 \uff01", "tab\there\x0bvertical\x85next\x1funit\ufeffbom end"]
    + ["a b c d e f g " * 40, "word " * 5]
)
docs = [Document(text=t, id=f"d{i}") for i, t in enumerate(texts)]
half = 14  # documents of task 0; the rest are task 1's
tasks = [docs[:half], docs[half:]]
words = load_word_tokenizer("en")
b64 = lambda b: base64.b64encode(b).decode()
files = lambda folder: {str(p.relative_to(folder)): b64(p.read_bytes()) for p in sorted(Path(folder).rglob("*")) if p.is_file()}
out = {"texts": texts, "firstOfTask1": half, "simplified": [simplify_text(t) for t in texts]}
out["words"] = [words.word_tokenize(t) for t in out["simplified"]]

out["minhash"] = []
for name, kwargs, hash_fc in [
    ("fineweb", dict(num_buckets=14, hashes_per_bucket=8), "sha1"),
    ("finemath", dict(num_buckets=1, hashes_per_bucket=10), "sha1"),
    ("other", dict(num_buckets=4, hashes_per_bucket=3, n_grams=3, seed=42), "xxhash"),
]:
    config = mh.MinhashConfig(**kwargs, hash_config=HashConfig(precision=64, hash_fc=hash_fc))
    with tempfile.TemporaryDirectory() as folder:
        sigs, index, dups, clusters, indexed = (f"{folder}/{x}" for x in ("sigs", "index", "dups", "clusters", "indexed"))
        for rank, task in enumerate(tasks):
            mh.MinhashDedupSignature(sigs, config=config).run(iter(task), rank)
        # An index of task 0 alone, and task 1 against it.
        for bucket in range(config.num_buckets):
            mh.MinhashDedupBuckets(sigs, dups, config=config).run(None, bucket, config.num_buckets)
        mh.MinhashDedupCluster(dups, clusters, config=config, save_cluster_id=True, save_cluster_size=True).run(None, 0, 1)
        only0, only1 = f"{folder}/only0", f"{folder}/only1"
        mh.MinhashDedupSignature(only0, config=config).run(iter(tasks[0]), 0)
        mh.MinhashDedupSignature(only1, config=config).run(iter(tasks[1]), 1)
        for bucket in range(config.num_buckets):
            mh.MinhashBuildIndex(only0, index, "first", config=config).run(None, bucket, config.num_buckets)
            mh.MinhashDedupBuckets(only1, indexed, index_folder=index, config=config).run(None, bucket, config.num_buckets)
        out["minhash"].append(dict(
            name=name, ngramSize=config.n_grams, numBuckets=config.num_buckets, hashesPerBucket=config.hashes_per_bucket,
            hash=hash_fc, seed=config.seed, signatures=files(sigs), pairs=files(dups), clusters=files(clusters),
            index=files(index), againstIndex=files(indexed)))

out["sentence"] = []
for kwargs in [dict(), dict(n_sentences=1, min_doc_words=10, min_num_sentences=1), dict(n_sentences=2, split_sentences=False, min_doc_words=5, min_num_sentences=0)]:
    config = sd.SentDedupConfig(**kwargs, only_dedup_in_index=True, hash_config=HashConfig(precision=64, hash_fc="sha1"))
    with tempfile.TemporaryDirectory() as folder:
        sd.SentenceDedupSignature(f"{folder}/sigs", config=config).run(iter(docs), 0)
        sd.SentenceFindDedups(f"{folder}/sigs", f"{folder}/dups", config=config).run()
        kept = list(sd.SentenceDedupFilter(f"{folder}/dups", config=config).run(iter([Document(text=d.text, id=d.id) for d in docs]), 0))
    out["sentence"].append(dict(
        spanSize=config.n_sentences, isBySentence=config.split_sentences, minWords=config.min_doc_words,
        minSentences=config.min_num_sentences, kept={d.id: d.text for d in kept}))

out["bloom"] = []
# datatrove takes `hash & m_bytes` for the place of a bit: only sizes of 2^n - 1 use more than a few places.
for kwargs in [dict(m_bytes=8191, k=5), dict(m_bytes=65535, k=7, n_grams=5, duplicate_threshold=0.5, seed=3)]:
    config = BloomFilterConfig(**kwargs, hash_config=HashConfig(precision=32, hash_fc="sha1"))
    with tempfile.TemporaryDirectory() as folder:
        bloom = SingleBloomFilter(folder, config)
        kept = [d.id for d in bloom.run(iter(docs))]
        out["bloom"].append(dict(
            numBits=config.m_bytes + 1, numHashes=config.k, ngramSize=config.n_grams, threshold=config.duplicate_threshold,
            seed=config.seed, kept=kept, bits=b64(bytes(bloom.bit_vector[: (config.m_bytes + 1) // 8]))))

Path("dedup.json").write_text(json.dumps(out, ensure_ascii=True) + "\n")

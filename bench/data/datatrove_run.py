"""One pass of datatrove 0.10.1 over a file of documents: processor seconds as JSON. Run by bench/data.ts."""

import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import split_into_words

work, path = sys.argv[1:]
texts = [json.loads(line)["text"] for line in open(path, encoding="utf-8")]
filters = [
    GopherRepetitionFilter(),
    GopherQualityFilter(),
    C4QualityFilter(filter_no_terminal_punct=False),
    FineWebQualityFilter(),
]
config = MinhashConfig(hash_config=HashConfig(precision=64, hash_fc="sha1"), num_buckets=14, hashes_per_bucket=8, n_grams=5)
signer = MinhashDedupSignature(output_folder="/tmp", config=config)
# Loading spaCy is not part of the pass.
split_into_words("Load the tokenizer.")


def run(text):
    if work == "words":
        split_into_words(text)
        return
    if work == "minhash":
        signer.get_signature(signer.get_shingles(text))
        return
    for one in filters:
        try:
            one.filter(Document(text=text, id="x"))
        except ZeroDivisionError:
            pass


start = time.process_time()
for text in texts:
    run(text)
seconds = time.process_time() - start
size = sum(len(text.encode("utf-8")) for text in texts)
print(json.dumps({"numDocuments": len(texts), "numBytes": size, "seconds": [seconds]}))

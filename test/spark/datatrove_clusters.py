"""datatrove's buckets and clusters over signature files: FOLDER (with signatures/ and words.json), HASH, numbers of
buckets and hashes.

Prints {"removed": {task: numbers of the documents that go}, "signatures": of every list in words.json} as JSON.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
from datatrove.pipeline.dedup import minhash
from datatrove.utils.hashing import HashConfig

folder, hash_name = Path(sys.argv[1]), sys.argv[2]
num_buckets, hashes_per_bucket = int(sys.argv[3]), int(sys.argv[4])
config = minhash.MinhashConfig(
    num_buckets=num_buckets,
    hashes_per_bucket=hashes_per_bucket,
    hash_config=HashConfig(precision=64, hash_fc=hash_name),
)
signatures, pairs, clusters = (str(folder / name) for name in ("signatures", "pairs", "clusters"))
for bucket in range(num_buckets):
    minhash.MinhashDedupBuckets(signatures, pairs, config=config).run(None, bucket, num_buckets)
minhash.MinhashDedupCluster(pairs, clusters, config=config).run(None, 0, 1)
removed = {}
for path in sorted(Path(clusters).glob("*.remove")):
    data = path.read_bytes()
    removed[int(path.stem)] = list(struct.unpack(f"<{len(data) // 4}I", data))

# Its words are spaCy's, which these texts have no need of: shingles are made of the words as they come.
signer = minhash.MinhashDedupSignature.__new__(minhash.MinhashDedupSignature)
signer.config, signer.num_hashes, signer._parameters = config, num_buckets * hashes_per_bucket, None
hash_of = minhash.create_hash_func(config.hash_config)


def signature(words):
    shingles = [hash_of(" ".join(shingle)) for shingle in minhash.ngrams(words, config.n_grams)]
    if not shingles:
        return None
    bands = signer.get_signature(np.array(shingles, dtype=np.uint64).reshape((-1, 1)))
    return [str(number) for band in bands for number in band]


signatures = [signature(words) for words in json.loads((folder / "words.json").read_text())]
print(json.dumps({"removed": removed, "signatures": signatures}))

"""datatrove's buckets and clusters over signature files: FOLDER (with signatures/), numbers of buckets and hashes.

Prints {task: numbers of the documents that go} as JSON.
"""

import json
import struct
import sys
from pathlib import Path

from datatrove.pipeline.dedup import minhash
from datatrove.utils.hashing import HashConfig

folder, num_buckets, hashes_per_bucket = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
config = minhash.MinhashConfig(
    num_buckets=num_buckets,
    hashes_per_bucket=hashes_per_bucket,
    hash_config=HashConfig(precision=64, hash_fc="sha1"),
)
signatures, pairs, clusters = (str(folder / name) for name in ("signatures", "pairs", "clusters"))
for bucket in range(num_buckets):
    minhash.MinhashDedupBuckets(signatures, pairs, config=config).run(None, bucket, num_buckets)
minhash.MinhashDedupCluster(pairs, clusters, config=config).run(None, 0, 1)
removed = {}
for path in sorted(Path(clusters).glob("*.remove")):
    data = path.read_bytes()
    removed[int(path.stem)] = list(struct.unpack(f"<{len(data) // 4}I", data))
print(json.dumps(removed))

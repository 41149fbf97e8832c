"""A local cluster of two workers, one of them killed in the middle, against one process of `smollm2 curate`.

    python test_curate_spark.py       (PySpark 4.3 and Java 17; SMOLLM2 names the command)
"""

import glob
import gzip
import json
import os
import pathlib
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

here = pathlib.Path(__file__).parent
root = here.parent.parent
os.environ.setdefault("SMOLLM2", f"node {root / 'dist/cli/main.js'}")
os.environ.update(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
STAGES = ["symbol-lines", "gopher-quality --min-doc-words 5 --min-stop-words 1", "pii"]
RECIPE = """
format: jsonl.gz
stages:
  - symbol-lines
  - gopher-quality: { minDocWords: 5, minStopWords: 1 }
  - pii
  - minhash: { preset: fineweb }
"""


def documents():
    draw = random.Random(7)
    nouns = "river garden engine lantern theorem harbour violin winter market teacher bridge forest".split()

    def name():
        return "".join(draw.choice("abcdefgh") for _ in range(8))

    texts = [" ".join(f"The {draw.choice(nouns)} of {draw.choice(nouns)} {name()}." for _ in range(12)) for _ in range(150)]
    for i in range(400):
        text = texts[draw.randrange(len(texts))]
        if i % 5 == 0:
            text = f"{text}\n=====\nMail a{i}@example.net"
        if i % 7 == 0:
            text = "too short"
        yield {"id": f"doc-{i:04d}", "text": text}


def worker_pids():
    pids = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            command = open(path, "rb").read().replace(b"\0", b" ")
        except OSError:
            continue
        if b"CoarseGrainedExecutorBackend" in command and MARK.encode() in command:
            pids.append(int(path.split("/")[2]))
    return pids


MARK = f"smollm2-test-{os.getpid()}"


def kill_one(finished):
    """Kills the first executor that is seen at work, once."""
    while not finished.is_set():
        pids = worker_pids()
        if len(pids) >= 2:
            time.sleep(2)
            os.kill(pids[0], signal.SIGKILL)
            print(f"killed executor {pids[0]}")
            return
        time.sleep(0.2)


def main():
    with tempfile.TemporaryDirectory() as folder:
        pages = os.path.join(folder, "pages.jsonl")
        with open(pages, "w") as file:
            for document in documents():
                file.write(json.dumps(document) + "\n")
        recipe = os.path.join(folder, "recipe.yaml")
        pathlib.Path(recipe).write_text(RECIPE)
        one = os.path.join(folder, "one")
        command = [*shlex.split(os.environ["SMOLLM2"]), "curate", recipe, "--in", pages, "--out", one]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        expected = {}
        for path in glob.glob(f"{one}/output/*.gz"):
            for line in gzip.open(path, "rt"):
                row = json.loads(line)
                expected[row["id"]] = row["text"]

        assert 0 < len(expected) < 300, f"expected filters and duplicates to take some, got {len(expected)} of 400"
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.driver.host", "127.0.0.1")
        builder = builder.config("spark.executor.extraJavaOptions", f"-Dmark={MARK}").config("spark.ui.enabled", "false")
        builder.getOrCreate()
        sys.path.insert(0, str(here))
        import curate_spark

        finished = threading.Event()
        killer = threading.Thread(target=kill_one, args=(finished,))
        killer.start()
        out = os.path.join(folder, "spark")
        sys.argv = ["curate_spark.py", "--in", pages, "--out", out, "--dedup", "fineweb", "--partitions", "4"]
        for stage in STAGES:
            sys.argv += ["--stage", stage]
        curate_spark.main()
        finished.set()
        killer.join()

        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(out).to_pylist()
        assert len(rows) == 400, f"expected 400 documents in all, got {len(rows)}"
        kept = {row["id"]: row["text"] for row in rows if row["removed"] is None}
        assert kept == expected, f"expected the {len(expected)} documents of one machine, got {len(kept)}"
        print(f"equal: {len(kept)} of 400 documents stay, on one machine and on a cluster that lost a worker")


if __name__ == "__main__":
    main()

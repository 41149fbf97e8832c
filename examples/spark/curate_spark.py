"""A recipe's stages over a Spark cluster: the same stage processes as on one machine, a process a partition.

    spark-submit curate_spark.py --in pages.jsonl --out clean --stage gopher-quality --stage "pii --remove-ips false"

Documents are rows of JSON (`id`, `text`, any others) or parquet with those columns; out comes parquet with `id`, `text` and
`removed` (null for those that stay). `--dedup fineweb` then groups by MinHash bands on Spark's shuffle and removes all of a
cluster but the document with the smallest id: the survivors of `smollm2 curate`, whatever the partitions.
"""

import argparse
import contextlib
import json
import os
import queue
import shlex
import subprocess
import threading

from pyspark.sql import SparkSession

SMOLLM2 = os.environ.get("SMOLLM2", "smollm2")


def through(command, documents):
    """(document, answer) for each document: one process for the partition, one line out for each line in, in order.

    A thread writes while this one reads, or both sides would wait for each other. A process that fails, or that answers
    fewer lines than it was asked, fails the task: nothing is lost without a word.
    """
    process = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    asked = queue.Queue(maxsize=4096)

    def write():
        try:
            for document in documents:
                asked.put(document)
                line = json.dumps({"id": document["id"], "text": document["text"]}) + "\n"
                process.stdin.write(line.encode())
        except BrokenPipeError:
            pass
        finally:
            asked.put(None)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()

    threading.Thread(target=write, daemon=True).start()
    for line in process.stdout:
        document, answer = asked.get(), json.loads(line)
        if document is None or answer["id"] != document["id"]:
            raise ValueError(f"{command}: expected an answer for {document}, got one for {answer['id']}")
        yield document, answer
    code = process.wait()
    if code != 0 or asked.get() is not None:
        raise ValueError(f"{command}: expected an answer for every document, got exit code {code}")


def apply_stage(documents, stage):
    command = f"{SMOLLM2} curate stage {stage} --jsonl"

    def merged(document, answer):
        changed = {"removed": answer["removed"], "removed_by": stage} if answer["removed"] else {}
        return {**document, "text": answer.get("text", document["text"]), **changed}

    def over(partition):
        gone = []

        def alive():
            for document in partition:
                if document.get("removed") is None:
                    yield document
                else:
                    gone.append(document)

        for pair in through(command, alive()):
            yield merged(*pair)
        # The thread that reads the partition has ended with the process: all that are gone are here.
        yield from gone

    # One partition stays one partition: a union would double their number with every stage.
    return documents.mapPartitions(over)


def survivors_by_minhash(documents, preset, partitions):
    """(id, smallest id of its cluster): labels fall along shared bands until none falls.

    pipe() without checkCode would take a command that fails for one that prints nothing.
    """
    alive = documents.filter(lambda doc: doc.get("removed") is None)
    lines = alive.map(lambda doc: json.dumps({"id": doc["id"], "text": doc["text"]}))
    signed = lines.pipe(f"{SMOLLM2} curate signatures --jsonl --preset {preset}", checkCode=True).map(json.loads)
    keys = signed.flatMap(
        lambda row: [(f"{band}:{','.join(hashes)}", row["id"]) for band, hashes in enumerate(row["signatures"] or [])]
    )
    groups = keys.groupByKey(partitions).mapValues(lambda ids: sorted(set(ids))).filter(lambda pair: len(pair[1]) > 1)
    edges = groups.flatMap(lambda pair: [(pair[1][0], other) for other in pair[1][1:]]).distinct(partitions).cache()
    both = edges.flatMap(lambda edge: [edge, (edge[1], edge[0])]).cache()
    labels = both.keys().distinct(partitions).map(lambda id: (id, id)).cache()
    while True:
        heard = both.join(labels, partitions).map(lambda row: row[1])
        lower = labels.union(heard).reduceByKey(min, partitions).cache()
        changed = lower.join(labels, partitions).filter(lambda row: row[1][0] != row[1][1]).count()
        labels = lower
        if changed == 0:
            return labels


def deduplicated(documents, preset, partitions):
    roots = survivors_by_minhash(documents, preset, partitions)

    def marked(pair):
        id, (document, root) = pair
        if root is None or root == id or document.get("removed"):
            return document
        return {**document, "removed": "minhash_duplicate", "removed_by": "minhash"}

    return documents.map(lambda doc: (doc["id"], doc)).leftOuterJoin(roots, partitions).map(marked)


def read(spark, path):
    if path.endswith(".parquet") or os.path.isdir(path):
        return spark.read.parquet(path).rdd.map(lambda row: row.asDict(recursive=True))
    return spark.sparkContext.textFile(path).map(json.loads)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--in", dest="input", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--stage", action="append", default=[], help="a stage with its options; may be repeated")
    parser.add_argument("--dedup", help="fineweb or finemath: MinHash across all documents, after the stages")
    parser.add_argument("--partitions", type=int, default=8)
    options = parser.parse_args()
    spark = SparkSession.builder.appName("smollm2 curate").getOrCreate()
    # Workers unpickle functions of this module, so they need it.
    spark.sparkContext.addPyFile(os.path.abspath(__file__))
    documents = read(spark, options.input).repartition(options.partitions).cache()
    for stage in options.stage:
        documents = apply_stage(documents, stage).cache()
    if options.dedup:
        documents = deduplicated(documents, options.dedup, options.partitions)
    rows = documents.map(lambda doc: (doc["id"], doc["text"], doc.get("removed"), doc.get("removed_by")))
    schema = "id string, text string, removed string, removed_by string"
    spark.createDataFrame(rows, schema).write.mode("overwrite").parquet(options.out)
    spark.stop()


if __name__ == "__main__":
    main()

"""A Spark session, classic or Connect: the DataFrame API only, no broadcast, no shuffle, no jars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.errors import PySparkException

from ecozones.engines.fragments import Fragment, Receipt, run_fragment
from ecozones.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(fragments: Sequence[Fragment], engine: SparkSession) -> Iterator[Receipt]:
    """
    Do fragments on a Spark cluster whose workers have this library and see the same folders.

    Parameters
    ----------
    fragments
        What is to be done.
    engine
        A session; it stays open. How often a task is tried again is its own setting (``spark.task.maxFailures``; a
        ``local[2]`` tries once, ``local[2,4]`` four times).

    Yields
    ------
    Receipt
        One for each, when all are done.

    Raises
    ------
    EngineError
        A task failed as often as the session allows.
    """
    texts = [fragment.to_json() for fragment in fragments]

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            done = [run_fragment(texts[number]) for number in batch.column(0).to_pylist()]
            yield pa.record_batch([pa.array(done, pa.string())], names=["receipt"])

    if not texts:
        return
    numbers = engine.range(0, len(texts), 1, len(texts))
    try:
        rows = numbers.mapInArrow(work, "receipt string").collect()
    except PySparkException as cause:
        message = (
            "the Spark job failed; its first cause is chained. What is done is kept: run again with the same folder"
        )
        raise EngineError(message) from cause
    for row in rows:
        yield Receipt.from_json(row["receipt"])

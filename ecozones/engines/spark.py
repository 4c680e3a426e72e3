"""A Spark session, classic or Connect: the DataFrame API only, no broadcast, no shuffle, no jars."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark import inheritable_thread_target
from pyspark.errors import PySparkException

from ecozones.engines.fragments import Fragment, Receipt, run_fragment
from ecozones.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# how often the folder is looked at for receipts that have come [s]
_LOOK_S = 1.0


def run(fragments: Sequence[Fragment], engine: SparkSession) -> Iterator[Receipt]:
    """
    Do fragments on a Spark cluster whose workers have this library and see the same folders.

    Spark tells of a job when all of it is done. What is done is known sooner, from the receipts that workers leave.

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
        One for each, as they are seen in the folder; at the latest when all are done.

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
    look = _lookout(fragments)
    told = set[int]()
    tag = f"ecozones-{uuid.uuid4().hex}"
    connected = "connect" in type(engine).__module__

    def collect() -> Any:  # noqa: ANN401 - rows of Spark
        if connected:
            engine.addTag(tag)
        else:
            engine.sparkContext.addJobTag(tag)
        return numbers.mapInArrow(work, "receipt string").collect()

    # the job waits in a thread of its own, with what this one has told the session, and this one looks around meanwhile
    # (a session without tags, of classic Spark 3, is not asked for them)
    tags = hasattr(engine, "getTags")
    carried = inheritable_thread_target(engine)(collect) if tags else inheritable_thread_target(collect)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(carried)
        try:
            while not wait([job], _LOOK_S).done:
                for receipt in look():
                    told.add(receipt.number)
                    yield receipt
            rows = job.result()
        except PySparkException as cause:
            message = (
                "the Spark job failed; its first cause is chained. What is done is kept: run again with the same folder"
            )
            raise EngineError(message) from cause
        finally:
            # whoever stops listening does not want the rest done
            if not job.done():
                stop = engine.interruptTag if connected else engine.sparkContext.cancelJobsWithTag
                stop(tag)
    receipts = [Receipt.from_json(row["receipt"]) for row in rows]
    yield from (receipt for receipt in receipts if receipt.number not in told)


def _lookout(fragments: Sequence[Fragment]) -> Callable[[], Iterator[Receipt]]:
    """Give a look at the receipts that have come since the last one."""
    waiting = {Path(one.out) / "_receipts" / f"{one.name}.json" for one in fragments}
    folders = {path.parent for path in waiting}

    def there() -> set[Path]:
        return waiting & {path for folder in folders if folder.is_dir() for path in folder.iterdir()}

    # what lies there already was left by an earlier run, and was found wanting
    waiting -= there()

    def look() -> Iterator[Receipt]:
        for path in there():
            # one that cannot be read yet, or never, comes when all are done
            with contextlib.suppress(OSError, ValueError, TypeError):
                receipt = Receipt.from_json(path.read_text(encoding="utf-8"))
                waiting.remove(path)
                yield receipt

    return look

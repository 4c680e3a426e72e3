"""A Dask cluster, as it is: fragments in, receipts out, no Dask collections and no data in the scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import distributed

from ecozones.engines.fragments import Fragment, Receipt, run_fragment
from ecozones.errors import EngineError

# how often a fragment may lose its worker before the run fails
_RETRIES = 3


def run(fragments: Sequence[Fragment], engine: distributed.Client) -> Iterator[Receipt]:
    """
    Do fragments on a Dask cluster.

    Parameters
    ----------
    fragments
        What is to be done.
    engine
        A client; it stays open.

    Yields
    ------
    Receipt
        One for each, as they are done.

    Raises
    ------
    EngineError
        Workers died over and over.
    """
    # not pure: the same words may be asked again after the files they made are gone
    futures = engine.map(run_fragment, [one.to_json() for one in fragments], retries=_RETRIES, pure=False)
    try:
        for _, receipt in distributed.as_completed(futures, with_results=True):
            yield Receipt.from_json(receipt)
    except (distributed.KilledWorker, distributed.CancelledError) as cause:
        message = (
            f"workers of the cluster died over and over ({cause}); make fragments smaller with rows=, and run again"
        )
        raise EngineError(message) from cause
    finally:
        engine.cancel(futures)

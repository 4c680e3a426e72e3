"""
Where work is done: one unit of work, a fragment in and a receipt out, on whatever machinery there is.

An engine is given fragments and gives back their receipts, in any order. It knows nothing of plans and rules, and what
a fragment writes does not depend on the engine: parts are written to a temporary name and moved into place, the receipt
follows its parts, and a fragment that is done is never done again.
"""

from ecozones.engines.choosing import check_engine, run
from ecozones.engines.fragments import Fragment, Receipt

__all__ = ["Fragment", "Receipt", "check_engine", "run"]

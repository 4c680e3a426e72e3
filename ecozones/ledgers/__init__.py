"""Books that must close: mining land, cultivated land, consolidation, soil erosion, green mines."""

from ecozones.ledgers.books import (
    check_consolidation,
    farmland_balance,
    land_per_gdp_decline,
    mining_land_ledger,
    next_quota,
    score_farmland_duty,
)

__all__ = [
    "check_consolidation",
    "farmland_balance",
    "land_per_gdp_decline",
    "mining_land_ledger",
    "next_quota",
    "score_farmland_duty",
]

"""The maps of a report; drawing them needs matplotlib, which is loaded only here and only then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.vocab import Language

if TYPE_CHECKING:
    from ecozones.static_map import DrawnMap


def draw_sites(
    review: SiteReview, site_ids: Sequence[str], plan: ZoningPlan | None, language: Language
) -> Iterator[tuple[str, DrawnMap]]:
    """
    Draw one map of record for each site.

    Parameters
    ----------
    review
        The review.
    site_ids
        Sites to draw.
    plan
        The plan behind them.
    language
        ``"zh"`` or ``"en"``.

    Yields
    ------
    tuple
        The site and its map.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    """
    from ecozones import static_map  # noqa: PLC0415 - matplotlib belongs to an extra

    for site_id in site_ids:
        layers, focus, crs = static_map.site_layers(review, site_id, plan, language)
        yield site_id, static_map.draw(layers, focus, crs, title=site_id, language=language, missing_glyphs="mark")

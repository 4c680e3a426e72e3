"""The maps of a report; drawing them needs matplotlib, which is loaded only here and only then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import geopandas as gpd

from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.vocab import Language

if TYPE_CHECKING:
    from ecozones.static_map import DrawnMap


def draw_sites(
    review: SiteReview, sites: Mapping[str, str], plan: ZoningPlan | None, language: Language
) -> Iterator[tuple[str, DrawnMap]]:
    """
    Draw one map of record for each site.

    Parameters
    ----------
    review
        The review.
    sites
        Title of the map of each site to draw, by its id.
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

    scene = static_map.set_scene(review, plan)
    for site_id, title in sites.items():
        layers, focus = static_map.site_layers(scene, site_id, language)
        drawn = static_map.draw(
            layers, focus, scene.crs, title=title, language=language, missing_glyphs="mark", judged=True
        )
        yield site_id, drawn


def draw_ground(frame: gpd.GeoDataFrame, plan: ZoningPlan | None, title: str, language: Language) -> DrawnMap:
    """
    Draw ground that something is wrong with, hatched, over the lines of a plan.

    Parameters
    ----------
    frame
        The ground.
    plan
        The plan behind it.
    title
        What stands above the map.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    DrawnMap
        The map of record.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    """
    from ecozones import static_map  # noqa: PLC0415 - matplotlib belongs to an extra

    layers, focus, crs = static_map.ground_layers(frame, plan, language)
    return static_map.draw(layers, focus, crs, title=title, language=language, missing_glyphs="mark")

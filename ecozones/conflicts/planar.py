"""Ground cut along all edges into pieces that do not overlap, each with all that is claimed on it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones import overlay
from ecozones.area import AreaMethod
from ecozones.conflicts.asked import lay_over, lines_asked
from ecozones.conflicts.common_ground import Geometries, Layer, Rows, measure, share
from ecozones.plan import ZoningPlan
from ecozones.units import from_m2

_PIECE_COLUMNS = ["claims", "lines", "n_claims", "n_lines", "area_m2", "area_ha", "area_mu", "width_m", "geometry"]


def planarise(
    plan: ZoningPlan, *, lines: Iterable[str] | None = None, method: AreaMethod = "national"
) -> gpd.GeoDataFrame:
    """
    Cut the ground of all lines into pieces that do not overlap, each with all that is claimed on it.

    Parameters
    ----------
    plan
        The plan.
    lines
        Lines to lay over each other; left out: all of the plan.
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        One row per piece, most claims first: ``claims`` (line/feature, separated by "; "), ``lines`` (separated by
        commas), ``n_claims``, ``n_lines``, ``area_m2, area_ha, area_mu``, ``width_m``, ``geometry`` in the CRS of the
        plan. Two features of one line on the same ground are two claims of one line.

    Raises
    ------
    SchemaError
        A line is none of the plan.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "b1"])
    >>> planarise(plan)[["claims", "n_lines"]].values.tolist()
    [['ecological_red_line/a1; permanent_basic_farmland/a1', 2], ['permanent_basic_farmland/b1', 1]]
    """
    asked = lines_asked(plan, lines)
    layers, place = lay_over(plan, asked)
    faces, face, claim = planar_faces(list(layers.values()))
    line = np.repeat(np.array(asked, dtype=object), [len(plan.lines[name]) for name in asked])
    ids = np.concatenate([plan.lines[name]["feature_id"].to_numpy(dtype=object) for name in asked])
    claims = pd.DataFrame({"face": face, "line": line[claim], "claim": line[claim] + "/" + ids[claim]})
    claims["rank"] = claims["line"].map({name: rank for rank, name in enumerate(asked)})
    by_face = claims.sort_values(["face", "rank", "claim"], kind="stable").groupby("face", sort=True)
    table = pd.DataFrame(
        {
            "claims": by_face["claim"].agg("; ".join),
            "lines": by_face["line"].agg(name_once),
            "n_claims": by_face.size(),
            "n_lines": by_face["line"].nunique(),
        }
    ).reindex(range(len(faces)))
    measured = measure(faces, place, method)
    table = table.assign(
        area_m2=measured.area,
        area_ha=from_m2(measured.area, "ha"),
        area_mu=from_m2(measured.area, "mu"),
        width_m=measured.width,
        geometry=place.back(faces),
    )
    west, south = shapely.bounds(faces)[:, :2].T if len(faces) else (np.empty(0), np.empty(0))
    order = np.lexsort((south, west, table["claims"], -table["n_claims"], -table["n_lines"]))
    return gpd.GeoDataFrame(table.iloc[order].reset_index(drop=True)[_PIECE_COLUMNS], geometry="geometry", crs=plan.crs)


def name_once(words: pd.Series) -> str:
    """
    Name things once each, in the order in which they come.

    Parameters
    ----------
    words
        Names.

    Returns
    -------
    str
        Separated by commas.

    Examples
    --------
    >>> name_once(pd.Series(["a", "b", "a"]))
    'a,b'
    """
    return ",".join(dict.fromkeys(words))


def planar_faces(layers: list[Layer]) -> tuple[Geometries, Rows, Rows]:
    """
    Cut the ground of layers along all their edges.

    Parameters
    ----------
    layers
        Layers at one place.

    Returns
    -------
    faces : ndarray
        Polygons that do not overlap and make up the ground of all layers; a polygon that shares ground with no other
        is a face as it stands, to the last bit.
    face, claim : ndarray
        Pairs of a face and a polygon that it lies in, as positions in all layers one after the other.

    Examples
    --------
    >>> from ecozones.conflicts.common_ground import Place
    >>> place = Place(gpd.GeoSeries(crs="EPSG:4548").crs, 0.0, 0.0)
    >>> boxes = [shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)]
    >>> faces, face, claim = planar_faces([Layer(np.array(boxes, dtype=object), place)])
    >>> len(faces), np.bincount(face).tolist()
    (3, [1, 2, 1])
    """
    geometry = np.concatenate([layer.geometry for layer in layers]) if layers else np.empty(0, dtype=object)
    start = np.cumsum([0, *(len(layer.geometry) for layer in layers)])
    stacked = np.zeros(len(geometry), dtype=bool)
    for i, j in itertools.combinations_with_replacement(range(len(layers)), 2):
        met = share(layers[i], layers[j])
        other = (met.a != met.b) | (i != j)
        stacked[start[i] + met.a[other]] = stacked[start[j] + met.b[other]] = True
    alone, mixed = np.flatnonzero(~stacked), np.flatnonzero(stacked)
    if not len(mixed):
        return geometry, alone, alone
    edges = shapely.boundary(geometry[mixed])
    edges = edges[np.lexsort(shapely.bounds(edges).T)]
    cut = shapely.get_parts(shapely.polygonize([shapely.union_all(edges)]))
    inside = shapely.point_on_surface(cut)
    pieces = overlay.cut(geometry[mixed], checked=True)
    point, piece = pieces.tree.query(inside, predicate="within")
    pairs = np.unique(np.c_[point, pieces.feature[piece]], axis=0)
    claimed = np.unique(pairs[:, 0])
    number = np.full(len(cut), -1)
    number[claimed] = np.arange(len(claimed))
    faces = np.concatenate([cut[claimed], geometry[alone]])
    face = np.r_[number[pairs[:, 0]], len(claimed) + np.arange(len(alone))]
    return faces, face, np.r_[mixed[pairs[:, 1]], alone]

"""Every awkward file is read, or refused with its name, its row and what to do."""

import shutil
import warnings
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from ecozones import encodings, read_plan, read_projects, read_sites, write_boundary_text
from ecozones.errors import (
    CRSError,
    DroppedColumnsWarning,
    EcozonesWarning,
    FormatWarning,
    GeometryError,
    InputError,
    MissingCRSError,
    RepairWarning,
    SchemaError,
    ShiftSuspectedWarning,
)
from ecozones.errors import TextEncodingWarning as FoundEncoding
from ecozones.gcj import to_gcj02
from ecozones.plan import recognise_subzone
from ecozones.vocab import ControlLine, control_lines

DATA = Path(__file__).parent / "data"
IO, INVALID = DATA / "io", DATA / "invalid"
CHRIEKE, CLEAN = INVALID / "chrieke", INVALID / "mapshaper_clean"
SQUARE = shapely.box(39500000, 3300000, 39501000, 3301000)
NEXT = shapely.box(39501000, 3300000, 39502000, 3301000)


def frame(geometry=(SQUARE,), crs=4527, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(geometry), crs=crs)


def heard(function, *arguments, **options):
    """Call and give the result with the library's own warnings; any other warning is an error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", EcozonesWarning)
        result = function(*arguments, **options)
    return result, [(warning.category, str(warning.message)) for warning in caught]


# ------------------------------------------------------------------------------------------------ files that are read
# file: rows, EPSG code, words of the warnings beside the one about ids
READ = {
    "chrieke/invalid_geometries/invalid_exterior_not_ccw.geojson": (1, 4326, []),
    "chrieke/invalid_geometries/invalid_interior_not_cw.geojson": (1, 4326, []),
    "chrieke/invalid_geometries/invalid_unclosed.geojson": (1, 4326, ["closed rings in 1 features: 0"]),
    "chrieke/invalid_structure/invalid_feature_id_type.geojson": (1, 4326, []),
    "chrieke/invalid_structure/invalid_feature_no_properties.geojson": (1, 4326, []),
    "chrieke/invalid_structure/invalid_geometry_bbox_not4or6.geojson": (1, 4326, []),
    "chrieke/invalid_structure/invalid_geometry_bbox_not_list.geojson": (1, 4326, []),
    "chrieke/invalid_structure/invalid_geometry_bbox_not_numbers.geojson": (1, 4326, []),
    "chrieke/problematic_geometries/problematic_3d_coordinates.geojson": (1, 4326, ["heights of 1 features"]),
    "chrieke/problematic_geometries/problematic_4d_coordinates.geojson": (
        1,
        4326,
        ["heights of 1"],
    ),
    "chrieke/problematic_geometries/problematic_duplicate_nodes.geojson": (1, 4326, []),
    "chrieke/problematic_geometries/problematic_excessive_coordinate_precision.geojson": (1, 4326, []),
    "chrieke/problematic_geometries/problematic_excessive_vertices.geojson": (1, 4326, []),
    "chrieke/problematic_geometries/problematic_holes.geojson": (1, 4326, []),
    "chrieke/problematic_geometries/problematic_inner_and_exterior_ring_intersect.geojson": (1, 4326, ["repair"]),
    "chrieke/problematic_geometries/problematic_multitype_geometry_with_just_one_geometry.geojson": (1, 4326, []),
    "chrieke/problematic_geometries/problematic_self_intersection_large.geojson": (1, 4326, ["repair"]),
    "chrieke/problematic_geometries/problematic_self_intersection_small.geojson": (1, 4326, ["repair"]),
    "chrieke/problematic_geometries/problematic_wrong_bbox_coordinate_order.geojson": (1, 4326, []),
    "chrieke/problematic_structure/problematic_crs_defined.geojson": (1, 32632, []),
    "chrieke/problematic_structure/problematic_geometry_not_wrapped.geojson": (1, 4326, []),
    "chrieke/problematic_structure/problematic_geometrycollection_single.geojson": (1, 4326, []),
    "chrieke/valid/valid_feature.geojson": (1, 4326, []),
    "chrieke/valid/valid_feature_null_properties.geojson": (1, 4326, []),
    "chrieke/valid/valid_feature_with_bbox.geojson": (1, 4326, []),
    "chrieke/valid/valid_feature_with_id.geojson": (1, 4326, []),
    "chrieke/valid/valid_feature_with_string_id.geojson": (1, 4326, []),
    "chrieke/valid/valid_featurecollection.geojson": (1, 4326, []),
    "chrieke/valid/valid_featurecollection_bboxes.geojson": (2, 4326, []),
    "chrieke/valid/valid_featurecollection_multiple_feature_types.geojson": (4, 4326, []),
    "chrieke/valid/valid_geometry.geojson": (1, 4326, []),
    "chrieke/valid/valid_geometry_3d_coordinates.geojson": (1, 4326, ["heights of 1 features"]),
    "chrieke/valid/valid_geometry_bbox.geojson": (1, 4326, []),
    "chrieke/valid/valid_geometry_linestring.geojson": (1, 4326, []),
    "chrieke/valid/valid_geometry_multilinestring.geojson": (1, 4326, []),
    "chrieke/valid/valid_geometry_multipoint.geojson": (1, 4326, []),
    "chrieke/valid/valid_geometry_multipolygon.geojson": (1, 4326, []),
    "chrieke/valid/valid_geometry_point.geojson": (1, 4326, []),
    "chrieke/valid/valid_geometry_polygon.geojson": (1, 4326, []),
    "mapshaper_clean/ex1_yemen.json": (2, 4326, []),
    "mapshaper_clean/ex2_yemen.json": (3, 4326, []),
    "mapshaper_clean/ex3.json": (1, 4326, ["repair"]),
    "mapshaper_clean/ex4.json": (1, 4326, ["repair"]),
    "mapshaper_clean/ex5_three_precincts.json": (3, 4326, []),
    "mapshaper_clean/ex6.json": (1, 4326, ["repair"]),
    "mapshaper_clean/ex9_FranklinTwoPrecinctsDetail.json": (2, 4326, []),
    "mapshaper_clean/ex10_bowtie.json": (1, 4326, ["repair"]),
    "mapshaper_clean/ex11_ogc.geojson": (1, 4326, []),
    "mapshaper_clean/ex12_ogc.geojson": (1, 4326, ["repair"]),
    "mapshaper_clean/ex13_ogc.json": (1, 4326, ["repair"]),
    "mapshaper_clean/ex14_ogc.json": (1, 4326, ["repair"]),
    "mapshaper_clean/ex15_ogc.json": (1, 4326, ["repair"]),
    "mapshaper_clean/ex16_ogc.json": (1, 4326, []),
    "mapshaper_clean/ex17_ogc.json": (1, 4326, ["repair"]),
    "mapshaper_clean/ex18_ogc.json": (1, 4326, ["repair"]),
    "mapshaper_clean/ex19_ogc.json": (1, 4326, ["repair"]),
    "mapshaper_clean/ex20_ogc_line.json": (1, 4326, []),
    "mapshaper_clean/ex21_crossed_lines.json": (2, 4326, []),
    "mapshaper_clean/ex22_three_ia_precincts.json": (3, 4326, []),
    "mapshaper_clean/ex23_three_ca_precincts.json": (3, 4326, []),
    "broken_shapefiles/data_corruption_error.shp": (8, 3006, ["Measured"]),
    "broken_shapefiles/max_callstack_error.shp": (138, 3021, []),
    "counties_gbk_nocpg/counties_gbk_nocpg.shp": (27, 4490, ["gb18030"]),
    "counties_utf8_truncated_field/counties_utf8.shp": (27, 4490, ["县区名, 行政代"]),
    "trafford_conservation_areas.kml": (3, 4326, []),
}
NO_GEOMETRY = r"rows 0 have no geometry; leave them out with on_empty='skip'"
TWO_KINDS = r"rows 0 hold a mixture of geometry kinds; split them"
NO_NUMBERS = r"row 0: \w+ has coordinates that are no pair of numbers"
# file: error, and words that the message must hold beside the name of the file
REFUSED = {
    "chrieke/invalid_geometries/invalid_incorrect_geometry_data_type.geojson": (GeometryError, "row 0: LineString"),
    "chrieke/invalid_geometries/invalid_less_three_unique_nodes.geojson": (GeometryError, "row 0: Polygon .* 3 points"),
    "chrieke/invalid_structure/invalid_feature_geometry_is_string.geojson": (GeometryError, "row 0: the geometry is"),
    "chrieke/invalid_structure/invalid_feature_properties_is_array.geojson": (GeometryError, NO_GEOMETRY),
    "chrieke/invalid_structure/invalid_feature_properties_is_int.geojson": (GeometryError, NO_GEOMETRY),
    "chrieke/invalid_structure/invalid_feature_wrong_geometry_key.geojson": (GeometryError, "row 0: .*'geometry'"),
    "chrieke/invalid_structure/invalid_featurecollection_feature_nullfeature.geojson": (
        GeometryError,
        "row 0: .* null",
    ),
    "chrieke/invalid_structure/invalid_featurecollection_features_is_object.geojson": (
        GeometryError,
        "no list of feat",
    ),
    "chrieke/invalid_structure/invalid_featurecollection_no_features_member.geojson": (
        GeometryError,
        "no list of feat",
    ),
    "chrieke/invalid_structure/invalid_featurecollection_nulltype.geojson": (GeometryError, "type is None"),
    "chrieke/invalid_structure/invalid_featurecollection_type_lowercase.geojson": (
        GeometryError,
        "'featurecollection'",
    ),
    "chrieke/invalid_structure/invalid_featurecollection_unknown_type.geojson": (GeometryError, "type is 'notafc'"),
    "chrieke/invalid_structure/invalid_geometry_coordinates_1d.geojson": (GeometryError, "row 0: Polygon .* nested"),
    "chrieke/invalid_structure/invalid_geometry_coordinates_empty_position.geojson": (GeometryError, NO_NUMBERS),
    "chrieke/invalid_structure/invalid_geometry_coordinates_missing.geojson": (
        GeometryError,
        "row 0: Polygon has no co",
    ),
    "chrieke/invalid_structure/invalid_geometry_coordinates_string.geojson": (GeometryError, NO_NUMBERS),
    "chrieke/invalid_structure/invalid_geometry_depth_deep_point.geojson": (GeometryError, NO_NUMBERS),
    "chrieke/invalid_structure/invalid_geometry_depth_deep_polygon.geojson": (GeometryError, "row 0: Polygon"),
    "chrieke/invalid_structure/invalid_geometry_depth_shallow_linestring.geojson": (GeometryError, NO_NUMBERS),
    "chrieke/invalid_structure/invalid_geometry_depth_shallow_multipolygon.geojson": (
        GeometryError,
        "row 0: MultiPoly",
    ),
    "chrieke/invalid_structure/invalid_geometry_depth_shallow_polygon.geojson": (GeometryError, "row 0: Polygon"),
    "chrieke/invalid_structure/invalid_geometry_geometrycollection_null_geometry.geojson": (
        GeometryError,
        "row 0: .*null",
    ),
    "chrieke/invalid_structure/invalid_geometry_mislabeled_point.geojson": (GeometryError, "row 0: MultiPolygon"),
    "chrieke/invalid_structure/invalid_geometry_missing_type.geojson": (GeometryError, "type is None"),
    "chrieke/invalid_structure/invalid_geometry_wrong_geometry_type.geojson": (GeometryError, "'SomeThingElse'"),
    "chrieke/problematic_geometries/problematic_feature_null_geometry.geojson": (GeometryError, NO_GEOMETRY),
    "chrieke/problematic_geometries/problematic_zero_length_linestring.geojson": (
        GeometryError,
        "rows 0 have no extent",
    ),
    "chrieke/problematic_structure/problematic_nested_geometrycollection.geojson": (GeometryError, TWO_KINDS),
    "chrieke/valid/valid_feature_null_geometry.geojson": (GeometryError, NO_GEOMETRY),
    "chrieke/valid/valid_featurecollection_empty_features.geojson": (GeometryError, "no rows; check"),
    "chrieke/valid/valid_featurecollection_with_geometrycollection.geojson": (GeometryError, TWO_KINDS),
    "chrieke/valid/valid_geometry_geometrycollection.geojson": (GeometryError, TWO_KINDS),
    "chrieke/valid/valid_geometry_geometrycollection_empty_geometries.geojson": (GeometryError, NO_GEOMETRY),
    "mapshaper_clean/ex7_britain.json": (CRSError, "rows 1806, 1815, 2023"),
    "mapshaper_clean/ex8_britain.json": (CRSError, "rows 1806"),
    "geos_invalid_polygons.csv": (InputError, "a table without geometry .* build a frame"),
    "broken_shapefiles/invalid_coordinates.shp": (GeometryError, "rows 0 hold coordinates .* beyond the Earth"),
    "broken_shapefiles/invalid_coordinates.json": (GeometryError, "rows 0 hold coordinates .* beyond the Earth"),
    "mapshaper_encoding/big5.shp": (MissingCRSError, "pass crs=.*big5.prj"),
    "mapshaper_encoding/chinese.shp": (CRSError, "rows 0"),
    "mapshaper_encoding/duplicate_fields.dbf": (InputError, "without its .shp"),
    "mapshaper_encoding/gbk.dbf": (InputError, "without its .shp"),
    "mapshaper_encoding/latin1.dbf": (InputError, "without its .shp"),
    "mapshaper_encoding/utf16.dbf": (InputError, "without its .shp"),
    "trafford_conservation_areas.dxf": (MissingCRSError, "no CRS.*pass crs="),
}
# whether these are read turns on the degrees that the datum guard lets pass
EDGES = {"problematic_crosses_antimeridian.geojson", "problematic_outside_lat_lon_boundaries.geojson"}


def where(name):
    return next(path for path in (IO / name, INVALID / name) if path.exists())


@pytest.mark.parametrize("name", READ)
def test_a_file_is_read(name):
    rows, epsg, told = READ[name]
    sites, caught = heard(read_sites, where(name))
    assert len(sites) == rows
    assert sites.crs.to_epsg() == epsg
    assert sites["site_id"].is_unique
    assert sites.geometry.is_valid.all()
    assert not sites.geometry.has_z.any()
    # GDAL tells of coordinates it leaves out once a process, whichever file was the first
    usual = ("rows are numbered from 1", "too many members")
    other = [message for _, message in caught if not any(word in message for word in usual)]
    assert len(other) == len(told), other
    for words in told:
        assert any(words in message for message in other), words
    assert all(where(name).name in message for message in other)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_with_its_name_its_row_and_a_remedy(name):
    error, told = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", EcozonesWarning)
        with pytest.raises(error, match=told) as caught:
            read_sites(where(name))
    message = str(caught.value)
    assert message.startswith(where(name).name)
    assert any(sign in message for sign in (";", ": state"))  # what is wrong, then what to do


def test_every_file_is_spoken_for():
    shapefile_parts = {".shx", ".prj", ".cpg"}
    files = {
        path.name
        for path in (*IO.rglob("*"), *INVALID.rglob("*"))
        if path.is_file()
        and path.suffix not in shapefile_parts
        and not (path.suffix == ".dbf" and path.with_suffix(".shp").exists())
        and path.suffix != ".md"
        and "LICENSE" not in path.name
        and "COPYING" not in path.name
    }
    assert files == {Path(name).name for name in (*READ, *REFUSED)} | EDGES


@pytest.mark.parametrize("name", sorted(EDGES))
def test_degrees_beyond_the_globe_are_read_as_drawn_or_refused_by_name(name):
    path = CHRIEKE / "problematic_geometries" / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EcozonesWarning)
        try:
            sites = read_sites(path)
        except CRSError as problem:
            assert name in str(problem)  # noqa: PT017 - either outcome is sound
        else:
            assert sites.total_bounds.tolist() == gpd.read_file(path).total_bounds.tolist()


def test_the_sixty_four_invalid_polygons_are_repaired_or_refused_row_by_row():
    table = pd.read_csv(INVALID / "geos_invalid_polygons.csv")
    read = refused = 0
    for row in table.itertuples():
        with np.errstate(invalid="ignore"):  # one case is drawn with NaN
            drawn = shapely.from_wkt(row.wkt, on_invalid="ignore")
        # somewhere in Europe, where the coordinates are metres
        shape = shapely.transform(drawn, lambda corners: corners + [4_000_000, 3_000_000])
        given = gpd.GeoDataFrame({"site_id": ["1"]}, geometry=[shape], crs=3035, index=[f"case {row.Index}"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RepairWarning)
            try:
                sites = read_sites(given)
            except (GeometryError, CRSError) as problem:
                assert f"case {row.Index}" in str(problem)  # noqa: PT017 - either outcome is sound
                refused += 1
            else:
                assert sites.geometry.is_valid.all()
                assert sites.geometry.area.gt(0).all()
                read += 1
    assert read + refused == 64
    assert read > 40


# ------------------------------------------------------------------------------------------------ text
def test_a_gbk_shapefile_without_a_word_about_it_is_read_and_reported():
    sites, caught = heard(read_sites, IO / "counties_gbk_nocpg" / "counties_gbk_nocpg.shp")
    assert sites["县区名称"].tolist()[:2] == ["东城区", "西城区"]
    assert set(sites["省"]) == {"北京市", "内蒙古自治区", "黑龙江省", "重庆市"}
    assert sum(category is FoundEncoding for category, _ in caught) == 1


def test_a_utf8_field_name_cut_in_mid_character_is_recovered_and_found_by_its_beginning():
    path = IO / "counties_utf8_truncated_field" / "counties_utf8.shp"
    sites, caught = heard(read_sites, path, columns={"site_id": "行政代"})
    assert "达拉特旗" in set(sites["县区名"])
    assert sites["site_id"].str.fullmatch(r"\d{6}").all()
    assert [category for category, _ in caught] == [FormatWarning]


@pytest.mark.parametrize(
    ("name", "encoding", "declared"),
    [
        ("big5", "big5", True),
        ("chinese", "gb18030", True),
        ("gbk", "gb18030", False),
        ("latin1", "cp1252", False),
        ("duplicate_fields", "utf-8", True),
    ],
)
def test_the_encoding_of_a_table_is_told(name, encoding, declared):
    found = encodings.dbf_encoding(IO / "mapshaper_encoding" / f"{name}.dbf")
    assert (found.name, found.declared) == (encoding, declared)
    assert found.reason


def test_a_utf16_table_is_refused_with_a_remedy():
    with pytest.raises(InputError, match=r"utf16\.dbf: .*UTF-16.*export it again"):
        encodings.dbf_encoding(IO / "mapshaper_encoding" / "utf16.dbf")


@pytest.mark.parametrize(("name", "text"), [("big5", "國語"), ("chinese", "简体")])
def test_declared_encodings_are_followed_without_a_word(tmp_path, name, text):
    source = IO / "mapshaper_encoding" / f"{name}.shp"
    sites, caught = heard(read_sites, _with_point(source, tmp_path), crs=4527)
    assert sites["name"].tolist() == [text]
    assert not [message for category, message in caught if category is FoundEncoding]


def _with_point(source, folder):
    """The point of these files lies nowhere on Earth: write them anew at a place in China."""
    for part in source.parent.glob(f"{source.stem}.*"):
        if part.suffix in {".dbf", ".cpg"}:
            shutil.copy(part, folder / part.name)
    point = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(39500000, 3300000)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        point.to_file(folder / "point.shp")
    for suffix in (".shp", ".shx"):
        (folder / f"point{suffix}").rename(folder / f"{source.stem}{suffix}")
    return folder / f"{source.stem}.shp"


def test_a_cpg_that_the_bytes_contradict_is_not_followed(tmp_path):
    for part in (IO / "counties_gbk_nocpg").iterdir():
        shutil.copy(part, tmp_path)
    (tmp_path / "counties_gbk_nocpg.cpg").write_text("UTF-8", encoding="ascii")
    sites, caught = heard(read_sites, tmp_path / "counties_gbk_nocpg.shp")
    assert "达拉特旗" in set(sites["县区名称"])
    assert any("gb18030" in message and "against what counties_gbk_nocpg.cpg" in message for _, message in caught)


def test_the_callers_encoding_is_followed_and_a_wrong_one_names_the_row():
    path = IO / "counties_gbk_nocpg" / "counties_gbk_nocpg.shp"
    sites, caught = heard(read_sites, path, encoding="GBK")
    assert "东城区" in set(sites["县区名称"])
    assert not [message for category, message in caught if category is FoundEncoding]
    with pytest.raises(InputError, match=r"not utf-8; pass encoding="):
        read_sites(path, encoding="utf-8")
    with pytest.raises(InputError, match=r"encoding 'klingon' is not known"):
        read_sites(path, encoding="klingon")


def test_a_table_that_was_cut_off_is_refused(tmp_path):
    for part in (IO / "counties_gbk_nocpg").iterdir():
        shutil.copy(part, tmp_path)
    table = tmp_path / "counties_gbk_nocpg.dbf"
    table.write_bytes(table.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"dbf: the header says 27 rows, the file ends after row 20; copy"):
        read_sites(tmp_path / "counties_gbk_nocpg.shp")
    table.unlink()
    with pytest.raises(InputError, match=r"there is no counties_gbk_nocpg\.dbf beside it; copy all parts"):
        read_sites(tmp_path / "counties_gbk_nocpg.shp")


def test_garbled_text_in_other_formats_is_suspected(tmp_path):
    garbled = frame(site_id=["1"], **{"ÏØÇøÃû³Æ": ["x"]})
    garbled.to_file(tmp_path / "a.gpkg")
    with pytest.warns(FoundEncoding, match=r"a\.gpkg: text looks garbled: 'ÏØÇøÃû³Æ' says '县区名称' in gb18030"):
        read_sites(tmp_path / "a.gpkg")


def test_geojson_in_gbk_is_read_and_reported(tmp_path):
    frame(site_id=["甲"], crs=4490, geometry=[shapely.box(117, 30, 117.1, 30.1)]).to_file(tmp_path / "a.geojson")
    text = (tmp_path / "a.geojson").read_text(encoding="utf-8")
    (tmp_path / "a.geojson").write_bytes(text.encode("gbk"))
    with pytest.warns(FoundEncoding, match=r"a\.geojson: is GB18030"):
        assert read_sites(tmp_path / "a.geojson")["site_id"].tolist() == ["甲"]


# ------------------------------------------------------------------------------------------------ formats
FORMATS = {
    "a.shp": {"encoding": "utf-8"},
    "a.gpkg": {},
    "a.gdb": {"driver": "OpenFileGDB"},
    "a.fgb": {},
    "a.geojson": {},
    "a.parquet": None,
}


def write(given, path):
    options = FORMATS[path.name]
    if options is None:
        given.to_parquet(path)
    else:
        given.to_file(path, **options)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_gives_back_what_was_written(tmp_path, name):
    crs = 4490 if name.endswith("geojson") else 4527
    shapes = [shapely.box(117, 30, 117.5, 30.5)] if crs == 4490 else [SQUARE]
    path = write(frame(shapes, crs, 编号=["甲"], 名称=["道路"]), tmp_path / name)
    sites, caught = heard(read_sites, path)
    assert not [message for category, message in caught if category is not FoundEncoding]
    assert sites[["site_id", "name"]].to_numpy().tolist() == [["甲", "道路"]]
    assert sites.crs.to_epsg() == crs
    assert shapely.normalize(sites.geometry[0]).equals(shapely.normalize(shapes[0]))


def test_a_kml_of_three_areas_has_the_areas_of_its_source():
    sites, _ = heard(read_sites, IO / "trafford_conservation_areas.kml")
    assert sites["name"].tolist() == ["Barton-upon-Irwell", "Brogden Grove", "George Street"]
    assert sites.to_crs(27700).area.tolist() == pytest.approx([35329.471, 7294.314, 13899.986], abs=0.01)


def test_a_dxf_is_placed_by_the_caller():
    sites, _ = heard(read_sites, IO / "trafford_conservation_areas.dxf", crs=27700)
    assert sites.area.tolist() == pytest.approx([35329.471, 7294.314, 13899.986], abs=0.001)
    assert sites["name"].tolist() == ["0", "0", "0"]


def test_closed_lines_of_a_drawing_are_polygons_and_labels_are_left_out(tmp_path):
    label = shapely.Point(39500500, 3300500)
    drawn = gpd.GeoDataFrame(
        {"Layer": ["地块", "路", "字"]},
        geometry=[SQUARE.exterior, shapely.LineString([(39500000, 3300000), (39501000, 3300000)]), label],
    )
    drawn["Text"] = [None, None, "说明"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.write_dataframe(drawn[["Layer", "geometry"]], tmp_path / "a.dxf", driver="DXF")
    sites, caught = heard(read_sites, tmp_path / "a.dxf", crs=4527)
    assert "Polygon" in sites.geom_type.tolist()
    assert sites["name"].tolist()[:2] == ["地块", "路"]
    assert any("1 closed lines were taken as polygons" in message for _, message in caught)


def test_a_zip_with_gbk_names_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in sorted((IO / "counties_gbk_nocpg").iterdir()):
            name = f"成果/县界{part.suffix}".encode("gbk").decode("cp437")
            info = zipfile.ZipInfo(name)
            archive.writestr(info, part.read_bytes())
    # zipfile marks such names as UTF-8: write them as Chinese Windows does
    raw = (tmp_path / "a.zip").read_bytes()
    garbled = "成果/县界".encode("gbk").decode("cp437").encode("utf-8")
    assert garbled in raw
    _write_plain_zip(
        tmp_path / "b.zip",
        {f"成果/县界{part.suffix}".encode("gbk"): part.read_bytes() for part in (IO / "counties_gbk_nocpg").iterdir()},
    )
    sites, caught = heard(read_sites, tmp_path / "b.zip")
    assert "达拉特旗" in set(sites["县区名称"])
    assert any("县界.shp" in message for _, message in caught)


def _write_plain_zip(path, files):
    """Write names as raw bytes, without the mark that they are UTF-8."""
    stand_in = {name: f"{place:0{len(name)}d}" for place, name in enumerate(files)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(stand_in[name]), content)
    raw = path.read_bytes()
    for name, other in stand_in.items():
        raw = raw.replace(other.encode("ascii"), name)
    path.write_bytes(raw)


def test_a_broken_archive_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"a\.zip: the archive cannot be unpacked .*pack it again"):
        read_sites(tmp_path / "a.zip")


def test_a_folder_of_boundary_texts_is_one_table(tmp_path):
    for place, name in enumerate(["甲", "乙"]):
        moved = shapely.transform(SQUARE, lambda corners, step=place: corners + [step * 5000, 0])
        write_boundary_text(frame([moved], plot_no=["1"], use=["道路"]), tmp_path / f"{name}.txt")
    with pytest.warns(FormatWarning, match="plot numbers were given the name of their file"):
        sites = read_sites(tmp_path)
    assert sorted(sites["site_id"]) == ["乙-1", "甲-1"]
    assert sites["activity"].tolist() == ["道路", "道路"]
    assert sites["stated_area_m2"].gt(999_000).all()


def test_files_that_cannot_be_read_are_told_and_not_passed_over(tmp_path):
    frame(site_id=["1"]).to_file(tmp_path / "a.gpkg")
    (tmp_path / "old.mdb").write_bytes(b"")
    with pytest.warns(FormatWarning, match=r"old\.mdb was not read; export it"):
        read_sites(tmp_path)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("nowhere.shp", "does not exist; check the path"),
        (7, "a int cannot be read"),
        ({"a": 1}, "a are no GeoDataFrames"),
    ],
)
def test_a_source_that_is_none_is_refused(source, told):
    with pytest.raises(InputError, match=told):
        read_sites(source)


def test_a_broken_file_is_refused_with_a_remedy(tmp_path):
    (tmp_path / "a.gpkg").write_bytes(b"not a database")
    with pytest.raises(InputError, match=r"a\.gpkg: the file cannot be read .*open it in a GIS"):
        read_sites(tmp_path / "a.gpkg")
    (tmp_path / "a.geojson").write_text('{"type": ', encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.geojson, line 1: the file is no JSON"):
        read_sites(tmp_path / "a.geojson")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: .*GeoParquet.*to_parquet"):
        read_sites(tmp_path / "a.parquet")


# ------------------------------------------------------------------------------------------------ sites and projects
def test_repeated_ids_are_told_with_all_rows():
    given = frame([SQUARE, NEXT, SQUARE], DKBH=["A", "B", "A"])
    with pytest.raises(SchemaError, match=r"site_id \(DKBH\) is repeated in rows 0, 2; give every row") as caught:
        read_sites(given)
    assert caught.value.problems["row"].tolist() == [0, 2]


def test_rows_without_geometry_are_refused_or_on_request_left_out_and_said_so():
    given = frame([SQUARE, None, shapely.Polygon()], site_id=["A", "B", "C"])
    with pytest.raises(GeometryError, match="rows 1, 2 have no geometry"):
        read_sites(given)
    with pytest.warns(FormatWarning, match="left out 2 rows without geometry: 1, 2"):
        assert read_sites(given, on_empty="skip")["site_id"].tolist() == ["A"]


def test_invalid_polygons_are_refused_where_repair_is_not_wanted():
    bowtie = shapely.Polygon([(39500000, 3300000), (39500100, 3300100), (39500100, 3300000), (39500000, 3300100)])
    with pytest.raises(GeometryError, match="rows 0 are not valid; repair them, or pass repair=True"):
        read_sites(frame([bowtie], site_id=["A"]), repair=False)


def test_one_of_several_layers_is_chosen_by_name(tmp_path):
    frame(site_id=["A"]).to_file(tmp_path / "a.gpkg", layer="first")
    frame(site_id=["B"]).to_file(tmp_path / "a.gpkg", layer="second")
    assert read_sites(tmp_path / "a.gpkg", layer="second")["site_id"].tolist() == ["B"]
    with pytest.raises(SchemaError, match=r"2 layers: first \(a\.gpkg\), second \(a\.gpkg\); say which.*layer="):
        read_sites(tmp_path / "a.gpkg")
    with pytest.raises(SchemaError, match=r"layer 'third' is not there; the source holds first"):
        read_sites(tmp_path / "a.gpkg", layer="third")


def test_warnings_point_at_the_call():
    with pytest.warns(DroppedColumnsWarning) as caught:
        read_sites(frame(DKBH=["A"], LXDH=["1"]))
    assert caught[0].filename == __file__


def test_the_callers_frame_is_not_changed():
    given = frame(DKBH=["A"], LXDH=["1"])
    kept = given.copy()
    with pytest.warns(DroppedColumnsWarning):
        read_sites(given)
    pd.testing.assert_frame_equal(pd.DataFrame(given), pd.DataFrame(kept))


def test_lines_and_points_are_sites_too():
    shapes = [SQUARE, shapely.LineString([(39500000, 3300000), (39501000, 3300000)]), shapely.Point(39500000, 3300000)]
    sites = read_sites(frame(shapes, site_id=["A", "B", "C"], 宽度=[None, 26, None]))
    assert sites.geom_type.tolist() == ["Polygon", "LineString", "Point"]
    assert sites["width_m"].tolist()[1] == 26
    assert np.isnan(sites["width_m"][0])


def test_activities_are_left_as_they_stand():
    given = frame([SQUARE, NEXT], site_id=["A", "B"], 活动类型=["linear_infra", "新建公路"])
    assert read_sites(given)["activity"].tolist() == ["linear_infra", "新建公路"]


def test_projects_have_their_roles():
    given = frame(
        XMBH=["R1"], XMMC=["造林"], 所属工程=["双重"], 修复类型=["造林"], ND=[2024], 阶段=["验收"], 完成面积_亩=[150]
    )
    projects = read_projects(given)
    row = projects.iloc[0]
    assert row[["project_id", "name", "programme", "type", "year", "stage"]].tolist() == [
        "R1",
        "造林",
        "双重",
        "造林",
        2024,
        "验收",
    ]
    assert row["stated_area_m2"] == 100_000


# ------------------------------------------------------------------------------------------------ plans
RED = {"ZRBHDFQ": ["核心保护区"], "HXBM": ["H1"], "HXMC": ["红线一"], "BSM": ["1"]}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("STBHHX", "ecological_red_line"),
        ("stbhhx_150621_2023", "ecological_red_line"),
        ("生态保护红线", "ecological_red_line"),
        ("达拉特旗生态保护红线2022年封库版", "ecological_red_line"),
        ("陆域生态保护红线", "ecological_red_line"),
        ("shengtaibaohuhongxian", "ecological_red_line"),
        ("Ecological Red Line", "ecological_red_line"),
        ("YJJBNTBHTB", "permanent_basic_farmland"),
        ("150621YJJBNTBHTB2021", "permanent_basic_farmland"),
        ("永久基本农田保护图斑", "permanent_basic_farmland"),
        ("基本农田", "permanent_basic_farmland"),
        ("CZKFBJ", "urban_development_boundary"),
        ("城镇开发边界_最终版", "urban_development_boundary"),
        ("urban_growth_boundary", "urban_development_boundary"),
    ],
)
def test_a_layer_is_known_by_its_name(name, line):
    plan = read_plan({name: frame()})
    assert list(plan.lines) == [line]
    assert any(note.startswith(f"{line}: read from {name}") for note in plan.notes)


@pytest.mark.parametrize(
    "name",
    ["STBHZYYXPJJG", "生态保护红线评估", "生态保护重要性评价", "村庄开发边界", "永久基本农田核实", "生态保护红线界桩"],
)
def test_evaluation_and_working_layers_are_never_taken_for_the_line(name):
    with pytest.raises(SchemaError, match=f"no control line was found among {name}.*layers="):
        read_plan({name: frame()})


def test_an_evaluation_layer_beside_the_line_is_noted():
    plan = read_plan({"STBHHX": frame(**RED), "生态保护红线评估": frame()})
    assert len(plan["ecological_red_line"]) == 1
    assert any("生态保护红线评估: by its name an evaluation" in note for note in plan.notes)


@pytest.mark.parametrize("name", ["生态保护红线外扩500米", "生态保护红线与永久基本农田重叠", "调整前生态保护红线"])
def test_a_name_that_says_more_is_not_taken_without_the_callers_word(name):
    with pytest.raises(SchemaError, match=r"no control line was found .*not taken, because the name says more"):
        read_plan({name: frame()})
    plan, caught = heard(read_plan, {name: frame(), "CZKFBJ": frame()})
    assert list(plan.lines) == ["urban_development_boundary"]
    assert caught[0] == (FormatWarning, next(note for note in plan.notes if "because the name says more" in note))
    plan = read_plan({name: frame(**RED)}, layers={"ecological_red_line": name})
    assert plan["ecological_red_line"]["subzone"].tolist() == ["core"]


def test_several_layers_of_one_line_are_an_error_until_the_caller_names_them():
    source = {"陆域生态保护红线": frame(**RED), "海洋生态保护红线": frame([NEXT], ZRBHDFQ=["一般控制区"])}
    with pytest.raises(
        SchemaError, match=r"several layers may be ecological_red_line .*陆域生态保护红线, 海洋生态保护红线; say which"
    ):
        read_plan(source)
    plan = read_plan(source, layers={"ecological_red_line": ["陆域生态保护红线", "海洋生态保护红线"]})
    assert plan["ecological_red_line"]["subzone"].tolist() == ["core", "general"]


def test_a_reserve_layer_beside_farmland_is_a_sub_zone_of_it():
    plan = read_plan({"永久基本农田": frame(), "永久基本农田储备区": frame([NEXT])})
    assert plan["permanent_basic_farmland"]["subzone"].tolist() == ["pbf", "reserve"]


def test_a_line_that_is_left_out_on_purpose_or_missing_is_noted():
    plan = read_plan(
        {"STBHHX": frame(**RED), "CZKFBJ": frame(GHFQMC=["城镇集中建设区"])}, layers={"ecological_red_line": None}
    )
    assert list(plan.lines) == ["urban_development_boundary"]
    assert "permanent_basic_farmland: no layer found, so nothing can be clear of it" in plan.notes


FORMS = {
    "delivery table": {"HXBM": ["1"], "HXMC": ["甲"], "ZRBHDFQ": ["一般控制区"], "MJ": [999_000.0]},
    "survey volume": {"BSM": ["1"], "XJXZQHDM": ["150621"], "LXDM": ["1"], "SLDM": ["1"], "QYMJ": [999_000.0]},
    "planning volume": {"BSM": ["1"], "XJXZQDM": ["150621"], "SJXZQMC": ["x"], "LHLX": ["1"], "MJ": [999_000.0]},
}


@pytest.mark.parametrize("form", FORMS)
def test_three_delivered_forms_of_the_red_line_are_told_apart(form):
    plan = read_plan({"STBHHX": frame(**FORMS[form])})
    assert any(form in note for note in plan.notes)
    expected = "general" if form == "delivery table" else None
    assert plan["ecological_red_line"]["subzone"].tolist() == [expected]


def test_an_unknown_sub_zone_is_none_and_counted():
    plan = read_plan({"CZKFBJ": frame([SQUARE, NEXT], GHFQMC=["城镇弹性发展区", "01"], GHFQDM=["02", "01"])})
    assert plan["urban_development_boundary"]["subzone"].tolist() == ["flexible", None]
    assert any("sub-zones not recognised: 01" in note for note in plan.notes)


def test_farmland_brings_deduction_land_class_and_stated_area():
    given = frame(YJJBNTTBBH=["1"], DLBM=["0103"], KCXS=[0.0837], YJJBNTTBMJ=[999_000.0], ZRRMC=["张三"])
    with pytest.warns(DroppedColumnsWarning, match="ZRRMC"):
        plan = read_plan({"YJJBNTBHTB": given})
    row = plan["permanent_basic_farmland"].iloc[0]
    assert (row.feature_id, row.deduction, row.land_class, row.land_class_scheme) == ("1", 0.0837, "0103", "survey-3")
    assert row.stated_area_m2 == 999_000
    assert "ZRRMC" not in plan["permanent_basic_farmland"].columns
    assert "ZRRMC" in read_plan({"YJJBNTBHTB": given}, keep_personal=True)["permanent_basic_farmland"].columns


@pytest.mark.parametrize(("stated", "unit"), [(99.9, "ha"), (1499.0, "mu"), (0.999, "km2")])
def test_the_unit_of_a_stated_area_is_told_by_the_polygons(stated, unit):
    with pytest.warns(FormatWarning, match=f"MJ is in {unit} by the size of its polygons; brought to m2"):
        plan = read_plan({"CZKFBJ": frame(MJ=[stated])})
    assert plan["urban_development_boundary"]["stated_area_m2"][0] == pytest.approx(999_000, rel=1e-3)


def test_a_deduction_that_is_no_share_is_refused():
    with pytest.raises(SchemaError, match=r"deduction \(KCXS\) is no share in rows 1; write the deducted share"):
        read_plan({"YJJBNTBHTB": frame([SQUARE, NEXT], KCXS=[0.08, 8.0])})


def test_codes_of_two_surveys_side_by_side_are_flagged():
    with pytest.warns(FormatWarning, match=r"DLBM mixes three-digit codes of the second survey \(1 rows\)"):
        plan = read_plan({"YJJBNTBHTB": frame([SQUARE, NEXT], DLBM=["011", "0101"])})
    assert plan["permanent_basic_farmland"]["land_class_scheme"].tolist() == ["survey-2", "survey-3"]


def test_a_field_name_cut_at_ten_bytes_is_read_as_its_full_name():
    plan = read_plan({"CZKFBJ": frame(规划分区名=["特别用途区"])})
    assert plan["urban_development_boundary"]["subzone"].tolist() == ["special"]
    assert any("规划分区名 = 规划分区名称" in note for note in plan.notes)


def test_administrative_ground_is_the_extent_unless_the_caller_says_another():
    source = {"STBHHX": frame(**RED), "XZQ": frame([shapely.box(39490000, 3290000, 39510000, 3310000)])}
    assert read_plan(source).extent.area.tolist() == [4e8]
    assert read_plan(source, extent=frame()).extent.area.tolist() == [1e6]
    assert read_plan(source, extent="STBHHX").extent.area.tolist() == [1e6]
    assert read_plan({"STBHHX": frame(**RED)}).extent is None


def test_the_three_spaces_are_read_from_a_layer_each_or_from_one():
    apart = read_plan({"STBHHX": frame(**RED), "农业空间": frame(), "生态空间": frame([NEXT])})
    assert apart.zones["zone"].tolist() == ["agricultural_space", "ecological_space"]
    together = read_plan({"STBHHX": frame(**RED), "三类空间": frame([SQUARE, NEXT], 空间类型=["城镇空间", "农业空间"])})
    assert together.zones["zone"].tolist() == ["urban_space", "agricultural_space"]
    with pytest.raises(SchemaError, match=r"zone \(空间类型\) names no space in rows 0"):
        read_plan({"STBHHX": frame(**RED), "三类空间": frame(空间类型=["其他"])})


def test_coverage_is_read_beside_the_line():
    plan = read_plan({"STBHHX": frame(**RED), "范围一": frame([NEXT])}, coverage={"ecological_red_line": "范围一"})
    assert plan.coverage["ecological_red_line"].total_bounds.tolist() == list(NEXT.bounds)


def test_another_jurisdiction_declares_its_own_lines():
    class Rules:
        lines = (ControlLine("green_belt", "绿带", "green belt", layers=("greenbelt",)),)

    plan = read_plan({"greenbelt_2020": frame()}, rules=Rules())
    assert list(plan.lines) == ["green_belt"]


def test_a_line_that_nobody_declares_is_refused():
    with pytest.raises(SchemaError, match="lines green_belt are not declared; known are ecological_red_line"):
        read_plan({"STBHHX": frame()}, layers={"green_belt": "STBHHX"})
    with pytest.raises(SchemaError, match="'elsewhere' is no layer of the source and no file; the source holds STBHHX"):
        read_plan({"STBHHX": frame()}, layers={"permanent_basic_farmland": "elsewhere"})


def test_a_geodatabase_with_layers_in_two_crs_is_a_plan(tmp_path):
    path = tmp_path / "示例县.gdb"
    frame(YJJBNTTBBH=["F1"]).to_file(path, layer="YJJBNTBHTB", driver="OpenFileGDB")
    degrees = frame([NEXT], **RED).to_crs(4490)
    degrees.to_file(path, layer="STBHHX", driver="OpenFileGDB")
    frame(GHFQMC=["城镇集中建设区"]).to_file(path, layer="CZKFBJ", driver="OpenFileGDB")
    frame().to_file(path, layer="STBHZYYXPJJG", driver="OpenFileGDB")
    plan = read_plan(path)
    assert plan.name == "示例县"
    assert list(plan.lines) == ["ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"]
    assert plan["permanent_basic_farmland"]["feature_id"].tolist() == ["F1"]
    # every layer keeps the coordinates it came in
    assert plan["ecological_red_line"].crs.to_epsg() == 4490
    assert shapely.normalize(plan["permanent_basic_farmland"].geometry[0]).equals(shapely.normalize(SQUARE))


def test_a_folder_of_shapefiles_and_a_zip_of_it_are_the_same_plan(tmp_path):
    folder = tmp_path / "县"
    folder.mkdir()
    frame(**RED).to_file(folder / "生态保护红线.shp", encoding="gbk")
    frame([NEXT], GHFQMC=["特别用途区"]).to_file(folder / "CZKFBJ.shp", encoding="gbk")
    shutil.make_archive(str(tmp_path / "县"), "zip", tmp_path, "县")
    for source in (folder, tmp_path / "县.zip"):
        for page in folder.glob("*.cpg"):
            page.unlink()
        plan, caught = heard(read_plan, source)
        # what was warned of is also remembered
        assert {message for _, message in caught} <= set(plan.notes)
        assert plan["ecological_red_line"]["subzone"].tolist() == ["core"]
        assert plan["ecological_red_line"]["name"].tolist() == ["红线一"]
        assert plan["urban_development_boundary"]["subzone"].tolist() == ["special"]


def test_a_layer_alone_in_its_file_is_known_by_the_name_of_the_file_too(tmp_path):
    frame(**RED).to_file(tmp_path / "生态保护红线2023.gpkg", layer="export")
    assert read_plan(tmp_path / "生态保护红线2023.gpkg")["ecological_red_line"]["subzone"].tolist() == ["core"]


def test_a_line_may_come_from_another_file(tmp_path):
    frame(GHFQMC=["集中建设区"]).to_file(tmp_path / "b.gpkg")
    plan = read_plan({"STBHHX": frame(**RED)}, layers={"urban_development_boundary": tmp_path / "b.gpkg"})
    assert plan["urban_development_boundary"]["subzone"].tolist() == ["concentrated"]


def test_a_layer_that_does_not_say_its_crs_is_refused_until_the_caller_does():
    bare = gpd.GeoDataFrame(RED, geometry=[SQUARE])
    with pytest.raises(MissingCRSError, match=r"STBHHX: .*no CRS.*pass crs="):
        read_plan({"STBHHX": bare})
    assert read_plan({"STBHHX": bare}, crs=4527).crs.to_epsg() == 4527


def test_rows_of_a_line_that_are_no_polygons_are_refused():
    with pytest.raises(GeometryError, match="STBHHX: rows 1 are no polygons; draw them as polygons"):
        read_plan({"STBHHX": frame([SQUARE, shapely.Point(39500000, 3300000)])})


@pytest.mark.parametrize("name", ["调出区_生态保护红线", "调整区生态保护红线", "试点区生态保护红线"])
def test_a_working_layer_named_after_a_kind_of_area_is_not_taken_for_the_line(name):
    with pytest.raises(SchemaError, match="the name says more"):
        read_plan({name: frame()})


def test_a_red_line_in_coordinates_of_an_internet_map_is_told_when_the_plan_is_read():
    extent = gpd.GeoDataFrame(geometry=[shapely.box(110.0, 40.0, 110.2, 40.2)], crs=4490)
    moved = shapely.transform(extent.geometry.iloc[0], lambda xy: np.column_stack(to_gcj02(*xy.T)))
    red = gpd.GeoDataFrame({"分区": ["核心保护区"]}, geometry=[moved], crs=4490)
    with pytest.warns(ShiftSuspectedWarning, match="GCJ-02"):
        plan = read_plan({"STBHHX": red}, extent=extent)
    assert any("GCJ-02" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("line", "text", "subzone"),
    [
        ("urban_development_boundary", "城镇集中建设区", "concentrated"),
        ("urban_development_boundary", "非集中建设区", None),
        ("ecological_red_line", "自然保护地核心保护区", "core"),
        ("ecological_red_line", "核心保护区外", None),
        ("ecological_red_line", "自然保护地以外区域", "outside"),
        ("ecological_red_line", "non-core area", None),
    ],
)
def test_a_sub_zone_that_a_text_denies_is_not_read_out_of_it(line, text, subzone):
    assert recognise_subzone(text, control_lines()[line]) == subzone

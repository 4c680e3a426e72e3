"""Units and the words for them: a word means one unit, and the longest word of a name counts."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ecozones.units import fold, stated_units, to_m2, unit_in_name, unit_of


@pytest.mark.parametrize(
    ("unit", "square_metres"),
    [
        ("mu", 2000 / 3),
        ("wan_mu", 20_000_000 / 3),
        ("ha", 10_000),
        ("wan_ha", 1e8),
        ("qian_ha", 1e7),
        ("km2", 1e6),
        ("wan_km2", 1e10),
        ("m2", 1),
        ("wan_m2", 10_000),
        ("acre", 4046.8564224),
    ],
)
def test_one_of_each_unit_is_so_many_square_metres(unit, square_metres):
    assert float(stated_units("area")[unit].to_base(1)) == pytest.approx(square_metres, rel=1e-15)


def test_units_of_this_library_are_the_same_in_both_places():
    for unit in ("m2", "mu", "ha", "km2"):
        assert float(to_m2(7.3, unit)) == float(stated_units("area")[unit].to_base(7.3))


@pytest.mark.parametrize("kind", ["area", "money"])
def test_no_word_means_two_units(kind):
    words = [{fold(word) for word in (unit.id, *unit.words)} for unit in stated_units(kind).values()]
    assert sum(map(len, words)) == len(set().union(*words))
    for unit in stated_units(kind).values():
        assert all(unit_of(word, kind) == unit for word in unit.words)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("面积（万亩）", "area", ("面积", "wan_mu")),
        ("面积(亩)", "area", ("面积", "mu")),
        ("面积_英亩", "area", ("面积", "acre")),
        ("area_ac", "area", ("area", "acre")),
        ("sac", "area", ("sac", "")),
        ("alpha", "area", ("alpha", "")),
        ("simu", "area", ("simu", "")),
        ("面积km²", "area", ("面积", "km2")),
        ("面积万平方公里", "area", ("面积", "wan_km2")),
        ("亩", "area", ("亩", "mu")),
        ("总投资(亿元)", "money", ("总投资", "yi_yuan")),
        ("cost_usd", "money", ("cost", "usd")),
        ("总投资（万美元）", "money", ("总投资", "wan_usd")),
        ("管控单元", "money", ("管控单元", "")),
        ("总投资", "money", ("总投资", "")),
    ],
)
def test_the_unit_at_the_end_of_a_name_is_found(name, kind, expected):
    assert unit_in_name(name, kind) == expected


@given(st.floats(0, 1e9), st.sampled_from(sorted(stated_units("area"))))
def test_there_and_back_is_the_same(value, unit):
    known = stated_units("area")[unit]
    assert float(known.from_base(known.to_base(value))) == pytest.approx(value, rel=1e-14)

"""Types of work, stages, and the words registers have for them."""

from ecozones import restoration_types


def test_the_type_table_has_the_thirteen_kinds_and_their_official_names():
    types = restoration_types.restoration_types()
    codes = ["AF-PL", "AF-AE", "AF-EN", "AF-RE", "SD-EN", "GR-PL", "GR-IM", "WL-RE", "MN-RE", "SE-CT", "SA-IM", "LC-WH"]
    assert {*codes, "MG-PL", "RR-GR"} <= set(types.code)
    assert types.code.is_unique
    assert (types[["zh", "en", "family", "measure", "activity", "check"]] != "").all(axis=None)


def test_no_word_means_two_types():
    words = [
        restoration_types._plain(w)
        for key, row in restoration_types.restoration_types().iterrows()
        for w in {key, row.code, row.zh, row.en, *row.aliases}
    ]
    by_type = [
        {restoration_types._plain(w) for w in (key, row.code, row.zh, row.en, *row.aliases)}
        for key, row in restoration_types.restoration_types().iterrows()
    ]
    assert sum(map(len, by_type)) == len(set(words))


def test_stages_are_in_order_and_name_their_columns():
    stages = restoration_types.restoration_stages()
    assert list(stages.index) == [
        "planned", "started", "reported", "accepted", "verified", "preserved", "failed", "cancelled", "lapsed",
    ]  # fmt: skip
    assert stages.ended.tolist() == [False] * 6 + [True] * 3
    assert stages.loc["verified", ["area", "day"]].tolist() == ["verified_ha", "verified_on"]

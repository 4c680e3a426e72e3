"""Error-adjusted areas, against published examples."""

import numpy as np
import pandas as pd
import pytest

from ecozones.errors import InputError, SchemaError
from ecozones.landcover.sample_estimates import error_adjusted_area, sample_size, stratified_area

CHANGE = ["deforestation", "forest gain", "stable forest", "stable non-forest"]


def estimates(table, quantity, kind="error_adjusted"):
    return table[(table["quantity"] == quantity) & (table["kind"] == kind)]


def test_areas_of_olofsson_2014():
    # Olofsson et al. (2014), table 8; inputs as in CRAN mapaccuracy, which gives 21 158 +- 6 158 ha
    counts = pd.DataFrame(
        [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]], index=CHANGE, columns=CHANGE
    )
    mapped = dict(zip(CHANGE, np.array([200_000, 150_000, 3_200_000, 6_450_000]) * 0.09, strict=True))
    table = error_adjusted_area(counts, mapped)
    area = estimates(table, "area")
    assert area["estimate"].tolist() == pytest.approx([21157.762238, 11686.153846, 285769.93007, 581386.153846])
    assert area["half_width"].tolist() == pytest.approx([6157.521238, 3755.757011, 15509.551301, 16281.357173])
    assert estimates(table, "area", "pixel_count")["estimate"].tolist() == [18_000, 13_500, 288_000, 580_500]
    users, producers = estimates(table, "users_accuracy"), estimates(table, "producers_accuracy")
    assert users["estimate"].tolist() == pytest.approx([0.88, 0.733333, 0.927273, 0.963077], abs=1e-6)
    assert users["half_width"].tolist() == pytest.approx([0.07404, 0.100755, 0.039745, 0.020533], abs=1e-6)
    assert producers["estimate"].tolist() == pytest.approx([0.748661, 0.847156, 0.934509, 0.961609], abs=1e-6)
    assert producers["half_width"].tolist() == pytest.approx([0.213306, 0.254404, 0.034324, 0.018361], abs=1e-6)
    (overall,) = estimates(table, "overall_accuracy").itertuples()
    assert (overall.estimate, overall.half_width) == pytest.approx((0.9465118881118881, 0.018483278101740754))


def test_areas_of_olofsson_2013():
    # Olofsson et al. (2013), example 1; areas in pixels
    names = ["a", "b", "c"]
    counts = pd.DataFrame([[97, 0, 3], [3, 279, 18], [2, 1, 97]], index=names, columns=names)
    table = error_adjusted_area(counts, {"a": 22353, "b": 1122543, "c": 610228})
    area = estimates(table, "area")
    assert area["estimate"].tolist() == pytest.approx([45112.4, 1050067.27, 659944.33], abs=0.01)
    assert area["se"].tolist() == pytest.approx([10751.404503, 17652.043754, 18635.855872])
    assert area["half_width"].tolist() == pytest.approx([21072.36561, 34597.370012, 36525.606329])
    assert estimates(table, "overall_accuracy")["estimate"].tolist() == pytest.approx([0.94441678194817])


def stehman_sample():
    mapped = "A" * 7 + "B" * 3 + "A" + "B" * 11 + "C" * 6 + "B" * 2 + "D" * 10
    reference = "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"
    return pd.DataFrame(
        {
            "stratum": list("A" * 10 + "B" * 10 + "C" * 10 + "D" * 10),
            "mapped": list(mapped),
            "reference": list(reference),
        }
    )


def test_areas_of_stehman_2014():
    # Stehman (2014), pages 4932 to 4936
    sizes = {"A": 40_000, "B": 30_000, "C": 20_000, "D": 10_000}
    table = stratified_area(stehman_sample(), sizes, cell_ha=1e-5)  # one hectare in all: areas are shares
    area = estimates(table, "area").set_index("reference")
    assert area.loc[["A", "C"], "estimate"].tolist() == pytest.approx([0.35, 0.20])
    assert area.loc[["A", "C"], "se"].tolist() == pytest.approx([0.082247796, 0.06427977], abs=1e-8)
    (overall,) = estimates(table, "overall_accuracy").itertuples()
    assert (overall.estimate, overall.se) == pytest.approx((0.63, 0.084642188), abs=1e-8)
    users = estimates(table, "users_accuracy").set_index("mapped").loc["B"]
    assert (users["estimate"], users["se"]) == pytest.approx((0.574468085, 0.12478224), abs=1e-8)
    producers = estimates(table, "producers_accuracy").set_index("reference").loc["B"]
    assert (producers["estimate"], producers["se"]) == pytest.approx((0.794117647, 0.116547914), abs=1e-8)
    cell = estimates(table, "cell")
    assert cell.loc[(cell["mapped"] == "B") & (cell["reference"] == "C"), "estimate"].tolist() == pytest.approx([0.08])
    assert cell["estimate"].sum() == pytest.approx(1)


def test_strata_that_are_the_classes_give_the_areas_of_olofsson():
    names = ["a", "b"]
    counts = pd.DataFrame([[40, 10], [5, 45]], index=names, columns=names)
    units = [(m, m, r) for m in names for r in names for _ in range(counts.loc[m, r])]
    sample = pd.DataFrame(units, columns=["stratum", "mapped", "reference"])
    cells = {"a": 4e9, "b": 6e9}  # so many that the finite population does not show
    one = estimates(stratified_area(sample, cells, cell_ha=1e-6), "area")
    other = estimates(error_adjusted_area(counts, {"a": 4e3, "b": 6e3}), "area")
    assert one["estimate"].tolist() == pytest.approx(other["estimate"].tolist())
    assert one["se"].tolist() == pytest.approx(other["se"].tolist(), rel=1e-6)


def test_a_sample_of_641_reaches_a_standard_error_of_one_percent():
    # Olofsson et al. (2014), section 5: 640.54 before rounding
    shares, users = [0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95]
    assert sample_size(shares, users, target_se=0.01) == 641
    with pytest.raises(InputError, match="must sum to 1"):
        sample_size([0.5, 0.6], [0.9, 0.9], target_se=0.01)


@pytest.mark.parametrize(
    ("counts", "mapped", "told"),
    [
        ([[5, 1], [1, 0]], {"a": 1.0, "b": 1.0}, "fewer than two sample units.*b"),
        ([[5, 1], [1, 5]], {"a": 1.0, "c": 1.0}, "must name the same classes"),
        ([[5, 1], [1, 5]], {"a": 1.0, "b": 0.0}, "size above 0"),
        ([[5, 1.5], [1, 5]], {"a": 1.0, "b": 1.0}, "whole numbers"),
    ],
)
def test_samples_whose_error_cannot_be_known_are_refused(counts, mapped, told):
    with pytest.raises(InputError, match=told):
        error_adjusted_area(pd.DataFrame(counts, index=["a", "b"], columns=["a", "b"]), mapped)


def test_stratified_samples_that_do_not_fit_their_strata_are_refused():
    sample, sizes = stehman_sample(), {"A": 40_000, "B": 30_000, "C": 20_000, "D": 10_000}
    with pytest.raises(SchemaError, match="no column mapped"):
        stratified_area(sample.drop(columns="mapped"), sizes, cell_ha=1)
    with pytest.raises(InputError, match="without a size: D"):
        stratified_area(sample, {k: v for k, v in sizes.items() if k != "D"}, cell_ha=1)
    with pytest.raises(InputError, match="fewer than two"):
        stratified_area(sample, sizes | {"E": 100}, cell_ha=1)
    with pytest.raises(InputError, match="more sample units than cells: D"):
        stratified_area(sample, sizes | {"D": 5}, cell_ha=1)
    with pytest.raises(InputError, match="must have an area"):
        stratified_area(sample, sizes, cell_ha=0)
    with pytest.raises(InputError, match="between 0 and 1"):
        stratified_area(sample, sizes, cell_ha=1, confidence=95)
    with pytest.raises(InputError, match="without stratum, mapped or reference class: 3"):
        stratified_area(sample.assign(reference=sample["reference"].where(sample.index != 3)), sizes, cell_ha=1)

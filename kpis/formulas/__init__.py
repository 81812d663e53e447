"""The closed set of formulas: how a figure, its interval and its parts follow from the sums of a slice."""

from kpis.formulas.cohorts import Cohort, KaplanMeier
from kpis.formulas.counts import Balance, Count, Resolved, Share, SplitCount, Term
from kpis.formulas.durations import Quantile
from kpis.formulas.gauges import Ages, LevelOf
from kpis.formulas.scores import NetPromoter, TopBox

__all__ = [
    "Ages", "Balance", "Cohort", "Count", "KaplanMeier", "LevelOf", "NetPromoter",
    "Quantile", "Resolved", "Share", "SplitCount", "Term", "TopBox",
]  # fmt: skip

"""A small model, for tests that need one in force: leads from CA are likely sold."""

from app.catalog.modelling import Choice, Figures, Fitted, Model

FIGURES = Figures(
    auc=0.7,
    brier=0.2,
    lift=(2.0, *(1.0,) * 8, 0.0),
    calibration=tuple((i / 10, i / 10, 10) for i in range(10)),
)


def model(version: int = 1, *, sunny: float = 1.0, campaign: str = "solar", target: str = "sold") -> Model:
    """σ(`sunny`) for a lead from CA, σ(−1) for others."""
    fitted = Fitted(
        target="accepted" if target == "accepted" else "sold",
        features=(Choice(name="state", value="", weights={"CA": 1.0 + sunny}, rare=0.0, absent=0.0),),
        intercept=-1.0, slope=1.0, shift=0.0, hundredths=tuple(i / 100 for i in range(1, 100)), shares=(0.1,) * 10,
        l2=1.0, first="2026-01-01T00:00:00+00:00", last="2026-06-01T00:00:00+00:00", leads=1000, hits=300,
        parts=(600, 200, 200), tested=FIGURES, points=FIGURES,
    )  # fmt: skip
    return Model(campaign=campaign, version=version, fitted=fitted)

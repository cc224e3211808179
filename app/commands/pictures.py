"""Pictures of figures as SVG, drawn by hand: no script, no font, nothing fetched."""

from collections.abc import Sequence

_WIDE, _HIGH, _LEFT, _LOW = 340.0, 260.0, 44.0, 30.0

Tenths = Sequence[tuple[float, float, int]]


def calibration(model: Tenths, points: Tenths) -> str:
    """What was foretold across, what came upwards, both to the same scale."""
    top = max(0.01, *(max(said, came) for said, came, _ in (*model, *points))) * 1.05
    lines = "".join(
        f'<polyline class="{name}" points="{" ".join(_place(said, came, top) for said, came, _ in tenths)}"/>'
        for name, tenths in (("points", points), ("model", model))
    )
    dots = "".join(
        f'<circle class="dot" r="3.5" cx="{_x(said, top):.1f}" cy="{_y(came, top):.1f}">'
        f"<title>{leads:,} leads: {said:.1%} foretold, {came:.1%} came</title></circle>"
        for said, came, leads in model
    )
    even = f'<line class="even" x1="{_x(0, top)}" y1="{_y(0, top)}" x2="{_x(top, top)}" y2="{_y(top, top)}"/>'
    return _drawn("Calibration curve", _grid(top) + even + lines + dots)


def bars(lift: Sequence[float]) -> str:
    """One bar for each tenth; the line is the average."""
    top = max(1.0, *lift) * 1.1
    step = (_WIDE - _LEFT) / len(lift)
    drawn = "".join(
        f'<rect class="bar" x="{_LEFT + i * step + 3:.1f}" y="{_y(one, top):.1f}" width="{step - 6:.1f}" '
        f'height="{_y(0, top) - _y(one, top):.1f}"><title>tenth {i + 1}: {one:.2f}</title></rect>'
        f'<text x="{_LEFT + (i + 0.5) * step:.1f}" y="{_y(one, top) - 4:.1f}" text-anchor="middle">{one:.1f}</text>'
        for i, one in enumerate(lift)
    )
    average = f'<line class="even" x1="{_LEFT}" y1="{_y(1, top):.1f}" x2="{_WIDE}" y2="{_y(1, top):.1f}"/>'
    return _drawn("Lift by tenths", drawn + average)


def _drawn(title: str, inner: str) -> str:
    return (
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {_WIDE + 20:g} {_HIGH:g}" '
        f'xmlns="http://www.w3.org/2000/svg">{inner}</svg>'
    )


def _grid(top: float) -> str:
    """Quarters of the scale, both ways."""
    made = ""
    for i in range(5):
        value = top * i / 4
        x, y = _x(value, top), _y(value, top)
        made += (
            f'<line class="axis" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDE}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.0%}</text>'
            f'<text x="{x:.1f}" y="{_HIGH - 10}" text-anchor="middle">{value:.0%}</text>'
        )
    return made


def _place(said: float, came: float, top: float) -> str:
    return f"{_x(said, top):.1f},{_y(came, top):.1f}"


def _x(value: float, top: float) -> float:
    return _LEFT + (_WIDE - _LEFT) * value / top


def _y(value: float, top: float) -> float:
    return _HIGH - _LOW - (_HIGH - _LOW - 14) * value / top

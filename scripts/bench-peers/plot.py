"""Line plots as SVG, log-log, legible on white and on dark pages."""

import math
from html import escape

WIDTH, HEIGHT = 760, 470
LEFT, RIGHT, TOP, BOTTOM = 78, 46, 46, 120
MARKS = ("circle", "square", "diamond", "triangle")
# Each has a contrast of at least 3 to white and to the dark ground.
COLOURS = ("#1f78c8", "#cf5b00", "#b0459a", "#2a8f57")

STYLE = """
  .ground { fill: #ffffff } text { fill: #24292f; font: 13px sans-serif } .title { font-weight: bold; font-size: 15px }
  .grid { stroke: #d0d7de; stroke-width: 1 } .frame { stroke: #57606a; stroke-width: 1; fill: none }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #161b22 } text { fill: #e6edf3 } .grid { stroke: #30363d } .frame { stroke: #8b949e }
  }
"""


class Axis:
    """A logarithmic axis of whole decades from one end in pixels to the other."""

    def __init__(self, values, start, end):
        self.low = math.floor(math.log10(min(values)) + 1e-9)
        self.high = max(self.low + 1, math.ceil(math.log10(max(values)) - 1e-9))
        self.start, self.end = start, end

    def at(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def decades(self):
        return [10.0**power for power in range(self.low, self.high + 1)]


def label(value):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def mark(shape, x, y, colour):
    """A point of a series."""
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    corners = {
        "square": ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        "diamond": ((0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)),
        "triangle": ((0, -5), (5, 4), (-5, 4)),
    }[shape]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{colour}"/>'


def axes(across, up, x_title, y_title):
    """Grid, frame, numbers and titles."""
    parts = []
    for value in across.decades():
        x = across.at(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{up.end}" x2="{x:.1f}" y2="{up.start}"/>')
        parts.append(f'<text x="{x:.1f}" y="{up.start + 19}" text-anchor="middle">{label(value)}</text>')
    for value in up.decades():
        y = up.at(value)
        parts.append(f'<line class="grid" x1="{across.start}" y1="{y:.1f}" x2="{across.end}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{across.start - 8}" y="{y + 4:.1f}" text-anchor="end">{label(value)}</text>')
    parts.append(f'<rect class="frame" x="{across.start}" y="{up.end}" width="{across.end - across.start}" height="{up.start - up.end}"/>')
    parts.append(f'<text x="{(across.start + across.end) / 2}" y="{up.start + 39}" text-anchor="middle">{escape(x_title)}</text>')
    middle = (up.start + up.end) / 2
    parts.append(f'<text x="18" y="{middle}" text-anchor="middle" transform="rotate(-90 18 {middle})">{escape(y_title)}</text>')
    return parts


def legend(names, looks):
    """Names under the plot, two in a row."""
    parts = []
    for index, name in enumerate(names):
        x = LEFT + (index % 2) * (WIDTH - LEFT - RIGHT) / 2
        y = HEIGHT - BOTTOM + 60 + (index // 2) * 20
        colour, dash, shape = looks[name]
        parts.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 30}" y2="{y - 4}" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        parts.append(mark(shape, x + 15, y - 4, colour))
        parts.append(f'<text x="{x + 38}" y="{y}">{escape(name)}</text>')
    return parts


def plot(title, series, x_title, y_title):
    """`series`: name → points. Series of one peer (before the colon) have one colour; a second one of it is dashed."""
    names = [name for name, points in series.items() if points]
    peers = list(dict.fromkeys(name.split(":")[0] for name in names))
    looks, seen = {}, set()
    for name in names:
        peer = name.split(":")[0]
        index = peers.index(peer)
        looks[name] = (COLOURS[index % len(COLOURS)], "6 4" if peer in seen else "none", MARKS[index % len(MARKS)])
        seen.add(peer)
    across = Axis([x for name in names for x, _ in series[name]], LEFT, WIDTH - RIGHT)
    up = Axis([y for name in names for _, y in series[name]], HEIGHT - BOTTOM, TOP)
    parts = [f'<text class="title" x="{LEFT}" y="28">{escape(title)}</text>', *axes(across, up, x_title, y_title)]
    for name in names:
        colour, dash, shape = looks[name]
        points = [(across.at(x), up.at(y)) for x, y in series[name]]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        parts += [mark(shape, x, y, colour) for x, y in points]
    parts += legend(names, looks)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(title)}">'
    return "\n".join([head, f"<style>{STYLE}</style>", f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="6"/>', *parts, "</svg>", ""])

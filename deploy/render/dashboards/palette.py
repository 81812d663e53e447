"""The colours of all dashboards: Okabe and Ito's, which people who see colours differently tell apart too."""

from __future__ import annotations

BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
GREY = "#6e6e6e"
PLAIN = "transparent"
"""No background: the number in the theme's own ink. A background is kept for what wants somebody's eye."""
QUIET = "#2f3a46"
"""What is as usual, where a band has to be drawn all the same."""
INK = "text"
"""The theme's own ink: for the one line that the others are parts of."""

"""Pictures of the board that are kept beside the tests, and how a new one is compared with them.

`python -m tests.browser.pictures` takes them all anew (and docs/wall.png); look at each before it is committed.

Law of the comparison: both pictures are cut into cells and each cell is its mean colour, with the dark end of the scale spread four
times so that a panel differs from the ground. A cell differs when one of its colours is further apart than `CELL`. Other fonts move the
edges of letters, so single cells may differ; what may not is most of any window as large as a third of a tile or a banner (`WINDOW`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Page, expect

HERE = Path(__file__).resolve().parent
SCREENS = HERE / "screens"
CELL = 0.10
"""Of a colour's range after spreading: a panel and the ground are 0.14 apart, a panel and its grey 0.15."""
SHARE = 0.75
"""Of the cells of a window: another font changes up to 0.55 of one (its digits are broader, which moves the trend beside them), a missing
tile or a board that is not grey at least 0.98."""
PHONE_SHARE = 0.9
"""Another font breaks lines elsewhere on a phone, which moves what is below: up to 0.79; a missing banner moves everything."""


class Picture(NamedTuple):
    """One picture: which scene of the fake server, how large, how many cells and how large a window of them is."""

    scene: str
    width: int = 1920
    height: int = 1080
    cells: tuple[int, int] = (64, 36)
    window: tuple[int, int] = (16, 4)
    share: float = SHARE
    gone: bool = False  # the server is taken away, so that the board grows old


PICTURES = {
    "fresh": Picture("still"),
    "alarm": Picture("spike"),
    "no_data": Picture("empty"),
    "stale": Picture("still", gone=True),
    "phone": Picture("spike", 390, 844, (26, 56), (20, 8), PHONE_SHARE),
}
_SMALLER = """
async ([picture, width, height]) => {
  const image = new Image(); image.src = `data:image/png;base64,${picture}`; await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width, height }), pen = canvas.getContext('2d', { alpha: false });
  pen.imageSmoothingQuality = 'high'; pen.drawImage(image, 0, 0, width, height);
  return canvas.toDataURL('image/png').split(',')[1];
}
"""
_CELLS = """
async ([picture, across, down]) => {
  const image = new Image(); image.src = `data:image/png;base64,${picture}`; await image.decode();
  const size = 15, width = across * size, height = down * size;
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.imageSmoothingQuality = 'high'; pen.drawImage(image, 0, 0, width, height);
  const all = pen.getImageData(0, 0, width, height).data, cells = [];
  for (let row = 0; row < down; row++) for (let column = 0; column < across; column++) {
    const sums = [0, 0, 0];
    for (let y = row * size; y < (row + 1) * size; y++) for (let x = column * size; x < (column + 1) * size; x++)
      for (let c = 0; c < 3; c++) sums[c] += Math.min(1, 4 * all[(y * width + x) * 4 + c] / 255);
    cells.push(sums.map((sum) => sum / size / size));
  }
  return cells;
}
"""


def settled(page: Page, of: Picture, server: Any) -> None:
    """Waits until the page is drawn as it will stay, and takes the server away where the picture is of that."""
    page.emulate_media(reduced_motion="reduce")  # nothing half way
    expect(page.locator("body")).to_have_attribute("data-feed", "live")
    expect(page.locator("#clock")).not_to_be_empty()
    expect(page.locator(".tiles .value").first).not_to_have_text("…")
    if of.scene != "empty":
        for kpi in (
            ("active_issues", "first_reply_time") if of.width < 900 else ("active_issues", "first_reply_time", "nps", "escalation_rate")
        ):
            expect(page.locator(f'[data-kpi="{kpi}"] canvas').first).to_be_attached()
    page.evaluate("document.fonts.ready")
    if of.gone:
        server.stop()
        expect(page.locator("body")).to_have_attribute("data-feed", "stale", timeout=15_000)


def taken(page: Page) -> str:
    """The picture of the page as it stands, as PNG in base64."""
    return base64.b64encode(page.screenshot()).decode()


def kept(name: str) -> str:
    """The reference, as PNG in base64."""
    return base64.b64encode((SCREENS / f"{name}.png").read_bytes()).decode()


def differing(page: Page, of: Picture, one: str, other: str) -> float:
    """The greatest share of differing cells in any window. `page` lends its canvas."""
    across, down = of.cells
    a, b = (page.evaluate(_CELLS, [picture, across, down]) for picture in (one, other))
    differs = [max(abs(p - q) for p, q in zip(x, y, strict=True)) > CELL for x, y in zip(a, b, strict=True)]
    wide, high = of.window
    shares: Iterator[float] = (
        sum(differs[(top + y) * across + left + x] for y in range(high) for x in range(wide)) / (wide * high)
        for top in range(down - high + 1)
        for left in range(across - wide + 1)
    )
    return max(shares)


def _write() -> None:
    import shutil

    from playwright.sync_api import sync_playwright

    from deploy.ports import free_ports
    from tests.browser.conftest import FLAGS, NAMES, Server

    SCREENS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        path = next(found for name in NAMES if (found := shutil.which(name)))
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for name, of in PICTURES.items():
            server = Server(free_ports(1)[0])
            server.start(of.scene, "--frozen")
            lender = browser.new_page()
            lender.goto(f"{server.address}/docs")
            page = browser.new_page(viewport={"width": of.width, "height": of.height})
            page.goto(f"{server.address}/?theme=dark")
            settled(page, of, server)
            picture = taken(page)
            if name == "alarm":
                (HERE.parent.parent / "docs" / "wall.png").write_bytes(base64.b64decode(picture))
            less = 3 if of.width > 900 else 1
            smaller = lender.evaluate(_SMALLER, [picture, round(of.width / less), round(of.height / less)])
            (SCREENS / f"{name}.png").write_bytes(base64.b64decode(smaller))
            page.close()
            server.stop()
        browser.close()


if __name__ == "__main__":
    _write()

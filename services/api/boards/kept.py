"""Every board that there is now: those that come with deskpulse, and what `controls` holds instead of them and beside them.

Laws: all replicas that have read the same `controls` serve the same boards; a board is laid out anew only when its declaration,
the generation or nothing of it was laid out before; a declaration that cannot be read any more never costs the board, it is
served as shipped (or empty) and says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from schemas.canonical import rfc3339
from services.api.boards.declarations import BOARD_ID, Declaration, Finding, Unreadable, bare, kept
from services.api.boards.layout import Questions, laid_out, questions
from services.api.boards.shipped import SHIPPED
from services.api.ports import Figures
from services.api.questions import Known
from services.controls import BOARD, Control
from services.settings import Settings


class Declared(Struct, frozen=True):
    """One board: its declaration, `revision` (0: as shipped) and what was wrong with reading it."""

    declaration: Declaration
    revision: int = 0
    problems: tuple[Finding, ...] = ()


class Boards:
    """The boards as `controls` has them now."""

    def __init__(self, board: Figures, settings: Settings, *, editable: bool = False) -> None:
        self._board = board
        self._settings = settings
        self._editable = editable
        self._known = Known(board.catalogue())
        self._read: tuple[list[Control] | None, dict[str, Declared]] = (None, {})
        self._laid_out: dict[str, tuple[Declared, int, dict[str, Any], Questions]] = {}

    @property
    def known(self) -> Known:
        """The names that a declaration may use."""
        return self._known

    def declared(self) -> Mapping[str, Declared]:
        """Every board by its id: the shipped ones in their order, then a company's own by name."""
        controls = self._board.freshness().controls
        if self._read[0] is not controls:
            self._read = controls, _declared(controls)
        return self._read[1]

    def definition(self, id: str) -> dict[str, Any]:
        """A board as the page lays it out. Raises KeyError."""
        return self._made(id)[2]

    def questions(self, id: str) -> Questions:
        """What the stream of a board asks. Raises KeyError."""
        return self._made(id)[3]

    def _made(self, id: str) -> tuple[Declared, int, dict[str, Any], Questions]:
        every = self.declared()
        for gone in self._laid_out.keys() - every.keys():
            del self._laid_out[gone]
        one, generation = every[id], self._board.freshness().generation
        made = self._laid_out.get(id)
        if made is None or made[0] != one or made[1] != generation:
            out = laid_out(one.declaration, self._known, self._board, self._settings)
            out |= {
                "id": id,
                "problems": [*one.problems, *out["problems"]],
                "editable": self._editable,
                "revision": one.revision,
                "declaration": bare(one.declaration),
            }
            made = self._laid_out[id] = one, generation, out, questions(out)
        return made


def revisions(controls: list[Control]) -> dict[str, int]:
    """The revision of every board there is, by its id; what every message of a stream tells."""
    found = dict.fromkeys(SHIPPED, 0)
    for control in controls:
        if control.kind == BOARD and re.fullmatch(BOARD_ID, control.id):
            found[control.id] = 0 if control.value is None else control.at_ms
    return {id: revision for id, revision in found.items() if revision or id in SHIPPED}


def _declared(controls: list[Control]) -> dict[str, Declared]:
    found = {id: Declared(declaration) for id, declaration in SHIPPED.items()}
    for control in controls:  # of one id the newest comes last
        if control.kind != BOARD or not re.fullmatch(BOARD_ID, control.id):
            continue
        if control.value is None:
            found.pop(control.id, None)
            if control.id in SHIPPED:
                found[control.id] = Declared(SHIPPED[control.id])
            continue
        try:
            found[control.id] = Declared(kept(control.value), control.at_ms)
        except Unreadable as error:
            reason = f"what was kept at {rfc3339(control.at_ms)} cannot be read by this version: {error}"
            instead = SHIPPED.get(control.id, Declaration(title=control.id))
            found[control.id] = Declared(instead, control.at_ms, (Finding(pointer=error.finding.pointer, reason=reason),))
    return {**{id: found[id] for id in SHIPPED}, **{id: found[id] for id in sorted(found) if id not in SHIPPED}}

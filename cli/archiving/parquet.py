"""Rows as a Parquet file and back; the only file that knows pyarrow, which is imported when it is needed.

Law: what is read is what was written, row for row, in its order. A file is read in small parts, so that its size costs no memory.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import IO, Any

from cli.archiving.rows import Row

_GROUP_ROWS = 10_000
_BATCH_ROWS = 2_000


class LibraryMissing(RuntimeError):
    """A library of the extra `archive` is not installed; the message says how to install it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed: install deskpulse with its extra `archive` (pip install 'deskpulse[archive]')")


def encoded(rows: Sequence[Row]) -> bytes:
    """The bytes of one file. Raises LibraryMissing."""
    arrow, parquet = _libraries()
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in Row._fields]
    table = arrow.table([arrow.array(list(column), kind) for column, kind in zip(columns, _kinds(arrow), strict=True)], _schema(arrow))
    out = io.BytesIO()
    parquet.write_table(table, out, compression="zstd", row_group_size=_GROUP_ROWS)
    return out.getvalue()


def decoded(file: IO[bytes]) -> Iterator[Row]:
    """The rows of one file, in its order. Raises LibraryMissing, and ValueError for a file that is not one of ours."""
    arrow, parquet = _libraries()
    try:
        opened = parquet.ParquetFile(file)
        if opened.schema_arrow.names != list(Row._fields):
            raise ValueError(f"its columns are {', '.join(opened.schema_arrow.names)}; expected {', '.join(Row._fields)}")
        for batch in opened.iter_batches(batch_size=_BATCH_ROWS):
            yield from (Row(*values) for values in zip(*(column.to_pylist() for column in batch.columns), strict=True))
    except (arrow.ArrowException, OSError) as error:
        raise ValueError(f"it cannot be read as Parquet: {error}") from None


def _libraries() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise LibraryMissing("pyarrow") from None
    return pyarrow, parquet


def _kinds(arrow: Any) -> list[Any]:
    text, number = arrow.string(), arrow.int64()
    return [arrow.int32(), number, arrow.int32(), text, text, text, text, number, number, number, arrow.binary()]


def _schema(arrow: Any) -> Any:
    return arrow.schema(list(zip(Row._fields, _kinds(arrow), strict=True)))

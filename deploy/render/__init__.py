"""Declarations to pages and schemas: everything under docs/ and schemas/json/ that is generated, as text.

Laws: the same declarations always render to the same bytes; nothing here knows a KPI, an event or a field by name.
"""

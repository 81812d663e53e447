"""The renderer: what is generated, and what the pages and schemas promise."""

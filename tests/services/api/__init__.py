"""The API, its exposition and its streams, on a fake board."""

"""The real logs: translators into canonical events, a brute-force reference, and the tests that send them through the services."""

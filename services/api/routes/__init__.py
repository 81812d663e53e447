"""The addresses of the API: each file makes one router around what it serves."""

"""The pages under docs/ and the README: their code runs, their links lead somewhere."""

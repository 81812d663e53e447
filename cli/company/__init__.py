"""A simulated company: the systems of a service desk and what each of them would post as webhooks, out of one seed.

Pure: no clock, no network, nothing but chance from the seed. The same seed, span and rate give the same deliveries, byte
for byte. Nobody in it exists: ids are numbers and the few texts are words without meaning.
"""

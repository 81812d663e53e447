"""The aggregator: Faust agents that keep entities, ledgers and cells, one shard a partition, each checkpoint one transaction."""

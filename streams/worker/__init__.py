"""Workers: raw topics in, features and findings out; one engine for each partition.

`order` and `partition` are pure, `checkpoints` is a folder, `faust_worker` is the shell on Kafka,
`saving` keeps snapshots beside its work.
"""

"""Two replicas of everything behind one address with TLS, on this machine, and faults made on them.

``python -m benchmarks.replicas`` starts it all and ends it with Ctrl-C: PostgreSQL, two endpoints,
two gateways, HAProxy, and Prometheus where it is installed, with the files of deploy/.
``python -m benchmarks.replicas.faults`` kills its parts under load and counts what was lost.
"""

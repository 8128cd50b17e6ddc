"""Real servers for tests: found where they run, else started on a free port, once a session.

``VITALS_TEST_KAFKA``, ``VITALS_TEST_REDIS``, ``VITALS_TEST_POSTGRES`` and ``VITALS_TEST_INFLUXDB``
name one that runs already. Where neither works the test is skipped with the reason
(`tests.needs.missing`).
``tests/install_servers.sh`` installs what is needed.
"""

"""Apache Kafka, one broker without ZooKeeper (KRaft), from the jars of its packages."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.needs import missing
from tests.servers.process import answers, cache, free_port, running

# Quick to start, small, and one core is enough: it shares the machine with what is tested.
JAVA = ("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


@dataclass
class Broker:
    """One broker on a port and a folder of its own; it can be ended and started again.

    Attributes
    ----------
    address
        ``host:port`` for clients.
    """

    folder: Path
    port: int
    controller: int
    _run: contextlib.ExitStack
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [*_java(), "kafka.Kafka", str(self.folder / "server.properties")]
        log = self.folder / "broker.log"
        self._process = self._run.enter_context(running(command, log, lambda: answers(self.port)))

    def stop(self) -> None:
        self._run.close()

    def send(self, number: int) -> None:
        """Send it a signal: SIGSTOP, and it answers nobody until SIGCONT."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a word, as when a machine dies; its folder stays as it is."""
        self._process.kill()
        self._process.wait()
        self._run.close()


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    """Run a broker whose data are in a folder."""
    one = Broker(folder, free_port(), free_port(), contextlib.ExitStack())
    text = PROPERTIES.format(port=one.port, controller=one.controller, folder=folder)
    (folder / "server.properties").write_text(text)
    # One that begins with "-" is taken for an option: of 64 brokers one did not start.
    cluster = "v" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
    tool = [*_java(), "kafka.tools.StorageTool", "format"]
    subprocess.run(
        [*tool, "-t", cluster, "-c", str(folder / "server.properties")],
        check=True,
        capture_output=True,
    )
    try:
        one.start()
        yield one
    finally:
        one.stop()


def _java() -> list[str]:
    jars = cache() / "kafka"
    if shutil.which("java") is None or not any(jars.glob("kafka_*.jar")):
        missing(f"no Java or no Kafka in {jars}; tests/install_servers.sh installs them")
    return [*JAVA, "-cp", f"{jars}/*"]


@contextlib.contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """Give the address of a Kafka: the one that is named, else one started here."""
    named = os.environ.get("VITALS_TEST_KAFKA")
    if named:
        yield named
        return
    with broker(folder) as one:
        yield one.address

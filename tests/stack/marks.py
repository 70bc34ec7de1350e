"""Marks for what only one of the two protocols has."""

import pytest

imsg_only = pytest.mark.parametrize("flavour", ["imsg"], indirect=True, scope="session")
text_only = pytest.mark.parametrize("flavour", ["text"], indirect=True, scope="session")

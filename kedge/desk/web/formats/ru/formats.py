"""As in every other language."""

from kedge.desk.web.formats.international import *  # noqa: F403

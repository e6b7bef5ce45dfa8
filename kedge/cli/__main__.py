"""`python -m kedge.cli`: the same as `kedge`."""

import sys

from kedge.cli.app import main

sys.exit(main())

"""``python -m fpgacompress``."""

import sys

from .cli.main import main

sys.exit(main())

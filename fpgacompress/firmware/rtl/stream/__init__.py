"""Networks whose samples come in beats: convolutions with line buffers, large layers computed in turn, one stage behind the other."""

from .plan import GRAPH_WEIGHTS, plan
from .project import StreamProject, generate_stream
from .simulation import StreamExecutor

__all__ = ["GRAPH_WEIGHTS", "StreamExecutor", "StreamProject", "generate_stream", "plan"]

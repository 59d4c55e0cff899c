"""What a recording will take: seconds, memory and bytes in the file, from a few measured steps.

In: what is asked for, and steps of the model. Out: an Estimate, beforehand (`--dry-run`) or on the way.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.estimates.dry_run import estimate_generation, estimate_scoring
    from tokenscope_trace.estimates.forecast import forecast_generation, forecast_scoring
else:
    __getattr__ = exports(__name__, __file__)

__all__ = ["estimate_generation", "estimate_scoring", "forecast_generation", "forecast_scoring"]

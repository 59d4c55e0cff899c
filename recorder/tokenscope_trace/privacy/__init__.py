"""What may leave the machine: texts without places and names, credentials, redaction.

In: texts, or a Trace. Out: the same without what is to be left out, and what else might tell of it. Everything that is written goes
through `Preparation`.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.privacy.anonymize import LEFT_OUT, without_places
    from tokenscope_trace.privacy.redaction import redacted
    from tokenscope_trace.privacy.sanitize import Preparation, check_redactions
else:
    __getattr__ = exports(__name__, __file__)

__all__ = ["LEFT_OUT", "Preparation", "check_redactions", "redacted", "without_places"]

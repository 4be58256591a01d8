"""Write an Oncegate handler in Python in ten lines.

from oncegate import emit, handler, once

@handler
def handle(message):
    order = message.json()

    def ship():
        emit("parcels", json=order["item"], key=order["order_id"])
        return f"parcel-{order['order_id']}"

    once(order["order_id"], ship)
"""

from oncegate._config import config
from oncegate._entry import handler
from oncegate._errors import KeyRefused, OutputRefused, Refused, Reject, Retry
from oncegate._gate import commit, seen
from oncegate._log import TRACE
from oncegate._message import Header, Message
from oncegate._once import Once, once
from oncegate._output import emit
from oncegate._sighting import Duplicate, InFlight, New, Sighting

__all__ = [
    "TRACE",
    "Duplicate",
    "Header",
    "InFlight",
    "KeyRefused",
    "Message",
    "New",
    "Once",
    "OutputRefused",
    "Refused",
    "Reject",
    "Retry",
    "Sighting",
    "commit",
    "config",
    "emit",
    "handler",
    "once",
    "seen",
]

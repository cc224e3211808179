"""Builds the mail door of a process over what its roots have made."""

import socket
from collections.abc import Mapping

from app.api.mail.listener import Listener
from app.api.mail.places import BadPlace, certificate, place
from app.api.mail.relay import Relay
from app.api.mail.room import Mailroom
from app.api.mail.terms import Terms
from app.core.metrics import Metrics
from app.core.world import World
from app.ingest.reading import Reader
from app.pipeline.engine import Engine


async def opened(
    sockets: Mapping[str, socket.socket],
    terms: Terms,
    engine: Engine,
    reader: Reader,
    world: World,
    metrics: Metrics,
) -> Listener:
    """Takes mail when it returns. `sockets` by protocol: smtp, lmtp."""
    room = Mailroom(engine, reader, world, metrics, hostname=terms.hostname, relay=_relay(terms))
    listener = Listener(room, terms, tls=certificate(terms.certificate, terms.key))
    for door, sock in sockets.items():
        await listener.listen(door, sock)
    return listener


def _relay(terms: Terms) -> Relay | None:
    if not terms.relay:
        return None
    where = place(terms.relay)
    if not isinstance(where, tuple):
        raise BadPlace("a relay is named as host:port")
    return Relay(*where, hostname=terms.hostname)

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
from app.pipeline.bounces import Bounces
from app.pipeline.engine import Engine
from app.pipeline.settling import Settler


async def opened(
    sockets: Mapping[str, socket.socket],
    terms: Terms,
    engine: Engine,
    reader: Reader,
    world: World,
    metrics: Metrics,
    settler: Settler,
) -> Listener:
    """Takes mail when it returns. `sockets` by protocol: smtp, lmtp."""
    bounces = Bounces(settler, engine.follow)
    room = Mailroom(
        engine, reader, world, metrics, hostname=terms.hostname, relay=_relay(terms), bounces=bounces
    )
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

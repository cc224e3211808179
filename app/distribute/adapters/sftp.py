"""A file for each lead, or for many, in a folder of the buyer's SFTP server, whose host key is known."""

from app.distribute.adapter import Adapter, Conversation, Handover, adapters
from app.distribute.batching import Bundle, File
from app.distribute.drops import DropSettings, drop, dropped
from app.remote.account import SftpAccount


class SftpSettings(DropSettings, SftpAccount):
    """The file, and the account."""


@adapters.register
class Sftp(Adapter[SftpSettings]):
    """A file is written as `.NAME.part` and renamed when it is whole, so nobody sees half of it. A server with another
    host key than `host_key` is told nothing, not even the user; `ssh-keyscan HOST` prints the keys, which its
    owner should confirm."""

    name = "sftp"
    settings = SftpSettings
    examples = (
        {
            "host": "sftp.buyer.example",
            "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyGqkcbqpJ0lYr4YqPqBqv5m7Tn3vYw0sQzQ5r5c1vD",
            "user": "leadgate",
            "password": "write-it-here",
            "folder": "incoming",
        },
        {
            "host": "10.0.4.7",
            "port": 2222,
            "host_key": "[10.0.4.7]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyGqkcbqpJ0lYr4YqPqBqv5m7Tn3vYw0sQzQ5r5c1vD",
            "user": "leadgate",
            "private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nwrite it here\n-----END OPENSSH PRIVATE KEY-----\n",
            "body": "json",
            "file": "{{ campaign }}_{{ delivery_id }}.json",
            "fields": {"id": "delivery_id", "person.name": "{{ lead.first_name }} {{ lead.last_name }}"},
        },
        {
            "host": "sftp.buyer.example",
            "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyGqkcbqpJ0lYr4YqPqBqv5m7Tn3vYw0sQzQ5r5c1vD",
            "user": "leadgate",
            "password": "write-it-here",
            "folder": "incoming",
            "batch": {"every": "1h", "count": 500},
            "file": "leads-{{ day }}-{{ bundle }}.csv",
            "fields": {"Id": "delivery_id", "Name": "{{ lead.first_name }} {{ lead.last_name }}"},
            "proof": "acknowledged",
            "acknowledge": {
                "folder": "outgoing", "key": "Id", "status": "Status",
                "words": {"OK": "accepted", "DUP": "duplicate", "*": "rejected"},
            },
        },
    )  # fmt: skip

    def converse(self, handover: Handover, to: SftpSettings) -> Conversation:
        return drop(handover, to, to)

    def bundle(self, bundle: Bundle, file: File, to: SftpSettings) -> Conversation:
        return dropped(file, to, to)

"""A file for each lead, or for many, in a folder of the buyer's FTP server, with or without TLS."""

from app.distribute.adapter import Adapter, Conversation, Handover, adapters
from app.distribute.batching import Bundle, File
from app.distribute.drops import DropSettings, drop, dropped
from app.remote.account import FtpAccount


class FtpSettings(DropSettings, FtpAccount):
    """The file, and the account."""


@adapters.register
class Ftp(Adapter[FtpSettings]):
    """A file is written as `.NAME.part` and renamed when it is whole, so nobody sees half of it. With TLS the
    certificate is checked, by `ca` where it is given, and so are the data connections, which are passive."""

    name = "ftp"
    settings = FtpSettings
    examples = (
        {
            "host": "ftp.buyer.example",
            "user": "leadgate",
            "password": "write-it-here",
            "folder": "/incoming",
        },
        {
            "host": "ftp.buyer.example",
            "tls": "implicit",
            "user": "leadgate",
            "password": "write-it-here",
            "file": "{{ day }}-{{ delivery_id }}.csv",
            "fields": {"Vorname": "first_name", "Telefon": "phone", "Quelle": {"value": "web"}},
            "header": False,
        },
        {
            "host": "10.0.4.7",
            "port": 2121,
            "tls": "none",
            "user": "leadgate",
            "password": "write-it-here",
            "body": "xml",
            "envelope": "leads.lead",
            "fields": {"id": "delivery_id", "contact.email": "email"},
            "zip": True,
            "proof": "confirmed",
        },
        {
            "host": "ftp.buyer.example",
            "user": "leadgate",
            "password": "write-it-here",
            "folder": "/incoming",
            "batch": {"at": ["06:00", "18:00"], "zone": "America/New_York"},
            "file": "leads-{{ day }}-{{ time }}-{{ bundle }}.csv",
            "fields": {"Vorname": "first_name", "Telefon": "phone", "Lead": "lead_id"},
        },
    )

    def converse(self, handover: Handover, to: FtpSettings) -> Conversation:
        return drop(handover, to, to)

    def bundle(self, bundle: Bundle, file: File, to: FtpSettings) -> Conversation:
        return dropped(file, to, to)

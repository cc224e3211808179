"""Leads that leave by mail and are answered by mail, from the real service: each row counts once, whatever dies."""

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, source
from tests.e2e.conftest import Make
from tests.e2e.source import Source, lead
from tests.ingest.channels.mailserver import PASSWORD, USER, MailServer, mail_server
from tests.mail_server import Outbox
from tests.pipeline.mailhouse import answer, attached

CONTRACT = """
  - id: sunco
    contracts:
      - id: sunco
        campaign: solar
        price: "42.00"
        deliver:
          adapter: email
          sender: leads@us.example
          to: [in@sunco.example]
          attach: [{kind: csv, name: lead.csv, fields: {Id: delivery_id}}]
          proof: acknowledged
          acknowledge:
            mailbox: {host: 127.0.0.1, port: %d, tls: none, user: %s, password: %s}
            from: [acks@sunco.example]
            every: 10s
            key: Id
            status: Status
            words: {OK: accepted, "*": rejected}
"""


class Prompt(Outbox):
    """A buyer who answers before he has said yes to the mail: every second lead is not to his taste."""

    def __init__(self, box: MailServer) -> None:
        super().__init__()
        self._box = box

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        said = await super().handle_DATA(server, session, envelope)
        name, (_, id_) = attached(self)[-1]
        word = ("OK", "NO")[len(self.got) % 2]
        await self._box.put(answer((f"{name}.ack", f"Id,Status\n{id_},{word}\n".encode()), id_=id_))
        return said


async def test_answers_that_come_by_mail_end_their_leads_once_also_after_a_kill(
    services: Make, database_url: str
) -> None:
    async with mail_server() as box, Prompt(box).listening() as relay:
        service = services(database_url=database_url, smtp_relay=f"127.0.0.1:{relay}")
        await service.configure(catalogue(source(deadline="1s"), CONTRACT % (box.port, USER, PASSWORD)))
        key = await service.key("source", "acme")
        await service.start()
        async with Source(service.url, key) as acme, Books(database_url) as books:
            told = [await acme.post(lead(n)) for n in range(6)]
            service.kill()
            await service.start()
            leads = [one.lead for one in told]

            async def all_ended() -> bool:
                return sorted((await books.states(leads)).values()) == ["sold"] * 3 + ["unsold"] * 3

            await until(all_ended, what="six answers read")
            assert await books.one("select count(*) from entry where kind = 'sale'") == 3
            assert await books.one("select sum(settled)::int from acknowledgement") <= 6

            async def moved() -> bool:
                return await box.folder("INBOX") == [] and len(await box.folder("Answers done")) == 6

            await until(moved, what="what was read is out of the way")
        assert await service.stop() == 0
        assert PASSWORD not in service.log()

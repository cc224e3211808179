"""One HTTP request to the buyer's own address, in JSON, form, XML or SOAP, read as its contract says."""

from app.distribute.adapter import Adapter, Conversation, Handover, adapters
from app.distribute.request import RequestSettings


class WebhookSettings(RequestSettings):
    pass


@adapters.register
class Webhook(Adapter[WebhookSettings]):
    """A request to the buyer's URL, and the contract's own rules for reading the reply."""

    name = "webhook"
    settings = WebhookSettings
    examples = (
        {
            "url": "https://buyer.example/leads",
            "body": "json",
            "accepted": 'reply.json.status == "accepted"',
            "reference": "reply.json.id",
        },
        {
            "url": "https://buyer.example/post.do",
            "body": "form",
            "fields": {"fname": "first_name", "lname": "last_name", "zip": "postal_code", "lp_s1": "source"},
            "secret": {"fields": {"lp_campaign_key": "example-key"}},
            "test": {"lp_test": "1"},
            "accepted": 'reply.xml.response.result == "success"',
            "duplicate": 'reply.text.contains("Duplicate")',
            "reason": "/response/msg",
            "reference": "//lead_id",
            "price": "response.price",
        },
        {
            "url": "https://buyer.example/crm/leads",
            "method": "PUT",
            "body": "xml",
            "envelope": "leads.lead",
            "fields": {"name": "{{ lead.first_name }} {{ lead.last_name }}", "contact.email": "email"},
            "auth": {"basic": {"user": "leadgate", "password": "example-password"}},
            "sign": {"secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
            "timeout": "20s",
            "accepted": "reply.status == 201",
            "reference": "regex:ID=(\\d+)",
        },
        {
            "url": "https://buyer.example/services/leads.asmx",
            "body": "xml",
            "envelope": "AddLead",
            "fields": {"FirstName": "first_name", "Email": "email"},
            "soap": {
                "version": "1.1",
                "action": "http://buyer.example/AddLead",
                "namespace": "http://buyer.example/",
            },
            "auth": {"digest": {"user": "leadgate", "password": "example-password"}},
            "words": {
                "reading": "//*[local-name()='Status']",
                "map": {"accepted": "accepted", "dup": "duplicate", "busy*": "try_later", "*": "rejected"},
            },
        },
        {
            "url": "https://buyer.example/add.php",
            "method": "GET",
            "fields": {"phone": "phone", "zip": "postal_code"},
            "auth": {
                "oauth2": {
                    "token_url": "https://login.buyer.example/token",
                    "client_id": "leadgate",
                    "client_secret": "example-secret",
                }
            },
            "hmac": {"header": "X-Signature", "secret": "example-key", "signed": "{{ query }}"},
            "accepted": 'reply.text.startsWith("OK")',
            "reference": "css:input[name=lead_id]@value",
        },
    )

    def converse(self, handover: Handover, to: WebhookSettings) -> Conversation:
        return to.converse(handover)

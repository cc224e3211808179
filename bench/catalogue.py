"""What the service is configured with while it is measured: one plain campaign, one with 200 contracts."""

import msgspec

SOURCES = {"ack": ("solar", "receipt"), "path": ("solar", "sold"), "path_200": ("crowd", "sold")}
"""source → (campaign, reply)"""

CONTRACTS = 200
STATES = ("CA", "NV", "AZ", "OR", "WA")

FIELDS = {
    "first_name": {"type": "name", "required": True},
    "email": {"type": "email", "required": True},
    "phone": {"type": "phone", "country": "US", "required": True},
    "state": {"type": "state", "country": "US"},
    "postal_code": {"type": "postal_code", "country": "US"},
    "bill": {"type": "number", "min": 0},
}
CHECKS = [
    {"check": "duplicate", "on": ["email", "phone"], "within": "30d"},
    {"check": "email", "disposable": "reject"},
]


def deliver(sink: str, buyer: str) -> dict[str, object]:
    return {
        "adapter": "webhook",
        "url": f"{sink}/{buyer}",
        "body": "json",
        "accepted": 'reply.json.status == "accepted"',
        "reference": "reply.json.id",
    }


def plain(sink: str) -> list[dict[str, object]]:
    """Two contracts at two prices, as the toy that the targets were taken from."""
    return [
        {
            "id": buyer,
            "contracts": [
                {
                    "id": f"{buyer}-west",
                    "campaign": "solar",
                    "when": 'lead.state in ["CA", "NV"] && lead.bill >= 100',
                    "price": price,
                    "concurrency": 256,
                    "deliver": deliver(sink, buyer),
                }
            ],
        }
        for buyer, price in (("sunco", "42.00"), ("brightroof", "39.00"))
    ]


def crowd(sink: str) -> dict[str, object]:
    """Contracts that differ in state and least bill, all of one price, so that their turn decides; each with caps."""
    contracts = [
        {
            "id": f"crowd-{i}",
            "campaign": "crowd",
            "when": f'lead.state == "{STATES[i % len(STATES)]}" && lead.bill >= {50 + i % 4 * 50}',
            "price": "40.00",
            "caps": [{"per": "day", "leads": 1_000_000}, {"per": "total", "leads": 10_000_000}],
            "concurrency": 256,
            "deliver": deliver(sink, f"crowd-{i}"),
        }
        for i in range(CONTRACTS)
    ]
    return {"id": "crowd", "contracts": contracts}


def written(sink: str) -> bytes:
    """The catalogue as JSON, which is YAML."""
    campaigns = [
        {"id": name, "fields": FIELDS, "checks": CHECKS, "distribution": {"sell": "exclusive", "rank": rank}}
        for name, rank in (("solar", ["price", "round_robin"]), ("crowd", ["price", "round_robin"]))
    ]
    sources = [
        {
            "id": name,
            "campaign": campaign,
            "reply": reply,
            "price": "12.50",
            "mapping": {"zip": "postal_code"},
        }
        for name, (campaign, reply) in SOURCES.items()
    ]
    catalogue = {"campaigns": campaigns, "sources": sources, "buyers": [*plain(sink), crowd(sink)]}
    return msgspec.json.format(msgspec.json.encode(catalogue))

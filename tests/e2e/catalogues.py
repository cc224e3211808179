"""Catalogues as the tests need them, from few words."""

_CAMPAIGN = """
campaigns:
  - id: solar
    fields:
      first_name: {type: name, required: true}
      email:      {type: email, required: true}
      state:      {type: state, country: US}
      bill:       {type: number, min: 0}
    checks:
      - {check: duplicate, on: [email], within: 30d}%s
    distribution: {sell: "%s", rank: [%s]}
"""


def source(id_: str = "acme", *, reply: str = "sold", deadline: str = "10s") -> str:
    return f"""
  - id: {id_}
    campaign: solar
    reply: {reply}
    deadline: {deadline}
    price: "12.50"
"""


def contract(
    id_: str,
    url: str,
    *,
    price: str = "42.00",
    caps: str = "[]",
    more: str = "",
    timeout: str = "10s",
    until: str = "60s",
) -> str:
    """A buyer of the same name with this one contract."""
    return f"""
  - id: {id_}
    contracts:
      - id: {id_}
        campaign: solar
        price: "{price}"
        caps: {caps}
        retry: {{schedule: [1s, 1s, 1s], until: {until}}}
        {more}
        deliver:
          adapter: webhook
          url: {url}
          timeout: {timeout}
          body: json
          fields: {{email: email}}
          accepted: reply.json.status == "accepted"
          rejected: reply.json.status == "rejected"
          reference: reply.json.id
          reason: reply.json.reason
"""


def catalogue(*parts: str, rank: str = "price, round_robin", check: str = "", sell: str = "exclusive") -> str:
    """Sources and contracts in any order; `check` is one more."""
    sources = [part for part in parts if "deliver:" not in part]
    buyers = [part for part in parts if "deliver:" in part]
    one_more = f"\n      - {check}" if check else ""
    return f"{_CAMPAIGN % (one_more, sell, rank)}\nsources:\n{''.join(sources)}\nbuyers:\n{''.join(buyers)}"

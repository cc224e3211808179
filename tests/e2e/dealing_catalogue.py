"""The catalogue of a day of dealing: every way to sell, pull, auction, prove, pay and give back, in few contracts."""

from tests.e2e.counting import CountingBuyer

ROOM = {"alone": 25, "broom": 30, "old": 20, "desk": 12, "swap": 60}  # caps of leads, for ever
CREDIT, OWED_MOST = "420.00", 420
PER_SECOND = 4
PEOPLE = ("dana", "sam", "kim", "lee")
EQUALS = ("p1", "p2")

_SOURCES = """
sources:
  - {id: roofer, campaign: roof, reply: sold, deadline: 5s, price: "9.00"}
  - {id: caller, campaign: desk, reply: sold, deadline: 5s, price: "5.00"}
  - {id: acme, campaign: solar, reply: sold, deadline: 5s, price: "12.50"}
  - {id: pinger, campaign: bids, reply: sold, deadline: 5s, ping: {per_minute: 100000}}
"""
_FIELDS = """
    fields:
      first_name: {type: name, required: true}
      email:      {type: email, required: true}
      state:      {type: state, country: US}
      bill:       {type: number, min: 0}
    checks:
      - {check: duplicate, on: [email], within: 30d}"""
_CAMPAIGNS = f"""
campaigns:
  - id: roof{_FIELDS}
    distribution:
      sell: hybrid(2)
      rank: [price]
      then: [{{campaign: aged}}, {{house: desk}}]
      requeue: {{every: 1h, for: 72h, on: [contract_change]}}
  - id: aged{_FIELDS}
    distribution: {{rank: [price]}}
  - id: desk{_FIELDS}
    distribution: {{sell: exclusive, rank: [priority]}}
  - id: solar{_FIELDS}
    distribution: {{sell: exclusive, rank: [price, round_robin]}}
  - id: bids{_FIELDS}
    distribution: {{sell: exclusive, rank: [price]}}
    auction: {{deadline: 400ms, minimum: "5.00", margin: {{percent: 20}}, expires: 3s}}
"""
_RETURNS = """returns:
          window: 7d
          auto: [{when: reason == "disconnected", do: approve}, {when: reason == "wrong_number", do: deny}]
          resale: true"""
_POOL = """
  - id: inside
    people:
      - {id: dana, team: west, capacity: 3}
      - {id: sam, team: west, capacity: 3}
      - {id: kim, team: east, capacity: 3}
      - {id: lee, team: east}
    contracts:
      - id: pool
        campaign: desk
        price: "10.00"
        priority: -10
        deliver:
          adapter: internal
          hold: 2s
          exclude: 1
          offer: {team: west, for: 2s, then: [{team: all, for: 3s}, {to: partner}]}
"""
_BID = """bid:
          ping:
            url: %s
            fields: {state: state, email: lead_id}
            accepted: has(reply.json.bid)
            price: reply.json.bid"""


def _contract(
    id_: str, campaign: str, buyer: CountingBuyer, *, price: str, more: str = "", deliver: str = "", money: str = ""
) -> str:  # fmt: skip
    caps = f"[{{per: total, leads: {ROOM[id_]}}}]" if id_ in ROOM else "[]"
    return f"""
  - id: {id_}
    {f"money: {money}" if money else ""}
    contracts:
      - id: {id_}
        campaign: {campaign}
        {price}
        caps: {caps}
        retry: {{schedule: [1s, 1s, 1s], until: 60s}}
        {more}
        deliver:
          adapter: webhook
          url: {buyer.url(id_)}
          timeout: 1s
          body: json
          fields: {{email: email}}
          accepted: reply.json.status == "accepted"
          rejected: reply.json.status == "rejected"
          reference: reply.json.id
          reason: reply.json.reason
          {deliver}
"""


def catalogue(buyer: CountingBuyer) -> str:
    def at(id_: str, campaign: str, price: str, more: str = "", *, shared: str = "", **also: str) -> str:
        said = [f'price: "{price}"'] if price else []
        said += [f'shared_price: "{shared}"'] if shared else []
        return _contract(id_, campaign, buyer, price="\n        ".join(said), more=more, **also)

    replaced = _RETURNS.replace("window: 7d", "window: 7d\n          remedy: replace")
    buyers = [
        at("alone", "roof", "50.00"), at("both", "roof", "30.00", shared="22.00"),
        at("copies", "roof", "", _RETURNS, shared="20.00"),
        at("ahead", "roof", "", shared="18.00", money="{terms: prepaid}"),
        at("broom", "roof", "4.00", "sweeper: true"),
        at("old", "aged", "1.50"), at("desk", "aged", "0.50", 'when: lead.state == "TX"'),
        at("pushed", "desk", "60.00"), _POOL, at("partner", "desk", "3.00", "priority: -20"),
        at("swap", "solar", "70.00", replaced),
        at("owes", "solar", "60.00", _RETURNS, money=f'{{terms: credit, credit_limit: "{CREDIT}"}}'),
        at("silent", "solar", "50.00", "confirm: {within: 2s, then: reroute}"),
        at("flaky", "solar", "45.00", "breaker: {failures: 5, over: 0s, rest: 1s}"),
        at("paced", "solar", "42.00", f"rate: {{per: second, n: {PER_SECOND}}}"),
        at("cheaper", "solar", "40.00", deliver="price: reply.json.price"),
        *(at(id_, "solar", "20.00", _RETURNS) for id_ in EQUALS),
        at("asked", "bids", "20.00", _BID % buyer.url("ping")), at("fixed", "bids", "14.00", _RETURNS), at("third", "bids", "9.00"),
    ]  # fmt: skip
    return f"{_CAMPAIGNS}{_SOURCES}\nbuyers:\n{''.join(buyers)}"

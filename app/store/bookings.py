"""What is booked in the very statements that end deliveries and answer sources, so that a fact and its entry are one."""

_ONCE = """
on conflict (coalesce(delivery_id, lead_id), kind) where kind in ('sale', 'cost', 'return', 'cost_return') do nothing
"""
# `d` are deliveries as they stand by now, `bought` are leads whose price is owed.
SALES = f"""
  insert into entry (kind, debit, credit, amount, currency, lead_id, delivery_id, source, campaign, buyer, contract)
  select 'sale', 'buyer:' || d.buyer, 'revenue:' || d.campaign, d.price, l.currency, d.lead_id, d.id, l.source,
         d.campaign, d.buyer, d.contract
    from d join lead l on l.id = d.lead_id
   where d.state = 'accepted' and d.price > 0 and not d.test
  {_ONCE}
"""
COSTS = f"""
  insert into entry (kind, debit, credit, amount, currency, lead_id, source, campaign)
  select 'cost', 'cost:' || campaign, 'source:' || source, price, currency, id, source, campaign
    from bought where price > 0
  {_ONCE}
"""

import pytest

from app.ingest.format import MOST_FIELDS, MOST_RECORDS, Unreadable
from app.ingest.formats.adf import Adf


def read(body: bytes | str, content_type: str = "application/x-adf+xml"):
    return Adf().read(body.encode() if isinstance(body, str) else body, content_type)


def one(inner: str) -> dict[str, object]:
    (record,) = read(f"<adf><prospect>{inner}</prospect></adf>")
    return record


def contact(inner: str) -> dict[str, object]:
    return one(f"<customer><contact>{inner}</contact></customer>")


def refused(body: bytes | str) -> tuple[str, str | None]:
    with pytest.raises(Unreadable) as caught:
        read(body)
    return caught.value.reason, caught.value.where


WHOLE = """<?xml version="1.0" encoding="UTF-8"?><?ADF VERSION="1.0"?>
<adf><prospect status="resend">
<id sequence="1" source="acme">77</id><id sequence="2" source="portal">P-5</id>
<requestdate>2026-03-30T15:30:20-08:00</requestdate>
<vehicle interest="lease" status="used">
  <id source="stockbook">V1</id><year>2024</year><make>Honda</make><model>Civic</model><vin>1HGCM82633A004352</vin>
  <stock>A12</stock><trim>EX</trim><doors>4</doors><bodystyle>sedan</bodystyle><transmission>A</transmission>
  <odometer status="original" units="mi">12000</odometer><condition>good</condition>
  <colorcombination><interiorcolor>black</interiorcolor><exteriorcolor>blue</exteriorcolor><preference>1</preference></colorcombination>
  <colorcombination><exteriorcolor>red</exteriorcolor><preference>2</preference></colorcombination>
  <imagetag width="100" height="50" alttext="front">http://img.example/1.png</imagetag>
  <price type="quote" currency="USD" delta="absolute" relativeto="msrp" source="acme">21000</price>
  <pricecomments>firm</pricecomments>
  <option><optionname>Sun roof</optionname><manufacturercode>SR</manufacturercode><stock>S1</stock><weighting>65</weighting><price type="msrp">900</price></option>
  <finance><method>finance</method><amount type="downpayment" limit="maximum" currency="USD">2000</amount>
    <amount type="monthly" limit="exact">250</amount><balance type="residual" currency="USD">9000</balance></finance>
  <comments>clean</comments>
</vehicle>
<customer>
  <contact primarycontact="1">
    <name part="first">Ann</name><name part="middle">B</name><name part="last">Smith</name><name part="suffix">Jr</name>
    <name part="full" type="individual">Ann B Smith Jr</name>
    <email preferredcontact="0">ann@example.com</email>
    <phone type="voice" time="morning" preferredcontact="1" besttime="1">512-555-0100</phone>
    <address type="home"><street line="1">1 Main St</street><street line="2">Rear</street><apartment>5</apartment>
      <city>Austin</city><regioncode>TX</regioncode><postalcode>78701</postalcode><country>US</country></address>
  </contact>
  <id source="crm">C9</id>
  <timeframe><description>soon</description><earliestdate>2026-04-01T00:00:00-05:00</earliestdate><latestdate>2026-05-01T00:00:00-05:00</latestdate></timeframe>
  <comments>none</comments>
</customer>
<vendor><id source="acme">D1</id><vendorname>Downtown Honda</vendorname><url>http://dealer.example</url>
  <contact><name part="full" type="business">Downtown Honda LLC</name><email>sales@dealer.example</email></contact></vendor>
<provider><id>PR1</id><name part="full">CarPoint</name><service>Used Cars</service><url>http://p.example</url>
  <email>leads@p.example</email><phone type="fax">512-555-0199</phone><contact><name part="full">Bob</name></contact></provider>
</prospect></adf>"""


def test_every_element_and_attribute_of_the_dtd_is_kept():
    assert read(WHOLE) == [
        {
            "@status": "resend",
            "id": "77",
            "id@sequence": "1",
            "id@source": "acme",
            "id.0": "77",
            "id.0@sequence": "1",
            "id.0@source": "acme",
            "id.1": "P-5",
            "id.1@sequence": "2",
            "id.1@source": "portal",
            "requestdate": "2026-03-30T15:30:20-08:00",
            "vehicle@interest": "lease",
            "vehicle@status": "used",
            "vehicle.id": "V1",
            "vehicle.id@source": "stockbook",
            "vehicle.year": "2024",
            "vehicle.make": "Honda",
            "vehicle.model": "Civic",
            "vehicle.vin": "1HGCM82633A004352",
            "vehicle.stock": "A12",
            "vehicle.trim": "EX",
            "vehicle.doors": "4",
            "vehicle.bodystyle": "sedan",
            "vehicle.transmission": "A",
            "vehicle.odometer": "12000",
            "vehicle.odometer@status": "original",
            "vehicle.odometer@units": "mi",
            "vehicle.condition": "good",
            "vehicle.colorcombination.interiorcolor": "black",
            "vehicle.colorcombination.exteriorcolor": "blue",
            "vehicle.colorcombination.preference": "1",
            "vehicle.colorcombination.0.interiorcolor": "black",
            "vehicle.colorcombination.0.exteriorcolor": "blue",
            "vehicle.colorcombination.0.preference": "1",
            "vehicle.colorcombination.1.exteriorcolor": "red",
            "vehicle.colorcombination.1.preference": "2",
            "vehicle.imagetag": "http://img.example/1.png",
            "vehicle.imagetag@width": "100",
            "vehicle.imagetag@height": "50",
            "vehicle.imagetag@alttext": "front",
            "vehicle.price": "21000",
            "vehicle.price@type": "quote",
            "vehicle.price@currency": "USD",
            "vehicle.price@delta": "absolute",
            "vehicle.price@relativeto": "msrp",
            "vehicle.price@source": "acme",
            "vehicle.pricecomments": "firm",
            "vehicle.option.optionname": "Sun roof",
            "vehicle.option.manufacturercode": "SR",
            "vehicle.option.stock": "S1",
            "vehicle.option.weighting": "65",
            "vehicle.option.price": "900",
            "vehicle.option.price@type": "msrp",
            "vehicle.finance.method": "finance",
            "vehicle.finance.amount": "2000",
            "vehicle.finance.amount@type": "downpayment",
            "vehicle.finance.amount@limit": "maximum",
            "vehicle.finance.amount@currency": "USD",
            "vehicle.finance.amount.0": "2000",
            "vehicle.finance.amount.0@type": "downpayment",
            "vehicle.finance.amount.0@limit": "maximum",
            "vehicle.finance.amount.0@currency": "USD",
            "vehicle.finance.amount.1": "250",
            "vehicle.finance.amount.1@type": "monthly",
            "vehicle.finance.amount.1@limit": "exact",
            "vehicle.finance.balance": "9000",
            "vehicle.finance.balance@type": "residual",
            "vehicle.finance.balance@currency": "USD",
            "vehicle.comments": "clean",
            "contact@primarycontact": "1",
            "first_name": "Ann",
            "middle_name": "B",
            "last_name": "Smith",
            "suffix": "Jr",
            "full_name": "Ann B Smith Jr",
            "full_name@type": "individual",
            "email": "ann@example.com",
            "email@preferredcontact": "0",
            "phone": "512-555-0100",
            "phone@type": "voice",
            "phone@time": "morning",
            "phone@preferredcontact": "1",
            "phone@besttime": "1",
            "phone.voice": "512-555-0100",
            "address@type": "home",
            "address.street": "1 Main St",
            "address.street.1": "1 Main St",
            "address.street.2": "Rear",
            "address.apartment": "5",
            "address.city": "Austin",
            "address.regioncode": "TX",
            "address.postalcode": "78701",
            "address.country": "US",
            "customer.id": "C9",
            "customer.id@source": "crm",
            "timeframe.description": "soon",
            "timeframe.earliestdate": "2026-04-01T00:00:00-05:00",
            "timeframe.latestdate": "2026-05-01T00:00:00-05:00",
            "comments": "none",
            "vendor.id": "D1",
            "vendor.id@source": "acme",
            "vendor.vendorname": "Downtown Honda",
            "vendor.url": "http://dealer.example",
            "vendor.company": "Downtown Honda LLC",
            "vendor.company@type": "business",
            "vendor.email": "sales@dealer.example",
            "provider.id": "PR1",
            "provider.name": "CarPoint",
            "provider.name@part": "full",
            "provider.service": "Used Cars",
            "provider.url": "http://p.example",
            "provider.email": "leads@p.example",
            "provider.phone": "512-555-0199",
            "provider.phone@type": "fax",
            "provider.phone.fax": "512-555-0199",
            "provider.full_name": "Bob",
        }
    ]


def test_several_prospects_are_several_leads():
    two = "<prospect><id>1</id></prospect><prospect><id>2</id></prospect>"
    assert read(f"<adf>{two}</adf>") == [{"id": "1"}, {"id": "2"}]


def test_names_of_elements_and_attributes_hold_in_any_case_and_namespace():
    assert read('<a:ADF xmlns:a="urn:a"><a:Prospect STATUS="new"><a:ID>1</a:ID></a:Prospect></a:ADF>') == [
        {"@status": "new", "id": "1"}
    ]


@pytest.mark.parametrize(
    "prolog",
    [
        '<?ADF VERSION "1.0"?>',
        '<?ADF VERSION="1.0"?>\n<?xml version="1.0"?>',
        '<?ADF VERSION "1.0"?>\r\n<?XML VERSION "1.0"?>',
        '\n <?adf version="1.0"?><?xml version="1.0" encoding="utf-8"?>',
        '<?ADF VERSION "1.0">',
        "<?xml version=“1.0” encoding=“UTF-8”?>",
        "<!-- sent by > us -->",
        '<?xml version="1.0"?><!DOCTYPE adf SYSTEM "http://127.0.0.1/adf.dtd">',
        "<!DOCTYPE adf PUBLIC '-//ADF//DTD 1.0//EN' 'adf.dtd' >",
        "<!doctype adf>",
        "\ufeff<?ADF VERSION '1.0'?>",
    ],
)
def test_whatever_the_wild_puts_before_the_root_is_passed_over(prolog):
    assert read(f"{prolog}<adf><prospect><id>é</id></prospect></adf>") == [{"id": "é"}]


def test_a_declaration_behind_the_first_instruction_still_names_the_charset():
    body = '<?ADF VERSION "1.0"?><?xml version="1.0" encoding="ISO-8859-1"?><adf><prospect><id>é</id></prospect></adf>'
    assert read(body.encode("latin-1")) == [{"id": "é"}]


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE adf [<!ENTITY a "b">]>',
        '<!DOCTYPE adf SYSTEM "adf.dtd" [<!ENTITY % p SYSTEM "http://127.0.0.1/"> %p;]>',
        '<?ADF VERSION "1.0"?><!-- x --><!DOCTYPE adf []>',
        "<!DOCTYPE adf",
        '<!DOCTYPE adf SYSTEM "a"><!DOCTYPE adf [<!ENTITY a "b">]>',
    ],
)
def test_a_doctype_that_declares_anything_is_refused(doctype):
    assert refused(f"{doctype}<adf><prospect><id>&a;</id></prospect></adf>")[0] == "doctype"


def test_an_entity_of_a_doctype_that_was_passed_over_is_unknown():
    assert refused('<!DOCTYPE adf SYSTEM "a"><adf><prospect><id>&a;</id></prospect></adf>')[0] == "syntax"


@pytest.mark.parametrize(
    "type_, kinds",
    [
        ("", ["voice"]),
        ('type="phone"', ["voice"]),
        ('type="home"', ["home"]),
        ('type="Work"', ["work"]),
        ('TYPE="business"', ["business"]),
        ('type="mobile"', ["mobile", "cellphone"]),
        ('type="cell phone"', ["cell_phone"]),
        ('type="cellphone"', ["cellphone"]),
        ('type="fax"', ["fax"]),
    ],
)
def test_a_phone_of_any_type_is_found_by_its_type(type_, kinds):
    record = contact(f"<phone {type_}>5125550100</phone>")
    assert {name: record[name] for name in record if "@" not in name} == {
        "phone": "5125550100",
        **{f"phone.{kind}": "5125550100" for kind in kinds},
    }


@pytest.mark.parametrize(
    "phones, chosen",
    [
        ('<phone type="fax">1</phone><phone type="home">2</phone>', "2"),
        ('<phone type="voice">1</phone><phone type="mobile" preferredcontact="1">2</phone>', "2"),
        ('<phone type="voice"/><phone type="cellphone">2</phone>', "2"),
        ('<phone type="fax">1</phone>', "1"),
        ("<phone>1</phone><phone>2</phone>", "1"),
    ],
)
def test_the_phone_is_the_preferred_else_the_first_that_takes_calls(phones, chosen):
    assert contact(phones)["phone"] == chosen


def test_no_phone_of_several_is_lost():
    record = contact('<phone time="day">1</phone><phone time="evening">2</phone>')
    assert {name: value for name, value in record.items() if name.startswith("phone.")} == {
        "phone.0": "1",
        "phone.0@time": "day",
        "phone.1": "2",
        "phone.1@time": "evening",
        "phone.voice": "1",
    }


def test_an_empty_element_is_an_empty_value_and_hides_no_filled_one():
    record = contact(
        "<name part='first'> </name><email/><email>ann@example.com</email><name part='last'>\nSmith </name>"
    )
    assert record["first_name"] == ""
    assert record["email"] == "ann@example.com"
    assert record["last_name"] == "Smith"


def test_a_name_s_part_says_its_field():
    record = contact("<name part='Surname'>Smith</name><name>Ann Smith</name><name part='nick'>Annie</name>")
    assert record == {"last_name": "Smith", "full_name": "Ann Smith", "name.nick": "Annie"}
    assert contact("<name part='first'>Ann</name><name part='first'>Bob</name>") == {
        "first_name": "Ann",
        "first_name.0": "Ann",
        "first_name.1": "Bob",
    }


def test_a_second_contact_does_not_mix_with_the_first():
    body = "<customer><contact><email>a@example.com</email></contact><contact><name>Bob</name></contact></customer>"
    assert one(body) == {"email": "a@example.com", "contact.1.full_name": "Bob"}


def test_street_lines_go_by_their_line_else_by_their_place():
    assert contact(
        "<address><street line='2'>Rear</street><street line='1'>1 Main St</street></address>"
    ) == {
        "address.street": "Rear",
        "address.street.2": "Rear",
        "address.street.1": "1 Main St",
    }
    assert contact("<address><street>1 Main St</street><street>Rear</street></address>") == {
        "address.street": "1 Main St",
        "address.street.1": "1 Main St",
        "address.street.2": "Rear",
    }


@pytest.mark.parametrize(
    "first, second", [("line='1'", "line='1'"), ("line='2'", ""), ("line='x'", "line='1'")]
)
def test_no_street_is_lost_where_lines_contradict_each_other(first, second):
    record = contact(f"<address><street {first}>a</street><street {second}>b</street></address>")
    assert {record["address.street.1"], record["address.street.2"]} == {"a", "b"}


def test_the_vehicle_is_the_wanted_one_and_the_trade_in_has_its_own_name():
    record = one(
        "<vehicle interest='trade-in'><make>Ford</make></vehicle><vehicle interest='buy'><make>Audi</make></vehicle>"
    )
    assert record["vehicle.make"] == "Audi"
    assert record["trade_in.make"] == "Ford"
    assert (record["vehicle.0.make"], record["vehicle.1.make"]) == ("Ford", "Audi")
    assert one("<vehicle interest='trade-in'><make>Ford</make></vehicle>")["vehicle.make"] == "Ford"


def test_facts_in_comments_are_found_by_their_keys():
    record = one(
        "<customer><comments><![CDATA[Please call me.\nCredit Score: 700-750\n  Down Payment:$2,000\nPhone 2: 5125550101\n"
        "Best time is at 10:30\nSee http://dealer.example/x\nI said this. And then: nothing\nEmpty:\n]]></comments></customer>"
    )
    assert {name: value for name, value in record.items() if name.startswith("comments.")} == {
        "comments.Credit Score": "700-750",
        "comments.Down Payment": "$2,000",
        "comments.Phone 2": "5125550101",
        "comments.Empty": "",
    }
    assert "Please call me.\nCredit Score: 700-750" in str(record["comments"])


def test_comments_with_markup_in_them_are_read_whole():
    record = one("<customer><comments>Color: <b>red</b>, or blue<br/>Budget: 20k</comments></customer>")
    assert record["comments"] == "Color: red, or blue\nBudget: 20k"
    assert record["comments.Budget"] == "20k"


def test_a_short_zone_is_completed_and_what_came_is_kept():
    assert one("<requestdate>2000-03-30T15:30:20-08:0</requestdate>") == {
        "requestdate": "2000-03-30T15:30:20-08:00",
        "requestdate.raw": "2000-03-30T15:30:20-08:0",
    }
    assert one("<requestdate>2000-03-30</requestdate>") == {"requestdate": "2000-03-30"}


def test_a_url_in_cdata_is_read():
    assert one("<vendor><url><![CDATA[ http://d.example/?a=1&b=2 ]]></url></vendor>") == {
        "vendor.url": "http://d.example/?a=1&b=2"
    }


@pytest.mark.parametrize(
    "tag",
    [
        "<phone type=“voice” time=“day”>",
        '<phone type=“voice" time="day”>',
        "<phone type=‘voice’ time=‘day’ >",
    ],
)
def test_typographic_quotes_around_attributes_are_straightened(tag):
    record = contact(f"{tag}1</phone><name>Ann “A=“x” y” O’Brien<![CDATA[<a b=“c”>]]></name>")
    assert (record["phone@type"], record["phone@time"]) == ("voice", "day")
    assert record["full_name"] == "Ann “A=“x” y” O’Brien<a b=“c”>"


def test_typographic_quotes_within_a_value_stay():
    assert contact("<name part=“first” type='“x” y'>Ann</name>")["first_name@type"] == "“x” y"


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"", "empty", None),
        (b"<adf/>", "empty", None),
        (b"<adf><prospect/></adf>", "empty", None),
        (b"<adf><prospect><id>1</id></prospect><prospect/></adf>", "empty", "1"),
        (b"<lead><id>1</id></lead>", "shape", "line 1"),
        (b"\n<?ADF VERSION '1.0'?><adf>\n<prospect></adf>", "syntax", "line 3, column 17"),
        (b"<adf><prospect><id>Q & A</id></prospect></adf>", "syntax", "line 1, column 23"),
        ("<adf><prospect><id a=“1>x</id></prospect></adf>".encode(), "syntax", None),
        ("<adf><prospect><id a=“1”>".encode() + b"\xff</id></prospect></adf>", "syntax", None),
        (b"<adf><prospect><id>\xff</id></prospect></adf>", "charset", None),
        (b"<adf><prospect><id>\x00</id></prospect></adf>", "nul", None),
        (b"<adf><prospect>" + b"<x>" * 40 + b"</x>" * 40 + b"</prospect></adf>", "depth", None),
        (b"<adf><prospect>" + b"<x/>" * (MOST_FIELDS + 1) + b"</prospect></adf>", "fields", None),
        (b"<adf>" + b"<prospect><a/></prospect>" * (MOST_RECORDS + 1) + b"</adf>", "records", None),
        (b"<adf>" + b"<a/>" * 600_000 + b"</adf>", "records", None),
        (b"<?" * 100_000 + b"<adf/>", "syntax", None),
        (b"<!--" * 100_000 + b"<adf/>", "syntax", None),
        (b"<!-- -->" * 100 + b"<adf/>", "empty", None),
    ],
)
def test_what_is_wrong_has_its_own_code_and_place(body, code, where):
    found = refused(body)
    assert found[0] == code
    assert where is None or found[1] == where


def test_an_error_does_not_repeat_what_was_sent():
    with pytest.raises(Unreadable) as caught:
        read("<adf><prospect><name>Ann <Smith></name></prospect></adf>")
    assert "Smith" not in str(caught.value.problem())

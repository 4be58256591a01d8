from handler import handle

from oncegate.testing import Host, message


def test_an_order_is_shipped_once_however_often_it_is_delivered() -> None:
    host = Host(topics=["parcels"])
    for _ in range(2):
        assert host.deliver(handle, message(json={"order_id": "o-1", "item": "lamp"})).end == "applied"
    [parcel] = host.outputs
    assert (parcel.topic, parcel.key, parcel.payload) == ("parcels", "o-1", b'"lamp"')
    assert host.receipt("o-1") == b"parcel-o-1"

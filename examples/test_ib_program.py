import pytest
from ib_insync import IB, MarketOrder, Stock  # or: from ib_async import ...


@pytest.mark.arbcore_faults("slow_commission=1@0")
def test_buying_spy(arbcore_gateway):
    ib = IB()
    ib.connect(arbcore_gateway.host, arbcore_gateway.port, clientId=1)
    trade = ib.placeOrder(Stock("SPY", "SMART", "USD"), MarketOrder("BUY", 100, tif="DAY"))
    ib.waitOnUpdate(timeout=5)
    while trade.isActive():
        ib.waitOnUpdate(timeout=5)
    assert trade.filled() == 100 and ib.positions(arbcore_gateway.account)[0].position == 100
    ib.disconnect()

import threading

import pytest
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.order import Order
from ibapi.wrapper import EWrapper


class Program(EWrapper, EClient):
    def __init__(self):
        EClient.__init__(self, self)
        self.ready, self.filled = threading.Event(), threading.Event()

    def nextValidId(self, orderId):
        self.order_id = orderId
        self.ready.set()

    def orderStatus(self, orderId, status, *_):
        if status == "Filled":
            self.filled.set()


@pytest.mark.arbcore_faults("ack_twice@0", "fill_before_ack@0")
def test_buying_spy(arbcore_gateway):
    program = Program()
    program.connect(arbcore_gateway.host, arbcore_gateway.port, clientId=1)
    thread = threading.Thread(target=program.run)
    thread.start()
    assert program.ready.wait(5)
    spy, order = Contract(), Order()
    spy.symbol, spy.secType, spy.exchange, spy.currency = "SPY", "STK", "SMART", "USD"
    order.action, order.totalQuantity, order.orderType, order.tif = "BUY", 100, "MKT", "DAY"
    program.placeOrder(program.order_id, spy, order)
    assert program.filled.wait(5)
    program.disconnect()
    thread.join(5)
    assert "Position SPY: 100" in arbcore_gateway.log

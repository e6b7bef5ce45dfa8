"""Deeds about orders as both doors take them, REST and WebSocket: one order, a batch, all of them.

A batch is answered with yes as a whole, and with a list that says for each order, by position, what became of
it. Orders beyond what is left of the second's budget are refused in that list.
"""

from __future__ import annotations

from kedge.sim.bybit import codes
from kedge.sim.bybit.codes import No
from kedge.sim.bybit.desk import Desk
from kedge.sim.bybit.limits import Guard, Left
from kedge.sim.bybit.params import Params, Refused
from kedge.sim.bybit.rows import OrderRow
from kedge.sim.bybit.texts import Body, ms, ms_text, order_id
from kedge.sim.bybit.trade import Done
from kedge.sim.bybit.wallet import Wallet

BATCH_MAX = {"linear": 20, "inverse": 20, "spot": 10}
Outcome = tuple[Body, Body]


class Deeds:
    def __init__(self, desk: Desk, guard: Guard, wallet: Wallet) -> None:
        self._desk = desk
        self._guard = guard
        self._wallet = wallet

    def do(self, account: str, path: str, params: Params, now_ns: int) -> Done:
        """Judge the budget, then do it. Nothing is raised: what went wrong is in the answer."""
        left: Left | None = None
        try:
            category = params.category()
            many = len(params.many("request")) if path.endswith("-batch") else 1
            if many > BATCH_MAX[category]:
                raise Refused(codes.bad(f"a batch has at most {BATCH_MAX[category]} orders"))
            left = self._guard.endpoint(account, path, category, ms(now_ns), many)
            if not left.granted:
                raise Refused(codes.TOO_MANY)
            if path.endswith("-batch"):
                result, ext = self._batch(account, path, category, params, left.granted, now_ns)
            else:
                result, ext = self._one(account, path, category, params, now_ns)
        except Refused as refused:
            return Done({}, {}, left, refused.no)
        return Done(result, ext, left, None)

    def _one(self, account: str, path: str, category: str, params: Params, now_ns: int) -> Outcome:
        desk = self._desk
        if path == "/v5/order/create":
            return _ids(desk.create(account, category, params, now_ns)), {}
        if path == "/v5/order/amend":
            return _ids(desk.amend(account, category, params, now_ns)), {}
        if path == "/v5/order/cancel":
            return _ids(desk.cancel(account, category, params, now_ns)), {}
        if path == "/v5/order/pre-check":
            return self._check(account, category, params, now_ns), {}
        assert path == "/v5/order/cancel-all", path
        rows = desk.cancel_all(account, category, params, now_ns)
        return {"list": [_ids(row) for row in rows], "success": "1"}, {}

    def _check(self, account: str, category: str, params: Params, now_ns: int) -> Body:
        """What the margin rates would be; nothing is placed."""
        if category == "spot":
            raise Refused(codes.bad("category of a pre-check is linear or inverse"))
        row = self._desk.check(account, category, params, now_ns)
        initial, maintenance = self._wallet.rates(account)
        more = self._wallet.rates_with(account, row)
        return {
            "orderId": order_id("pre-check", category, 1),
            "orderLinkId": row.link,
            "preImrE4": initial,
            "preMmrE4": maintenance,
            "postImrE4": more[0],
            "postMmrE4": more[1],
        }

    # ── batches ─────────────────────────────────────────────────────────────────────────────────

    def _batch(
        self, account: str, path: str, category: str, params: Params, granted: int, now_ns: int
    ) -> Outcome:
        single = path.removesuffix("-batch")
        items: list[Body] = []
        verdicts: list[Body] = []
        for index, one in enumerate(params.many("request")):
            item: Body = {"category": category, "symbol": one.values.get("symbol") or ""}
            no: No | None = codes.TOO_MANY if index >= granted else None
            try:
                if no is None:
                    item.update(self._one(account, single, category, one, now_ns)[0])
                    # The next of the batch may be about the same order.
                    self._desk.follow(now_ns)
            except Refused as refused:
                no = refused.no
            item.setdefault("orderId", "")
            item.setdefault("orderLinkId", one.values.get("orderLinkId") or "")
            if single == "/v5/order/create":
                item["createAt"] = ms_text(now_ns) if no is None else ""
            items.append(item)
            verdicts.append({"code": no.code if no else 0, "msg": no.text if no else codes.OK_TEXT})
        return {"list": items}, {"list": verdicts}


def _ids(row: OrderRow) -> Body:
    return {"orderId": row.id, "orderLinkId": row.link}

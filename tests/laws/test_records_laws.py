"""Laws of records: each kind comes back from its bytes as itself, in any company of values."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, inspect

from kedge.model import records as r

KINDS: tuple[type, ...] = r.Record.__args__  # type: ignore[attr-defined]
RAWS = st.sampled_from([b"{}", b'{"a":1.50,"b":[null,true]}', b'"x\\u00e9"', b"[ 1 , 2 ]"]).map(Raw)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False)


def values(shape: inspect.Type) -> st.SearchStrategy[Any]:
    """Any value of a type that records use."""
    if isinstance(shape, inspect.StructType):
        fields = {f.name: values(f.type) for f in shape.fields}
        return st.fixed_dictionaries(fields).map(lambda some, cls=shape.cls: cls(**some))
    if isinstance(shape, inspect.UnionType):
        return st.one_of(*(values(t) for t in shape.types))
    if isinstance(shape, inspect.VarTupleType):
        return st.lists(values(shape.item_type), max_size=3).map(tuple)
    if isinstance(shape, inspect.LiteralType):
        return st.sampled_from(shape.values)
    if isinstance(shape, inspect.EnumType):
        return st.sampled_from(list(shape.cls))
    plain: dict[type, st.SearchStrategy[Any]] = {
        inspect.StrType: TEXTS,
        inspect.IntType: st.integers(-(2**63), 2**63 - 1),
        inspect.BoolType: st.booleans(),
        inspect.DecimalType: NUMBERS,
        inspect.RawType: RAWS,
        inspect.NoneType: st.none(),
    }
    return plain[type(shape)]


def same(a: Any, b: Any) -> bool:
    """Equal, with raw bytes compared as bytes and numbers to their last digit."""
    if isinstance(a, Raw):
        return bytes(a) == bytes(b)
    if isinstance(a, D):
        return isinstance(b, D) and str(a) == str(b)
    if isinstance(a, msgspec.Struct):
        return type(a) is type(b) and all(same(getattr(a, f), getattr(b, f)) for f in a.__struct_fields__)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_record_comes_back_as_itself(kind: type) -> None:
    @settings(max_examples=25)
    @given(values(inspect.type_info(kind)))
    def holds(record: Any) -> None:
        body = r.encode(record)
        again = r.decode(body)
        assert same(record, again)
        assert r.encode(again) == body
        assert b"\n" not in body

    holds()


@given(st.binary(max_size=60) | TEXTS.map(str.encode))
def test_bytes_that_are_no_record_are_refused_and_nothing_else_happens(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        r.decode(body)

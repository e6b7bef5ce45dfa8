"""The task tree: the first failure ends all, ending is bounded, and nobody is left running."""

from __future__ import annotations

import asyncio

import pytest
from runtime_kit import in_virtual_time, settle

from kedge.runtime import tree as trees
from kedge.runtime.tree import Tree


async def for_ever(ended: list[str], name: str) -> None:
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        ended.append(name)


async def raising(error: BaseException, after_s: float = 0) -> None:
    await asyncio.sleep(after_s)
    raise error


def test_the_first_error_counts_and_all_are_cancelled() -> None:
    async def go() -> None:
        tree, ended = Tree("t"), list[str]()
        for name in ("a", "b", "c"):
            tree.start(name, for_ever(ended, name))
        tree.start("bad", raising(KeyError("first"), 1))
        tree.start("worse", raising(OSError("second"), 2))
        with pytest.raises(KeyError, match="first"):
            await tree.ended()
        await tree.close()
        assert ended == ["c", "b", "a"], "youngest first"
        assert len(tree) == 0

    in_virtual_time(go)


def test_who_fails_while_all_are_told_to_end_does_not_change_why() -> None:
    async def go() -> None:
        tree = Tree("t")

        async def stubborn() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                raise ValueError("on the way out")

        tree.start("stubborn", stubborn())
        await settle()
        tree.finish()
        await tree.ended()
        await tree.close()
        await tree.ended()

    in_virtual_time(go)


def test_a_lasting_task_that_returns_ends_the_tree_and_a_passing_one_does_not() -> None:
    async def go() -> None:
        tree = Tree("t")
        tree.start("passing", asyncio.sleep(0), lasting=False)
        await settle()
        assert len(tree) == 0
        tree.start("lasting", asyncio.sleep(0))
        with pytest.raises(RuntimeError, match="t/lasting/2 ended by itself"):
            await tree.ended()
        await tree.close()

    in_virtual_time(go)


def test_a_lasting_task_that_something_else_cancels_ends_the_tree() -> None:
    async def go() -> None:
        tree = Tree("t")
        tree.start("passing", for_ever([], "p"), lasting=False).cancel()
        lasting = tree.start("lasting", for_ever([], "l"))
        await settle()
        lasting.cancel()
        with pytest.raises(RuntimeError, match="lasting/2 was cancelled by something else"):
            await tree.ended()
        await tree.close()

    in_virtual_time(go)


def test_a_failing_passing_task_ends_the_tree_too() -> None:
    async def go() -> None:
        tree = Tree("t")
        tree.start("passing", raising(ValueError("no")), lasting=False)
        with pytest.raises(ValueError, match="no"):
            await tree.ended()
        await tree.close()

    in_virtual_time(go)


def test_closing_is_bounded() -> None:
    async def go() -> None:
        tree, over = Tree("t"), asyncio.Event()

        async def deaf() -> None:
            while not over.is_set():
                try:
                    await over.wait()
                except asyncio.CancelledError:
                    continue

        tree.start("deaf", deaf())
        tree.start("good", for_ever([], "g"))
        await settle()
        began = asyncio.get_running_loop().time()
        await tree.close()
        assert asyncio.get_running_loop().time() - began == pytest.approx(trees.CLOSE_S)
        with pytest.raises(RuntimeError, match="did not end within 20 s: t/deaf/1"):
            await tree.ended()
        over.set()
        await settle()

    in_virtual_time(go)


def test_closing_waits_for_what_a_task_does_last() -> None:
    async def go() -> None:
        tree, said = Tree("t"), list[str]()

        async def slow_end() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.sleep(3)
                said.append("put away")

        tree.start("slow", slow_end())
        await settle()
        tree.finish()
        await tree.close()
        assert said == ["put away"]

    in_virtual_time(go)


def test_what_is_started_while_it_closes_ends_at_once() -> None:
    async def go() -> None:
        tree, said = Tree("t"), list[str]()

        async def starts_another() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                tree.start("late", for_ever(said, "late"))

        tree.start("a", starts_another())
        await settle()
        began = asyncio.get_running_loop().time()
        await tree.close()
        assert asyncio.get_running_loop().time() == began
        assert (len(tree), said) == (0, [])

    in_virtual_time(go)


def test_closing_a_tree_that_never_ended_is_quiet() -> None:
    async def go() -> None:
        tree = Tree("t")
        tree.start("a", for_ever([], "a"))
        await settle()
        await tree.close()
        assert len(tree) == 0

    in_virtual_time(go)

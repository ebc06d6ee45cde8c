"""The one table of commands, and who gets in with which code."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import NotFound, Refused
from bot.store import Store
from bot.store.codes import blotted, hash_of
from bot.store.tables import PairCodeRow
from bot.telegram.access import ACTIONS, COMMANDS, ROLES, Role, allowed, command_of, menu
from bot.telegram.people import Access
from bot.telegram.tenure import lasts
from bot.telegram.tries import FIRST_PAUSE, FREE, MOST_ACCOUNTS, MOST_ROWS, Budget, Tries
from tests.stores import StandingClock

# contract.md section 5, word for word.
PROMISED = (
    "/start /help /pair /agents /agent /new /stop /restart /send /capture /watch /interrupt /freeze /thaw · /broadcast "
    "/broadcast-pack /broadcast-targeted /broadcast-apply /broadcast-cancel · /review /reviewer · /tasks /claim · "
    "/quota /alerts · /mail · /context · /health /logs /audit /settings"
)


@pytest.fixture
async def access(store: Store) -> Access:
    return Access(store, StandingClock())


def test_every_promised_command_is_there_and_no_other() -> None:
    promised = {word.removeprefix("/") for word in PROMISED.split() if word.startswith("/")}
    assert {c.name for c in COMMANDS} == promised


def test_the_menu_is_one_that_telegram_takes() -> None:
    for command in menu():
        assert re.fullmatch(r"[a-z0-9_]{1,32}", command.command)
        assert 1 <= len(command.description) <= 256
    assert len({c.command for c in menu()}) == len(menu())
    assert {c.command for c in menu(Role.VIEWER)} < {c.command for c in menu(Role.OPERATOR)}


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("/broadcast-targeted", "broadcast-targeted"),
        ("/Broadcast_Targeted@maf_bot", "broadcast-targeted"),
        ("agents", "agents"),
        ("/nonsense", None),
    ],
)
def test_both_spellings(word: str, name: str | None) -> None:
    found = command_of(word)
    assert (found.name if found else None) == name


def test_spellings_of_a_plain_command_are_not_doubled() -> None:
    found = command_of("agents")
    assert found is not None and found.spellings == ("agents",)


@pytest.mark.parametrize(
    ("what", "lowest"),
    [
        ("agents", Role.VIEWER),
        ("capture", Role.OPERATOR),
        ("send", Role.OPERATOR),
        ("freeze", Role.OPERATOR),
        ("dialog.once", Role.OPERATOR),
        ("draft.send", Role.SUPERVISOR),
        ("draft.auto", Role.SUPERVISOR),
        ("claim", Role.SUPERVISOR),
        ("stop", Role.SUPERVISOR),
        ("dialog.always", Role.OWNER),
        ("settings.change", Role.OWNER),
        ("pair.invite", Role.OWNER),
    ],
)
def test_roles_are_those_of_the_contract(what: str, lowest: Role) -> None:
    assert [role for role in Role if allowed(role, what)] == [role for role in Role if role >= lowest]


def test_only_start_and_pair_are_open_to_a_stranger() -> None:
    assert {what for what in ROLES if allowed(Role.NOBODY, what)} == {"start", "pair"}
    assert not set(ACTIONS) & {c.name for c in COMMANDS}


async def pair(access: Access, role: Role, user: int, *, chat: int | None = None) -> None:
    code = await access.create_code(role)
    assert await access.redeem(code, user_id=user, name=f"user{user}", chat_id=chat or user) is not None


async def test_a_code_works_once_in_any_spelling(access: Access) -> None:
    code = await access.create_code(Role.OWNER)
    assert not await access.owner_exists()
    paired = await access.redeem(f" {code.lower().replace('-', ' ')} ", user_id=7, name="Ann", chat_id=7)
    assert paired is not None and (paired.person.role, paired.was) == (Role.OWNER, Role.NOBODY)
    assert await access.owner_exists() and await access.role_of(7) is Role.OWNER
    assert await access.supervisor_chat() == 7 and await access.supervisor_chat(99) == 99
    assert await access.redeem(code, user_id=8, name="Eve", chat_id=8) is None
    assert await access.role_of(8) is Role.NOBODY


async def test_an_id_that_no_store_holds_is_nobody(access: Access) -> None:
    with pytest.raises(NotFound, match=f"No person named {10**23}"):
        await access.set_role(10**23, Role.VIEWER)


async def test_only_a_hash_is_kept(access: Access) -> None:
    code = await access.create_code()
    async with access.store.begin() as tx:
        rows = list(await tx.scalars(PairCodeRow.__table__.select().with_only_columns(PairCodeRow.code_hash)))
    assert len(rows) == 1 and code.replace("-", "") not in rows[0]


async def test_an_old_code_does_not_work(access: Access) -> None:
    code = await access.create_code(Role.OWNER, timedelta(minutes=10))
    access.clock.at += timedelta(minutes=11)  # type: ignore[attr-defined]
    assert await access.redeem(code, user_id=7, name="Ann", chat_id=7) is None


async def test_an_account_that_tries_wrong_codes_is_slowed_down_and_no_other_is(access: Access) -> None:
    code = await access.create_code(Role.OWNER, timedelta(hours=1))
    for user in range(1000, 1400):
        assert not await access.knock("WRONG-WRONG", user)
    for _ in range(FREE):
        assert access.may_try(7)
        assert not await access.knock("WRONG-WRONG", 7)
    assert not access.may_try(7) and not await access.knock(code, 7)
    assert await access.knock(code, 8), "what others try does not matter"
    access.clock.at += FIRST_PAUSE  # type: ignore[attr-defined]
    assert await access.knock(code, 7)
    assert await access.redeem(code, user_id=7, name="Ann", chat_id=7) is not None


def test_pauses_double_to_ten_minutes_and_what_is_remembered_is_bounded() -> None:
    tries, now, pauses = Tries(), datetime(2026, 11, 30, tzinfo=UTC), []
    for _ in range(FREE + 10):
        before = now
        while not tries.may(7, now):
            now += timedelta(seconds=10)
        tries.count(7, now)
        pauses.append((now - before).total_seconds())
    assert pauses[:FREE] == [0] * FREE
    assert pauses[FREE:] == [10, 20, 40, 80, 160, 320, 600, 600, 600, 600]
    for user in range(MOST_ACCOUNTS + 100):
        tries.count(user + 100, now)
    assert len(tries._accounts) == MOST_ACCOUNTS
    budget = Budget()
    assert sum(budget.spend(now) for _ in range(200)) == MOST_ROWS
    assert budget.spend(now + timedelta(minutes=61))


async def test_of_many_codes_at_once_no_more_are_looked_at(access: Access) -> None:
    code = await access.create_code(Role.OWNER, timedelta(hours=1))
    guesses = ["WRONG-WRONG"] * FREE + [code]
    found = await asyncio.gather(*(access.knock(guess, 7) for guess in guesses))
    assert found == [False] * len(guesses)


async def test_a_chat_is_bound_by_an_owner_s_act_alone(access: Access) -> None:
    await pair(access, Role.OWNER, 7, chat=-100)
    await pair(access, Role.VIEWER, 8, chat=-100)
    await pair(access, Role.SUPERVISOR, 9, chat=-200)
    assert await access.supervisor_chat() == -100
    await pair(access, Role.OWNER, 10, chat=-300)
    assert await access.supervisor_chat() == -100, "the first owner's"


@pytest.mark.parametrize("then", [Role.NOBODY, Role.VIEWER])
async def test_who_is_owner_no_more_leaves_the_group_to_the_others(access: Access, then: Role) -> None:
    await pair(access, Role.OWNER, 7, chat=-100)
    access.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
    await pair(access, Role.OWNER, 8)
    changed = await access.set_role(7, then)
    assert (changed.new_chat, await access.supervisor_chat()) == (None, -100)
    access.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
    await pair(access, Role.OWNER, 8, chat=-200)
    assert await access.supervisor_chat() == -200, "and who is left may choose another"


async def test_a_private_chat_goes_with_its_owner(access: Access) -> None:
    await pair(access, Role.OWNER, 7)
    await pair(access, Role.VIEWER, 8, chat=-100)
    await access.set_role(8, Role.OWNER)  # who never bound a chat
    assert await access.supervisor_chat() == 7
    changed = await access.set_role(7, Role.NOBODY)
    assert (changed.new_chat, await access.supervisor_chat()) == (8, 8)


async def test_a_tenure_ends_when_a_right_is_lost_and_comes_back_to_nobody(access: Access) -> None:
    await pair(access, Role.OWNER, 1)
    await pair(access, Role.OPERATOR, 7)

    async def tenure() -> int | None:
        return next((one.tenure for one in await access.people() if one.user_id == 7), None)

    seen = [await tenure()]
    await access.set_role(7, Role.SUPERVISOR)
    assert await tenure() == seen[0], "more rights take nothing away"
    await access.set_role(7, Role.VIEWER)
    seen.append(await tenure())
    await access.set_role(7, Role.NOBODY)
    assert await tenure() is None
    await pair(access, Role.OPERATOR, 7)
    seen.append(await tenure())
    assert len(set(seen)) == 3
    async with access.store.begin() as tx:
        assert [await lasts(tx, one) for one in seen] == [False, False, True]


@pytest.mark.parametrize("then", [Role.NOBODY, Role.VIEWER])
async def test_codes_that_are_still_open_end_with_the_rights_of_anybody(access: Access, then: Role) -> None:
    await pair(access, Role.OWNER, 1)
    await pair(access, Role.OPERATOR, 7)
    code = await access.create_code(Role.OWNER)
    await access.set_role(7, then)
    assert not await access.knock(code, 7) and await access.redeem(code, user_id=7, name="Ann", chat_id=7) is None
    assert await access.role_of(7) is then


CODE = "ABCDE-FGHJK"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("/pair ABCDE-FGHJK", "/pair …"),
        ("/pairABCDE-FGHJK", "/pair…"),
        ("Zoë: abcdefghjk, quick", "Zoë: …, quick"),
        ("a b c d e f g h j k", "…"),
        ("abcde fghjk abcde-fghjk", "… …"),
        ("ABCDE-FGHJ", "ABCDE-FGHJ"),
        ("ß ABCDEFGHJK", "ß …"),
        ("", ""),
    ],
)
def test_a_code_is_blotted_out_in_any_spelling(written: str, kept: str) -> None:
    assert blotted({"a": [written, 7]}, {hash_of(CODE)}) == {"a": [kept, 7]}


async def test_a_lower_code_takes_nothing_away(access: Access) -> None:
    await pair(access, Role.OWNER, 7)
    access.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
    await pair(access, Role.VIEWER, 7, chat=-100)
    assert await access.role_of(7) is Role.OWNER
    assert await access.supervisor_chat() == -100  # where the owner paired last


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ann Lee", "Ann Lee"),
        ("  Ann \n Lee\t", "Ann Lee"),
        ("Zoë Ж 李", "Zoë Ж 李"),
        ("\u202eegdalO\u200b", "egdalO"),
        ("x" * 50, "x" * 39 + "…"),
    ],
)
async def test_a_name_is_one_plain_line(access: Access, given: str, kept: str) -> None:
    code = await access.create_code(Role.VIEWER)
    paired = await access.redeem(code, user_id=7, name=given, chat_id=7)
    assert paired is not None and paired.person.name == kept
    assert [p.name for p in await access.people()] == [kept]


async def test_a_person_gets_another_role_or_none_but_the_last_owner_stays(access: Access) -> None:
    await pair(access, Role.OWNER, 7)
    for role in (Role.NOBODY, Role.VIEWER):
        with pytest.raises(Refused, match="last owner"):
            await access.set_role(7, role)
    await pair(access, Role.OWNER, 8)
    assert (await access.set_role(7, Role.VIEWER)).was.role is Role.OWNER
    assert await access.role_of(7) is Role.VIEWER
    await access.set_role(7, Role.NOBODY)
    assert await access.role_of(7) is Role.NOBODY
    assert [p.user_id for p in await access.people()] == [8]
    with pytest.raises(NotFound):
        await access.set_role(7, Role.VIEWER)

"""The part of the composition root that keeps agents alive, and lets go of them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.agents.life.adoption import Adoption
from bot.agents.life.hold import Hold
from bot.agents.life.interrupt import Interrupts
from bot.agents.life.runs import Runs
from bot.agents.life.service import Life
from bot.agents.registry import Registry
from bot.agents.resources.diary import Diary
from bot.agents.state.watch import Watch
from bot.clock import Clock
from bot.fleet.cleanup import Cleanup
from bot.fleet.ending import Ending
from bot.fleet.guardian import Guardian
from bot.fleet.side import SideFiles
from bot.home import Home
from bot.operations import Services
from bot.packs import Packs
from bot.profiles.book import ProfileBook
from bot.schedule import Schedule
from bot.settings import Settings
from bot.store import Store
from bot.tmux.servers import AllPanes, split
from bot.tmux.sessions import Sessions
from bot.work.claims import Claims

SIDE_S, SWEEP_S = 5.0, 3.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """What belongs together here."""

    diary: Diary
    guardian: Guardian
    ending: Ending
    cleanup: Cleanup
    side: SideFiles
    adoption: Adoption
    hold: Hold
    interrupts: Interrupts
    runs: Runs


def make_keeping(
    home: Home,
    settings: Settings,
    store: Store,
    *,
    clock: Clock,
    registry: Registry,
    life: Life,
    watch: Watch,
    panes: AllPanes,
    sessions: Sessions,
    claims: Claims,
    packs: Packs,
    profiles: ProfileBook,
) -> Keeping:
    diary = Diary(home, clock)

    async def servers() -> set[str]:
        return {split(agent.pane)[0] for agent in await registry.all() if agent.pane and agent.adopted} - {""}

    panes.wanted = servers
    ending = Ending(home=home, store=store, clock=clock, registry=registry, life=life, panes=panes, claims=claims)
    return Keeping(
        diary=diary,
        guardian=Guardian(
            store=store, registry=registry, life=life, watch=watch, panes=panes, diary=diary, clock=clock
        ),
        ending=ending,
        cleanup=Cleanup(home=home, registry=registry, panes=panes, sessions=sessions, ending=ending, profiles=profiles),
        side=SideFiles(home, store, packs, watch),
        adoption=Adoption(registry, life, panes, sessions, profiles=profiles.all, settings=settings, clock=clock),
        hold=Hold(registry, watch),
        interrupts=Interrupts(registry, watch, panes, clock),
        runs=Runs(registry, sessions, home),
    )


def begin(services: Services) -> None:
    """From now on the end of an agent is seen to. Call it once the watch has started."""
    services.guardian.attach()
    services.watch.subscribe(services.side.changed)


def register(services: Services, schedule: Schedule) -> None:
    schedule.every(SWEEP_S, "see to dead agents", services.guardian.sweep)
    schedule.every(SIDE_S, "side windows", services.side.write)

"""Who is made from what: every service of one home, once, when it is first asked for.

The order follows from who needs whom. Where two need each other, the second is reached by a function, at the moment
of use.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import cached_property

from bot.agents.delivery.service import Deliveries
from bot.agents.environment import login_environment
from bot.agents.hooks.consent import Consent
from bot.agents.hooks.events import Hooks
from bot.agents.hooks.setup import HookSetup
from bot.agents.life.adoption import Adoption
from bot.agents.life.hold import Hold
from bot.agents.life.interrupt import Interrupts
from bot.agents.life.runs import Runs
from bot.agents.life.service import Life
from bot.agents.permissions.service import Permissions
from bot.agents.registry import Registry
from bot.agents.resources.diary import Diary
from bot.agents.resources.statistics import Statistics
from bot.agents.state.watch import Watch
from bot.beads.book import BeadsBook
from bot.broadcast.apply import Apply
from bot.broadcast.drafts import Drafts
from bot.broadcast.headroom import headroom
from bot.broadcast.sending import Sender
from bot.broadcast.survey import Survey
from bot.checkpoint import Checkpoint
from bot.clock import SystemClock
from bot.fleet.accounts import Accounts
from bot.fleet.cleanup import Cleanup
from bot.fleet.ending import Ending
from bot.fleet.guardian import Guardian
from bot.fleet.handover import Handover
from bot.fleet.moves import Moves
from bot.fleet.reservations import ANSWER_S, Reservations
from bot.fleet.resume import Resume
from bot.fleet.rotation import Rotation
from bot.fleet.self_actions import SelfActions
from bot.fleet.side import SideFiles
from bot.fleet.versions import CliVersions
from bot.home import Home
from bot.mail import AgentMail
from bot.operations import Services
from bot.packs import Packs
from bot.profiles.book import ProfileBook
from bot.profiles.secrets import ProfileSecrets
from bot.quota.service import Quota
from bot.settings import Settings, tool_environment
from bot.store import Store
from bot.store.audit import Audit
from bot.telegram.quiet import quiet_until
from bot.tmux.control import ControlClient
from bot.tmux.server import PERSONS
from bot.tmux.servers import AllPanes, split
from bot.tmux.sessions import Sessions
from bot.work.claims import Claims


class Wiring:
    """The services of one home. `background`: the caller is going to be the bot."""

    def __init__(
        self, home: Home, settings: Settings, store: Store, *, background: bool, checkpoint: Checkpoint
    ) -> None:
        self.home = home
        self.settings = settings
        self.store = store
        self.background = background
        self.checkpoint = checkpoint
        self.clock = SystemClock()
        # On the person's own server no option is changed, so it gets no configuration of ours either.
        ours = settings.tmux_socket != PERSONS and home.tmux_conf.is_file()
        self._tmux_conf = home.tmux_conf if ours else None

    # ---- tmux and the agents

    @cached_property
    def control(self) -> ControlClient:
        socket = self.settings.tmux_socket
        return ControlClient(socket, config=self._tmux_conf, guest=socket == PERSONS)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.settings.tmux_socket, self._tmux_conf)

    @cached_property
    def panes(self) -> AllPanes:
        panes = AllPanes(self.control)

        async def servers() -> set[str]:
            return {split(agent.pane)[0] for agent in await self.registry.all() if agent.pane and agent.adopted} - {""}

        panes.wanted = servers
        return panes

    @cached_property
    def secrets(self) -> ProfileSecrets:
        return ProfileSecrets(self.home)

    @cached_property
    def registry(self) -> Registry:
        return Registry(self.store, self.home, self.clock)

    @cached_property
    def watch(self) -> Watch:
        watch = Watch(self.registry, self.panes, home=self.home, clock=self.clock, profiles=self.accounts.setup)

        def limit_over(agent_id: str) -> bool:
            return self.resume.over(agent_id)

        watch.sight.limit_over = limit_over
        return watch

    @cached_property
    def life(self) -> Life:
        """Before each start the account is chosen, and a person is asked about the hooks."""
        life = Life(
            self.registry,
            self.sessions,
            self.panes,
            self.watch,
            home=self.home,
            settings=self.settings,
            clock=self.clock,
            login_env=tool_environment(),
        )
        life.secrets = self.secrets.of
        life.choose_account, life.foresee_account = self.accounts.before_start, self.accounts.foresee
        life.before_launch = self.hook_setup.before_start
        return life

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(
            self.store,
            self.registry,
            self.watch,
            self.panes,
            clock=self.clock,
            background=self.background,
            checkpoint=self.checkpoint,
        )

    @cached_property
    def hook_setup(self) -> HookSetup:
        return HookSetup(self.home, self.watch.profiles, Consent(self.store), self.audit)

    @cached_property
    def hooks(self) -> Hooks:
        return Hooks(self.registry, self.watch, self.clock)

    @cached_property
    def permissions(self) -> Permissions:
        """Its reminders keep the quiet hours."""
        return Permissions(
            self.store,
            registry=self.registry,
            watch=self.watch,
            panes=self.panes,
            deliveries=self.deliveries,
            hooks=self.hooks,
            audit=self.audit,
            clock=self.clock,
            codex_wait=self.settings.permission_wait,
            remind_after=self.settings.permission_reminder,
            quiet=lambda at: quiet_until(at, self.settings.quiet_hours, self.settings.zone),
        )

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.store, self.clock, self.secrets.blank)

    @cached_property
    def diary(self) -> Diary:
        return Diary(self.home, self.clock, self.secrets.blank)

    @cached_property
    def adoption(self) -> Adoption:
        return Adoption(
            self.registry,
            self.life,
            self.panes,
            self.sessions,
            profiles=self.profiles.all,
            settings=self.settings,
            clock=self.clock,
        )

    # ---- accounts

    @cached_property
    def profiles(self) -> ProfileBook:
        return ProfileBook(self.home)

    @cached_property
    def _tools_path(self) -> str | None:
        """The PATH on which the programs of the CLIs are found."""
        return {**tool_environment(), **login_environment(self.home)}.get("PATH")

    @cached_property
    def quota(self) -> Quota:
        return Quota(
            self.store,
            self.home,
            self.profiles,
            self.settings,
            self.clock,
            path=lambda: self._tools_path,
            secret_names=self.secrets.names,
        )

    @cached_property
    def handover(self) -> Handover:
        return Handover(self.quota)

    @cached_property
    def accounts(self) -> Accounts:
        return Accounts(self.home, self.profiles, self.quota, self.registry, self.handover)

    @cached_property
    def rotation(self) -> Rotation:
        return Rotation(
            self.store,
            self.clock,
            registry=self.registry,
            watch=self.watch,
            life=self.life,
            accounts=self.accounts,
            quota=self.quota,
            handover=self.handover,
            actions=self.actions,
            mail=self.settings.enable_agent_mail,
        )

    @cached_property
    def resume(self) -> Resume:
        return Resume(
            self.store,
            self.clock,
            registry=self.registry,
            watch=self.watch,
            deliveries=self.deliveries,
            quota=self.quota,
            claims=self.claims,
            packs=self.packs,
            book=self.book,
            actions=self.actions,
        )

    # ---- work

    @cached_property
    def packs(self) -> Packs:
        return Packs(self.home)

    @cached_property
    def book(self) -> BeadsBook:
        binary = "bd" if self.settings.enable_beads else None
        return BeadsBook(tool_environment(), binary=binary, clock=self.clock)

    @cached_property
    def claims(self) -> Claims:
        return Claims(self.store, self.book, self.clock)

    @cached_property
    def survey(self) -> Survey:
        return Survey(self.watch, self.book, self.claims, lambda: headroom(self.quota))

    @cached_property
    def drafts(self) -> Drafts:
        return Drafts(
            self.store,
            self.clock,
            survey=self.survey,
            packs=self.packs,
            ttl=self.settings.draft_ttl,
            zone=self.settings.zone,
        )

    @cached_property
    def apply(self) -> Apply:
        sender = Sender(
            self.store,
            self.clock,
            survey=self.survey,
            claims=self.claims,
            book=self.book,
            deliveries=self.deliveries,
            checkpoint=self.checkpoint,
        )
        return Apply(self.store, self.clock, sender=sender, claims=self.claims, checkpoint=self.checkpoint)

    # ---- the end of agents

    @cached_property
    def guardian(self) -> Guardian:
        return Guardian(
            store=self.store,
            registry=self.registry,
            life=self.life,
            watch=self.watch,
            panes=self.panes,
            diary=self.diary,
            actions=self.actions,
            clock=self.clock,
        )

    @cached_property
    def ending(self) -> Ending:
        return Ending(
            home=self.home,
            store=self.store,
            registry=self.registry,
            life=self.life,
            deliveries=self.deliveries,
            rotation=self.rotation,
            resume=self.resume,
            actions=self.actions,
            panes=self.panes,
            hooks=self.hooks,
            claims=self.claims,
            reservations=self.reservations,
        )

    @cached_property
    def reservations(self) -> Reservations:
        settings = self.settings
        mail = None
        if settings.enable_agent_mail:
            mail = AgentMail(settings.agent_mail_url, settings.agent_mail_token, timeout=ANSWER_S)
        return Reservations(self.store, self.watch.sight.files, clock=self.clock, mail=mail)

    @cached_property
    def cleanup(self) -> Cleanup:
        return Cleanup(
            home=self.home,
            registry=self.registry,
            panes=self.panes,
            sessions=self.sessions,
            ending=self.ending,
            reservations=self.reservations,
            profiles=self.profiles,
        )

    @cached_property
    def side(self) -> SideFiles:
        return SideFiles(self.home, self.store, self.packs, self.watch, self.claims)

    # ---- what people do with agents

    @cached_property
    def moves(self) -> Moves:
        return Moves(
            self.store,
            self.clock,
            registry=self.registry,
            rotation=self.rotation,
            watch=self.watch,
            accounts=self.accounts,
            quota=self.quota,
            actions=self.actions,
        )

    @cached_property
    def actions(self) -> SelfActions:
        return SelfActions(self.store, self.clock, self.audit)

    @cached_property
    def hold(self) -> Hold:
        return Hold(self.registry, self.watch)

    @cached_property
    def interrupts(self) -> Interrupts:
        return Interrupts(self.registry, self.watch, self.panes, self.clock)

    @cached_property
    def runs(self) -> Runs:
        return Runs(self.registry, self.sessions, self.home)

    @cached_property
    def statistics(self) -> Statistics:
        return Statistics(self.store, self.registry, self.watch, self.clock)

    @cached_property
    def versions(self) -> CliVersions:
        return CliVersions(self.store, self.registry, lambda: self._tools_path)

    def services(self) -> Services:
        """All that operations and handlers may use: each has its name here too."""
        made = (field.name for field in fields(Services) if field.default is field.default_factory is MISSING)
        return Services(**{name: getattr(self, name) for name in made})

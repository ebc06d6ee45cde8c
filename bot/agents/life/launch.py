"""What an agent is started with: argv, environment, the conversation it goes on with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from bot.agents.environment import ProfileSetup, agent_environment, login_environment
from bot.agents.model import Agent
from bot.agents.types import AgentType
from bot.clis.entry import Conversation
from bot.clis.kinds import cli_for
from bot.clis.login import how_to_log_in, login_of
from bot.envfile import read_env
from bot.errors import DependencyMissing
from bot.home import Home


class LoginNeeded(DependencyMissing):
    """This agent's account is not logged in."""

    code = "login_needed"


@dataclass(frozen=True, slots=True)
class Start:
    """Everything that a start needs; `conversation` is what it goes on with."""

    argv: tuple[str, ...]
    env: dict[str, str]
    conversation: Conversation | None


def prepare(
    agent: Agent,
    type_: AgentType,
    setup: ProfileSetup,
    *,
    home: Home,
    login_env: Mapping[str, str],
    secrets: Callable[[str | None], Mapping[str, str]],
    others: Collection[Agent] = (),
    same_home: bool = False,
) -> Start:
    """Blocks. `secrets` gives those of a profile, which nobody but its agent gets. `same_home`: another agent works in
    the same folder on the same account, so files tell nothing for sure.

    Raises DependencyMissing (its CLI is not installed), LoginNeeded, Refused (others may read its secrets).
    """
    login = {**login_env, **login_environment(home)}
    agent_env = read_env(home.agent_env)
    path = {**login, **agent_env, **type_.env, **setup.env}.get("PATH")
    if setup.home is not None:
        setup.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    conversation = _resumable(agent, setup) or (None if same_home else _lost(agent, setup, others))
    launch = cli_for(agent.kind).launch(
        home=setup.home,
        workdir=agent.workdir,
        resume=conversation.id if conversation else None,
        extra=type_.command,
        path=path,
    )
    env = agent_environment(
        login=login,
        agent_env=agent_env,
        type_env=type_.env,
        profile_env={**setup.env, **secrets(agent.profile)},
        cli_env=launch.env,
        agent_id=agent.id,
        home=home.root,
    )
    if login_of(agent.kind, setup.home, env) == "needed":
        account = f"profile {agent.profile}" if agent.profile else "your own account"
        raise LoginNeeded(
            f"{agent.id} cannot start: {agent.kind} is not logged in ({account}).",
            hint=f"Log in once in a terminal: {how_to_log_in(agent.kind, setup.home)}",
        )
    return Start(launch.argv, env, conversation)


def share_files(one: Agent, other: Agent) -> bool:
    """Whether the files of two agents lie together, so that a conversation could be either's."""
    return (
        one.id != other.id
        and one.kind == other.kind != "demo"
        and (one.profile, one.workdir) == (other.profile, other.workdir)
    )


def _resumable(agent: Agent, setup: ProfileSetup) -> Conversation | None:
    """Its conversation, if its CLI still has it."""
    if agent.conversation is None or agent.transcript is None:
        return None
    known = Conversation(agent.conversation, agent.transcript)
    return cli_for(agent.kind).kept(setup.home, agent.workdir, known)


def _lost(agent: Agent, setup: ProfileSetup, others: Collection[Agent]) -> Conversation | None:
    """The conversation of an agent that ended before we had read which one it was."""
    if agent.started_at is None or agent.conversation is not None:
        return None
    found = cli_for(agent.kind).conversation(
        home=setup.home, workdir=agent.workdir, pid=None, known=None, since=agent.started_at
    )
    if found is None or any(other.conversation == found.id for other in others):
        return None
    return found

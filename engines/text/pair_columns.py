"""Which columns of a table ask and which answer, or which hold sentences and which their translations."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engines.contract import InputError, Problem
from engines.data.row_sampling import listed
from engines.data.tables import Table
from engines.messages import _
from engines.text.column_looks import Look, look_at
from engines.text.column_names import CHATS, CONTEXTS, LANGUAGES, PROMPTS, RESPONSES, SOURCES, SYSTEMS, TARGETS
from engines.text.columns import NOTHING, Guess, split_column

CHATS_ACCEPTED = _("accepted: a column of questions and one of answers, or a column of messages (role, content)")
PAIRS_ACCEPTED = _("accepted: a column of sentences and one of their translations")


def guess_conversations(
    table: Table,
    *,
    prompt_column: str | None = None,
    context_column: str | None = None,
    response_column: str | None = None,
    messages_column: str | None = None,
    split_column: str | None = None,
    accept_guesses: bool = False,
) -> Guess:
    """The column 'messages' of whole chats, or the columns 'prompt' and 'response', with 'context' where one holds what
    is read behind the question and 'system' where one holds what is said before it; and 'split'.

    Raises InputError for a name that the table lacks, a table without either and columns that may as well be others.
    """
    looks = look_at(table)
    if messages_column:
        name = table.columns[table.index(messages_column)]
        found = Guess({"messages": name}, _("'{name}' holds the conversations, as you say.", name=name))
        return _with_split(table, found, split_column)
    chats = sorted((look for look in looks if look.chats > 0.5), key=lambda look: (look.key not in CHATS, -look.chats))
    if chats and not (prompt_column or response_column):
        others = [look.name for look in chats[1:]]
        found = Guess(
            {"messages": chats[0].name},
            _("'{name}' holds whole conversations.", name=chats[0].name),
            {"messages": others},
        )
        return _with_split(table, found, split_column)
    asks = _Role("prompt", PROMPTS, prompt_column, accept_guesses)
    answers = _Role("response", RESPONSES, response_column, accept_guesses)
    return _with_split(
        table,
        _with_context(table, looks, _two_columns(table, looks, asks, answers, CHATS_ACCEPTED), context_column),
        split_column,
    )


def guess_pairs(
    table: Table,
    *,
    source_column: str | None = None,
    target_column: str | None = None,
    split_column: str | None = None,
    accept_guesses: bool = False,
) -> Guess:
    """The columns 'source' and 'target' of sentence pairs, and 'split'.

    Raises InputError for a name that the table lacks, a table without two columns of text and columns that may as well
    be others.
    """
    source = _Role("source", SOURCES, source_column, accept_guesses)
    target = _Role("target", TARGETS, target_column, accept_guesses)
    return _with_split(table, _two_columns(table, look_at(table), source, target, PAIRS_ACCEPTED), split_column)


@dataclass(frozen=True)
class _Role:
    """What a column is for."""

    name: str
    called: tuple[str, ...]
    """Often."""
    given: str | None
    """What a person said it is called."""
    accept_guesses: bool


def _two_columns(table: Table, looks: list[Look], one: _Role, other: _Role, accepted: str) -> Guess:
    """Two columns of text: those that were named, else those that are called like it, else the first two."""
    roles: dict[str, str] = {}
    reasons = []
    split, _unused = split_column(table)
    for role in (one, other):
        if role.given:
            roles[role.name] = table.columns[table.index(role.given)]
            reasons.append(_("'{roles}' is the {name}, as you say", roles=roles[role.name], name=role.name))
    for role in (one, other):
        if role.given:
            continue
        taken = {*roles.values(), split}
        free = [look for look in looks if look.name not in taken and look.numeric < 0.9 and look.filled]
        called = sorted(
            (look for look in free if look.key in role.called), key=lambda look: role.called.index(look.key)
        )
        if role is other and one.name in roles:  # a pair often is 'source' and 'de', or 'en' and 'de'
            called.sort(key=lambda look: look.key in LANGUAGES)
        left = 1 if other.given or role is other else 2  # the columns that are to be found among these
        texts = called or _running(free, left)
        if not texts:
            found = _(
                "there is no column for the {name} (its columns are {columns})",
                name=role.name,
                columns=listed(table.columns),
            )
            raise InputError(Problem(table.name, found, accepted))
        if not called and len(texts) > left and not role.accept_guesses:
            names = [look.name for look in texts]
            found = _(
                "of the columns of {name}, {names} may be the {role_name}",
                name=table.name,
                names=listed(names, 4),
                role_name=role.name,
            )
            raise InputError(
                Problem(_("setting {name}_column", name=role.name), found, _("say which it is"), choices=tuple(names))
            )
        roles[role.name] = texts[0].name
        reasons.append(
            _("'{roles}' is the {name}", roles=roles[role.name], name=role.name)
            + (_(", by its name") if called else _(", by its place"))
        )
    if len(set(roles.values())) < len(roles):
        found = _(
            "'{roles}' cannot be both {name} and {other_name}",
            roles=roles[one.name],
            name=one.name,
            other_name=other.name,
        )
        raise InputError(Problem(table.name, found, accepted))
    others = [name for name in table.columns if name not in roles.values() and name != split]
    turned = {one.name: [*others, roles[other.name]], other.name: [*others, roles[one.name]]}
    ordered = {one.name: roles[one.name], other.name: roles[other.name]}
    return Guess(ordered, "; ".join(reasons) + ".", turned)


def _running(free: list[Look], left: int) -> list[Look]:
    """Columns that may hold sentences; those that look like identifiers only where there are not `left` others."""
    texts = [look for look in free if look.text_score > 0]
    plain = [look for look in texts if not look.is_identifier]
    return plain if len(plain) >= left else texts


def _with_context(table: Table, looks: list[Look], guess: Guess, asked: str | None) -> Guess:
    """With the columns that belong to a question: what is read behind it, and what is said before it."""
    taken = {*guess.roles.values(), split_column(table)[0]}
    free = [look for look in looks if look.name not in taken and look.numeric < 0.9]
    named = {
        role: next((look.name for look in free if look.key in names), None)
        for role, names in (("context", CONTEXTS), ("system", SYSTEMS))
    }
    if asked is not None:
        is_none = asked.casefold() == NOTHING and asked not in table.columns
        named["context"] = None if is_none else table.columns[table.index(asked)]
    found = {role: name for role, name in named.items() if name is not None}
    said = {"context": _("is read behind the question"), "system": _("is what a conversation begins with")}
    reasons = [guess.reason, *(f"'{name}' {said[role]}." for role, name in found.items())]
    others = [look.name for look in free if look.name not in found.values()]
    context = [*([NOTHING] if "context" in found else []), *others]
    return replace(
        guess,
        roles={**guess.roles, **found},
        reason=" ".join(reasons),
        alternatives={**guess.alternatives, "context": context},
    )


def _with_split(table: Table, guess: Guess, asked: str | None) -> Guess:
    """With the column that says what each row is for, and with a note on the columns that nothing is read of."""
    split, notes = split_column(table, asked)
    roles = guess.roles | ({"split": split} if split else {})
    if unread := [name for name in table.columns if name not in roles.values()]:
        notes = [*notes, _("Not read: {unread}.", unread=listed(unread, 6))]
    return replace(guess, roles=roles, notes=notes)

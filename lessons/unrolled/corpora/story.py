"""Stories from a grammar whose every next-word probability is known: a corpus for language models.

A story names a hero and a place, and refers to them until it ends; beings agree with their verbs across relative
clauses; what is taken is put down before the end; quotations close. Each choice of the grammar shows at once in the
word it gives, so that the words so far tell where the grammar is. The probability of a word given all words before it
is then the probability of one choice, and the entropy of the source is a finite sum.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, identity
from scipy.sparse.linalg import spsolve

# Each setting: places | beings | things | verbs. The first of a list is the most frequent.
_SETTINGS = {
    "sea": "harbour pier beach lighthouse island bay"
    "|sailor captain pirate diver fisher gull seal dolphin crab turtle whale smuggler"
    "|rope paddle net sail cable compass barrel lantern hook shell pearl raft flag telescope"
    "|tow haul unload rescue float",
    "forest": "forest glade hollow thicket swamp grove"
    "|hunter wizard ranger bear badger squirrel falcon beaver rabbit raven hermit goblin"
    "|hatchet bow quiver mushroom chestnut feather nest horn cloak stick torch root branch log"
    "|hunt track gather climb chop",
    "castle": "castle tower dungeon courtyard chapel moat"
    "|knight guard servant jester baron duke herald dragon ghost squire steward minstrel"
    "|crown sword shield helmet banner goblet ring scroll candle mirror tapestry spear dagger jewel"
    "|defend attack salute capture besiege",
    "market": "market square bakery bank tavern arcade"
    "|merchant baker beggar banker buyer peddler trader dealer customer porter tailor juggler"
    "|coin purse basket loaf cheese ribbon carpet vase ledger sack bottle parcel spice scale"
    "|sell weigh count deliver praise",
    "farm": "farm barn stable orchard meadow mill"
    "|farmer shepherd milkmaid goat cow pig horse lamb hen rooster donkey miller"
    "|bucket plough rake shovel carrot pumpkin pear saddle fence pitchfork turnip halter scythe wheelbarrow"
    "|feed milk harvest water groom",
    "school": "school library classroom gymnasium playground dormitory"
    "|teacher pupil student librarian scholar tutor monitor janitor professor poet rector warden"
    "|book pencil slate satchel globe dictionary ruler notebook blackboard chart sponge story desk quill"
    "|read correct explain describe memorise",
    "mountain": "mountain cave glacier summit canyon ridge"
    "|climber giant condor yak miner guide hawk yeti marmot dwarf monk porcupine"
    "|pickaxe crystal boulder tent blanket map sled nugget whistle ladder backpack gem snowshoe stove"
    "|dig melt drag roll lift",
    "inn": "inn kitchen cellar pantry parlour garden"
    "|cook waiter landlord maid guest butler cat rat sparrow gardener butcher brewer"
    "|pot pan knife spoon plate kettle cake pie leek potato jug napkin cauldron ladle"
    "|bake boil slice taste serve",
    "theatre": "theatre stage ballroom opera gallery studio"
    "|player singer dancer drummer violinist clown painter composer conductor puppet magician prompter"
    "|drum violin flute costume mask ticket curtain piano trumpet wig script fan bouquet poster"
    "|rehearse applaud paint draw perform",
    "workshop": "workshop forge factory garage shipyard foundry"
    "|smith carpenter mechanic founder potboy driver welder robot potter tinker mason plumber"
    "|hammer wrench nail clock motor gear spring lamp wheel chain bellows chisel saw bolt"
    "|repair build weld measure sharpen",
}
# Rare words are compounds: every thing of every material, every being of every kind.
_MATERIALS = "silver wooden golden glass copper"
_KINDS = "chief foreign"
_ADJECTIVES = (
    "little young big good poor strange happy small great tall brave quiet clever lonely sad kind proud famous "
    "wise tired hungry rich beautiful dark gentle wild cold warm bright heavy white black red green blue grey yellow "
    "brown new long short round thin fat clean dirty wet dry soft hard loud slow quick late lazy busy "
    "curious careful careless polite rude shy bold calm cruel fierce funny generous grumpy humble jolly lively "
    "merry mighty modest nervous noble patient plain pleasant precious pretty secret serious sharp silent silly "
    "simple sleepy smooth steady stubborn sudden sweet tender tiny weary wicked wonderful worried deaf lame mad "
    "sick weak strong fresh"
)
_INTRANSITIVE = (
    "sleep laugh sing wait dream smile wonder work rest weep sit listen shout stay sneeze stumble tremble whisper yawn "
    "snore shiver pray fall frown grumble hesitate jump kneel linger mutter nod pause sigh smoke stare suffer"
)
_TRANSITIVE = (
    "see like follow find watch call want remember know fear hear love need seek avoid trust chase forget believe "
    "blame greet ignore imitate inspect annoy attract bother comfort disturb doubt frighten notice obey protect "
    "recognise respect surprise threaten trick visit"
)
_NAMES = {
    "m": "tom john peter max paul sam ben jack leo adam karl hugo ivan oscar felix simon victor henry martin robert "
    "david frank george arthur albert bruno daniel edgar ernest gustav harold jacob julian kenneth lewis marcus nathan "
    "oliver patrick philip quentin ralph samuel theodore ulrich walter xavier zeno",
    "f": "mary anna emma lucy clara eva nora alice rosa julia ella ida sophie helen laura maria ruth sarah grace flora "
    "agnes amelia beatrice bertha carol cecilia daphne diana edith elsa esther frieda gloria hannah irene isabel "
    "judith lydia martha matilda nadia olivia paula rachel sylvia ursula vera winifred",
}
_ROLES = {
    "m": "man boy king prince cousin brother father grandfather lad nephew",
    "f": "woman girl queen princess widow sister mother grandmother lass niece",
}
_PLAIN_CLASSES = {
    "adjective": _ADJECTIVES,
    "adverb": "slowly quietly quickly happily again sadly often softly loudly bravely gladly badly gently kindly "
    "calmly eagerly proudly secretly politely wisely rarely boldly warmly coldly",
    "opener": "then soon later now suddenly meanwhile today finally afterwards sometimes",
    "conjunction": "and but because while until although",
    "motion": "goes walks runs hurries rides travels wanders flees",
    "social": "meets helps thanks marries teaches invites kisses misses pushes catches",
    "take": "takes buys steals borrows",
    "use": "uses holds carries shows polishes admires hides",
    "drop": "drops loses throws breaks",
    **{f"name_{g}": _NAMES[g] for g in "mf"},
    **{f"role_{g}": _ROLES[g] for g in "mf"},
    "intransitive_p": _INTRANSITIVE,
    "intransitive_s": " ".join(word + "s" for word in _INTRANSITIVE.split()),
    "transitive_p": _TRANSITIVE,
    "transitive_s": " ".join(word + "s" for word in _TRANSITIVE.split()),
}
STORY_SETTINGS: tuple[str, ...] = tuple(_SETTINGS)
STORY_END = "<eos>"
_ENDING = ("last", "=name0", "comes", "home", "to", "the", "=place", ".", STORY_END)
_SHIFT = 1.5  # probabilities of a class fall like 1 / (1 + shift), 1 / (2 + shift), …
_SUBJECT, _OBJECT = {"m": "he", "f": "she"}, {"m": "him", "f": "her"}
_OWN, _SELF = {"m": "his", "f": "her"}, {"m": "himself", "f": "herself"}
_OTHER = {"m": "f", "f": "m", "": ""}
_REGISTERS = ("place", "name0", "role0", "name1", "role1", "held0", "held1")
_DEEPEST_QUOTE, _DEEPEST_CLAUSE = 2, 3


def _setting_classes(name: str) -> dict[str, list[str]]:
    places, beings, things, verbs = (part.split() for part in _SETTINGS[name].split("|"))
    beings += [f"{kind}-{being}" for kind in _KINDS.split() for being in beings]
    things += [f"{material}-{thing}" for material in _MATERIALS.split() for thing in things]
    return {
        "place": places,
        "being_s": beings,
        "being_p": [being + "s" for being in beings],
        "thing": things,
        "topical_p": verbs,
        "topical_s": [verb + "s" for verb in verbs],
    }


def _falling(size: int) -> np.ndarray:
    weights = 1 / (np.arange(1, size + 1) + _SHIFT)
    return weights / weights.sum()


# The grammar: where it is, and where it can go


class _State(NamedTuple):
    """All that the next choice depends on, except which words stand in the registers.

    Attributes:
        at: the rule.
        pending: words (or "=register") that come first, one by one, without a choice.
        hero: "m" or "f", "" before it is known. The companion is of the other gender.
        known: whether there is a companion yet.
        full: whether the hero, and the companion, hold something.
        depth: how many quotations are open.
        who: whose verb comes: 0 the hero, 1 the companion, -1 somebody else.
        heads: "s" or "p" for each noun that still waits for its verb, the innermost last.
    """

    at: str
    pending: tuple[str, ...] = ()
    hero: str = ""
    known: bool = False
    full: tuple[bool, bool] = (False, False)
    depth: int = 0
    who: int = -1
    heads: str = ""


class _Arc(NamedTuple):
    """One choice: `weight` (normalised over the arcs of a state), the word's origin, and what follows.

    `origin` is a word, "=register" for the word that a register holds, or "*class" for a draw from a class.
    `store` names the register that keeps the word. `move` copies a register's word into another.
    """

    weight: float
    origin: str
    then: _State
    store: str = ""
    move: tuple[str, str] | None = None


def _held(full: tuple[bool, bool], who: int, value: bool) -> tuple[bool, bool]:
    return (value, full[1]) if who == 0 else (full[0], value)


def _arcs(s: _State) -> list[_Arc]:
    """List the choices at a state."""
    if s.pending:
        return [_Arc(1.0, s.pending[0], s._replace(pending=s.pending[1:]))]
    return _RULES[s.at](s)


def _to(s: _State, at: str, words: str = "", **changes: object) -> _State:
    return s._replace(at=at, pending=tuple(words.split()), **changes)


def _open(s: _State) -> list[_Arc]:
    begins = ((5, "once", "in the"), (3, "long", "ago in the"), (2, "far", "away in the"))
    return [_Arc(weight, word, _to(s, "home", then)) for weight, word, then in begins]


def _home(s: _State) -> list[_Arc]:
    return [_Arc(1, "*home", _to(s, "hero", "there lives a"), "place")]


def _hero(s: _State, adjective: bool = True) -> list[_Arc]:
    roles = [_Arc(1, f"*role_{g}", _to(s, "hero name", "named", hero=g), "role0") for g in "mf"]
    return [*roles, _Arc(2, "*adjective", _to(s, "hero role"))] if adjective else roles


def _hero_name(s: _State) -> list[_Arc]:
    return [_Arc(1, f"*name_{s.hero}", _to(s, "sentence", "."), "name0")]


def _companion(s: _State, adjective: bool = True) -> list[_Arc]:
    role = _Arc(1, f"*role_{_OTHER[s.hero]}", _to(s, "companion name", "named"), "role1")
    return [role, _Arc(1, "*adjective", _to(s, "companion role"))] if adjective else [role]


def _companion_name(s: _State) -> list[_Arc]:
    return [_Arc(1, f"*name_{_OTHER[s.hero]}", _to(s, "clause end", known=True), "name1")]


def _sentence(s: _State) -> list[_Arc]:
    found = [_Arc(8, "*opener", _to(s, "clause"))]
    if not any(s.full):  # what was taken is put down before the end
        found.append(_Arc(9, "at", _State("open", _ENDING)))
    rest = _clause(s)
    share = (50 - sum(arc.weight for arc in found)) / sum(arc.weight for arc in rest)
    return found + [arc._replace(weight=arc.weight * share) for arc in rest]


def _clause(s: _State) -> list[_Arc]:
    hero, other = s.hero, _OTHER[s.hero]
    found = [
        _Arc(12, "=name0", _to(s, "person", who=0)),
        _Arc(12, _SUBJECT[hero], _to(s, "person", who=0)),
        _Arc(16, "the", _to(s, "subject", who=-1)),
        _Arc(3, "every", _to(s, "subject s", who=-1)),
        _Arc(3, "many", _to(s, "subject p", who=-1)),
    ]
    if s.known:
        found += [
            _Arc(10, "=name1", _to(s, "person", who=1)),
            _Arc(10, _SUBJECT[other], _to(s, "person", who=1)),
        ]
    elif s.depth == 0:
        found.append(_Arc(20, "there", _to(s, "companion", "comes a", who=-1)))
    if s.depth:
        found += [_Arc(w, word, _to(s, "verb", who=-1, heads="p")) for w, word in ((8, "i"), (4, "you"))]
    return found


def _subject(s: _State, numbers: str = "sp", roles: bool = True, adjective: float = 3) -> list[_Arc]:
    found = [_Arc(5 if n == "s" else 4, f"*being_{n}", _to(s, "head", heads=s.heads + n)) for n in numbers]
    if adjective:
        found.append(
            _Arc(
                adjective,
                "*adjective",
                _to(s, {"sp": "subject more", "s": "subject s more", "p": "subject p more"}[numbers]),
            )
        )
    if roles:
        found.append(_Arc(5, "=role0", _to(s, "person", who=0)))
        if s.known:
            found.append(_Arc(4, "=role1", _to(s, "person", who=1)))
    return found


def _head(s: _State) -> list[_Arc]:
    """After a noun that waits for its verb: a relative clause, a place, or the verb."""
    found = [_Arc(3, "near", _to(s, "head place", "the"))]
    if len(s.heads) < _DEEPEST_CLAUSE:
        found.append(_Arc(8 if len(s.heads) == 1 else 3, "who", _to(s, "relative")))
    return found + _verb(s)


def _head_place(s: _State) -> list[_Arc]:
    return [_Arc(1, "*place", _to(s, "verb"))]


def _verb(s: _State) -> list[_Arc]:
    """The verb of the innermost noun that waits. The noun of a relative clause takes one whose object is known."""
    n, left = s.heads[-1], s.heads[:-1]
    if left:
        return [_Arc(w, f"*{verb}_{n}", _to(s, "verb", heads=left)) for w, verb in ((10, "transitive"), (5, "topical"))]
    return [
        _Arc(7, f"*intransitive_{n}", _to(s, "clause end", heads="")),
        _Arc(6, f"*transitive_{n}", _to(s, "object", heads="")),
        _Arc(4, f"*topical_{n}", _to(s, "object", heads="")),
        _Arc(3, {"s": "is", "p": "are"}[n], _to(s, "quality", heads="")),
    ]


def _relative(s: _State) -> list[_Arc]:
    """After "who": what the noun does, or who does something to it."""
    n = s.heads[-1]
    found = [
        _Arc(4, f"*intransitive_{n}", _to(s, "verb")),
        _Arc(3, f"*transitive_{n}", _to(s, "object")),
        _Arc(2, f"*topical_{n}", _to(s, "object")),
        _Arc(2, "=name0", _to(s, "relative person")),
    ]
    if len(s.heads) < _DEEPEST_CLAUSE:
        found.append(_Arc(6, "the", _to(s, "relative noun")))
    return found


def _relative_person(s: _State) -> list[_Arc]:
    return [_Arc(w, f"*{verb}_s", _to(s, "verb")) for w, verb in ((10, "transitive"), (5, "topical"))]


def _relative_noun(s: _State) -> list[_Arc]:
    return [_Arc(1, f"*being_{n}", _to(s, "head", heads=s.heads + n)) for n in "sp"]


def _done(s: _State, **changes: object) -> _State:
    """Where it goes on after an object: to the noun that still waits for its verb, or to the end of the clause."""
    return _to(s, "verb" if s.heads else "clause end", **changes)


def _object(s: _State) -> list[_Arc]:
    found = [_Arc(10, "the", _to(s, "object the")), _Arc(7, "a", _to(s, "object a"))]
    people = [(0, s.hero)] + ([(1, _OTHER[s.hero])] if s.known else [])
    for who, gender in people:
        if who == s.who:
            found.append(_Arc(2, _SELF[gender], _done(s)))
        else:
            found += [_Arc(3, f"=name{who}", _done(s)), _Arc(3, _OBJECT[gender], _done(s))]
    return found


def _object_the(s: _State, adjective: bool = True) -> list[_Arc]:
    found = [_Arc(9, "*thing", _done(s)), _Arc(3, "*being_s", _done(s)), _Arc(3, "*being_p", _done(s))]
    return [*found, _Arc(5, "*adjective", _to(s, "object the more"))] if adjective else found


def _object_a(s: _State, adjective: bool = True) -> list[_Arc]:
    found = [_Arc(9, "*thing", _done(s)), _Arc(4, "*being_s", _done(s))]
    return [*found, _Arc(5, "*adjective", _to(s, "object a more"))] if adjective else found


def _quality(s: _State) -> list[_Arc]:
    return [_Arc(1, "*adjective", _to(s, "quote end"))]


def _person(s: _State) -> list[_Arc]:
    """What the hero or the companion does."""
    who, holds = s.who, s.full[s.who]
    found = [
        _Arc(8, "*intransitive_s", _to(s, "clause end")),
        _Arc(9, "*transitive_s", _to(s, "object")),
        _Arc(6, "*topical_s", _to(s, "object")),
        _Arc(3, "is", _to(s, "quality")),
        _Arc(5, "*motion", _to(s, "end place", "to the")),
        _Arc(3, "returns", _to(s, "clause end", "to the =place")),
    ]
    if s.depth < _DEEPEST_QUOTE:
        found.append(_Arc(9, "says", _to(s, "says")))
    if s.known:
        found.append(_Arc(6, "*social", _to(s, "other")))
    if not holds and s.depth == 0:
        found.append(_Arc(12, "*take", _to(s, "take", "a")))
    if holds:
        found.append(_Arc(14, "*use", _to(s, "use")))
        if s.depth == 0:
            found.append(_Arc(22, "*drop", _to(s, "drop")))
            if s.known and not s.full[1 - who]:
                found.append(_Arc(8, "gives", _to(s, "give")))
    return found


def _says(s: _State) -> list[_Arc]:
    found = [_Arc(3, "``", _to(s, "clause", depth=s.depth + 1))]
    return [*found, _Arc(1, "hello", _to(s, "other", "to"))] if s.known else found


def _other(s: _State) -> list[_Arc]:
    other = 1 - s.who
    gender = s.hero if other == 0 else _OTHER[s.hero]
    return [
        _Arc(5, f"=name{other}", _to(s, "clause end")),
        _Arc(4, _OBJECT[gender], _to(s, "clause end")),
        _Arc(2, "the", _to(s, "clause end", f"=role{other}")),
    ]


def _take(s: _State, adjective: bool = True) -> list[_Arc]:
    thing = _Arc(3, "*thing", _to(s, "clause end", full=_held(s.full, s.who, True)), f"held{s.who}")
    return [thing, _Arc(1, "*adjective", _to(s, "take more"))] if adjective else [thing]


def _with_held(s: _State, then: _State, words: str = "", move: tuple[str, str] | None = None) -> list[_Arc]:
    """ "the" or "his", then what is held, then other words."""
    own = _OWN[s.hero if s.who == 0 else _OTHER[s.hero]]
    after = then._replace(pending=(f"=held{s.who}", *words.split()))
    return [_Arc(1, "the", after), _Arc(1, own, after)]


def _use(s: _State) -> list[_Arc]:
    return _with_held(s, _to(s, "clause end"))


def _drop(s: _State) -> list[_Arc]:
    return _with_held(s, _to(s, "clause end", full=_held(s.full, s.who, False)))


def _give(s: _State) -> list[_Arc]:
    return _with_held(s, _to(s, "given", full=(s.who == 1, s.who == 0)), "to")


def _given(s: _State) -> list[_Arc]:
    return [arc._replace(move=(f"held{s.who}", f"held{1 - s.who}")) for arc in _other(s)]


def _clause_end(s: _State, more: bool = True) -> list[_Arc]:
    end = _Arc(14, "''", _to(s, "quote end", depth=s.depth - 1)) if s.depth else _Arc(14, ".", _to(s, "sentence"))
    found = [end, _Arc(3, "*conjunction", _to(s, "clause"))]
    if more:
        found += [_Arc(3, "*adverb", _to(s, "quote end")), _Arc(3, "in", _to(s, "end place", "the"))]
    return found


def _end_place(s: _State) -> list[_Arc]:
    return [_Arc(1, "*place", _to(s, "quote end"))]


_RULES: dict[str, Callable[[_State], list[_Arc]]] = {
    "open": _open,
    "home": _home,
    "hero": _hero,
    "hero role": lambda s: _hero(s, adjective=False),
    "hero name": _hero_name,
    "companion": _companion,
    "companion role": lambda s: _companion(s, adjective=False),
    "companion name": _companion_name,
    "sentence": _sentence,
    "clause": _clause,
    "subject": _subject,
    "subject more": lambda s: _subject(s, roles=False, adjective=1),
    "subject s": lambda s: _subject(s, "s", roles=False),
    "subject s more": lambda s: _subject(s, "s", roles=False, adjective=0),
    "subject p": lambda s: _subject(s, "p", roles=False),
    "subject p more": lambda s: _subject(s, "p", roles=False, adjective=0),
    "head": _head,
    "head place": _head_place,
    "verb": _verb,
    "relative": _relative,
    "relative person": _relative_person,
    "relative noun": _relative_noun,
    "object": _object,
    "object the": _object_the,
    "object the more": lambda s: _object_the(s, adjective=False),
    "object a": _object_a,
    "object a more": lambda s: _object_a(s, adjective=False),
    "quality": _quality,
    "person": _person,
    "says": _says,
    "other": _other,
    "take": _take,
    "take more": lambda s: _take(s, adjective=False),
    "use": _use,
    "drop": _drop,
    "give": _give,
    "given": _given,
    "clause end": _clause_end,
    "quote end": lambda s: _clause_end(s, more=False),
    "end place": _end_place,
}


# The grammar as a table: every state with the numbers of its words


@dataclass(frozen=True)
class _Node:
    cumulative: list[float]  # of the arcs
    chances: list[float]  # of the arcs
    arcs: list[tuple[int, int, int, int, int, int]]  # (kind, what, next node, store, from, to); -1 for none


_WORD, _RECALL, _DRAW, _HOME = range(4)


class _Grammar:
    """All states that a story can reach, as numbered nodes, and the classes of words of every setting."""

    def __init__(self) -> None:
        settings = [_setting_classes(name) for name in STORY_SETTINGS]
        plain = {name: words.split() for name, words in _PLAIN_CLASSES.items()}
        home = [place for classes in settings for place in classes["place"]]
        rules = self._reachable()
        words: dict[str, None] = dict.fromkeys([STORY_END, "."])
        for arcs in rules:
            words.update(dict.fromkeys(arc.origin for arc in arcs if arc.origin[0] not in "=*"))
        for each in (plain, *settings):
            for members in each.values():
                words.update(dict.fromkeys(members))
        self.vocabulary = tuple(words)
        self.index = {word: k for k, word in enumerate(self.vocabulary)}

        self.class_names = [*plain, *settings[0], "home"]
        self.classes = []  # for each setting, for each class, the numbers of its words
        for classes in settings:
            members = {**plain, **classes, "home": home}
            self.classes.append([[self.index[w] for w in members[name]] for name in self.class_names])
        self.chances = [_falling(len(ids)) for ids in self.classes[0]]
        self.chances[-1] = np.tile(self.chances[self.class_names.index("place")], len(settings)) / len(settings)
        self.cumulative = [np.cumsum(p).tolist() for p in self.chances]
        self.places = len(settings[0]["place"])
        self.nodes = [self._node(arcs) for arcs in rules]
        self.rank = [[{w: k for k, w in enumerate(ids)} for ids in classes] for classes in self.classes]

    def _reachable(self) -> list[list[_Arc]]:
        """List the choices of every state that a story can be in; `number` tells the place of a state in the list."""
        self.number = {_State("open"): 0}
        rules = []
        for state in (queue := [_State("open")]):
            arcs = _arcs(state)
            total = sum(arc.weight for arc in arcs)
            rules.append([arc._replace(weight=arc.weight / total) for arc in arcs])
            for arc in arcs:
                if arc.then not in self.number:
                    self.number[arc.then] = len(queue)
                    queue.append(arc.then)
        return rules

    def _node(self, arcs: list[_Arc]) -> _Node:
        compiled = []
        for arc in arcs:
            if arc.origin[0] == "=":
                kind, what = _RECALL, _REGISTERS.index(arc.origin[1:])
            elif arc.origin[0] == "*":
                kind, what = _DRAW, self.class_names.index(arc.origin[1:])
                kind = _HOME if arc.origin == "*home" else _DRAW
            else:
                kind, what = _WORD, self.index[arc.origin]
            store = _REGISTERS.index(arc.store) if arc.store else -1
            source, target = (_REGISTERS.index(name) for name in arc.move) if arc.move else (-1, -1)
            compiled.append((kind, what, self.number[arc.then], store, source, target))
        chances = [arc.weight for arc in arcs]
        cumulative = np.cumsum(chances).tolist()
        cumulative[-1] = 1.0  # whatever rounding left
        return _Node(cumulative, chances, compiled)

    def setting_of(self, home_rank: int) -> int:
        """Tell the setting by the rank of the home among all places."""
        return home_rank // self.places


@lru_cache(maxsize=1)
def _grammar() -> _Grammar:
    return _Grammar()


# What is public


@dataclass(frozen=True)
class StoryCorpus:
    """Stories as one long text.

    Attributes:
        ids: the text. Integers, shape (tokens,).
        probabilities: how likely the grammar made each token, given all tokens before it. Shape (tokens,), float64.
        vocabulary: all words that the grammar has; a token is a place in it.
    """

    ids: np.ndarray
    probabilities: np.ndarray
    vocabulary: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """The text as words."""
        return [self.vocabulary[k] for k in self.ids]

    @property
    def nats_per_token(self) -> float:
        """How much the source itself is surprised by this text: the mean of -log p."""
        return float(-np.log(self.probabilities).mean())


def story_vocabulary() -> tuple[str, ...]:
    """List all words of the grammar, in the order of their ids."""
    return _grammar().vocabulary


def story_corpus(tokens: int = 1_000_000, seed: int = 0) -> StoryCorpus:
    """Make stories until there are enough tokens.

    A story is told in one of ten settings, each with words of its own. It names the place, the hero and, later, a
    companion of the other gender, and refers to them by name, pronoun or role. Who takes a thing puts it down, or
    gives it away, before the story ends with the hero's name and the place. Nouns agree with their verbs across
    relative clauses, and quotations, one inside the other too, close. The probabilities of every class of words fall
    like 1 / rank.

    Args:
        tokens: how many, at least 1. The last story is cut off where they are reached.
        seed: seed of all draws.

    Returns:
        The text with the true probability of every token. A million tokens take a few seconds.

    Raises:
        ValueError: if `tokens` is below 1.
    """
    if tokens < 1:
        raise ValueError(f"`tokens` must be at least 1. Received: tokens={tokens}. Example: tokens=1_000_000.")
    grammar = _grammar()
    ids, probabilities = [0] * tokens, [0.0] * tokens
    numbers = _numbers(np.random.default_rng(seed))
    registers, node, setting = [0] * len(_REGISTERS), 0, 0
    nodes, classes, cumulative = grammar.nodes, grammar.classes, grammar.cumulative
    chances = [p.tolist() for p in grammar.chances]
    for k in range(tokens):
        here = nodes[node]
        choice = bisect_right(here.cumulative, next(numbers)) if len(here.arcs) > 1 else 0
        kind, what, node, store, source, target = here.arcs[choice]
        p = here.chances[choice]
        if kind == _WORD:
            word = what
        elif kind == _RECALL:
            word = registers[what]
        else:
            rank = min(bisect_right(cumulative[what], next(numbers)), len(cumulative[what]) - 1)
            p *= chances[what][rank]
            if kind == _HOME:
                setting = grammar.setting_of(rank)
            word = classes[setting][what][rank]
            if store >= 0:
                registers[store] = word
        if source >= 0:
            registers[target] = registers[source]
        ids[k] = word
        probabilities[k] = p
    return StoryCorpus(np.array(ids, dtype=np.int32), np.array(probabilities), grammar.vocabulary)


def _numbers(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield from rng.random(1 << 16).tolist()


def story_probabilities(past: Sequence[int]) -> np.ndarray:
    """Compute how likely each word is to come next, given all words so far.

    Args:
        past: the ids of the text so far; only those since the last story ended matter. Shape (tokens,).

    Returns:
        Probabilities in the order of the vocabulary. Shape (vocabulary,), float64.

    Raises:
        ValueError: if the grammar cannot make the text.
    """
    grammar = _grammar()
    end = grammar.index[STORY_END]
    past = [int(word) for word in past]
    story = past[len(past) - past[::-1].index(end) :] if end in past else past
    registers, node, setting = [-1] * len(_REGISTERS), 0, 0
    for place, word in enumerate(story):
        taken, rank = _taken(grammar, grammar.nodes[node], setting, registers, word)
        if taken is None:
            shown = grammar.vocabulary[word] if 0 <= word < len(grammar.vocabulary) else word
            raise ValueError(
                f"`past` must be a text that the grammar makes. Received: {shown!r} as word {place} of the last story, "
                "which cannot stand there. Example: story_probabilities(story_corpus(50).ids)."
            )
        kind, _, node, store, source, target = taken
        if kind == _HOME:
            setting = grammar.setting_of(rank)
        if store >= 0:
            registers[store] = word
        if source >= 0:
            registers[target] = registers[source]
    found = np.zeros(len(grammar.vocabulary))
    for chance, (kind, what, *_) in zip(grammar.nodes[node].chances, grammar.nodes[node].arcs, strict=True):
        if kind in (_DRAW, _HOME):
            found[grammar.classes[setting][what]] += chance * grammar.chances[what]
        else:
            found[what if kind == _WORD else registers[what]] += chance
    return found


def _taken(
    grammar: _Grammar, node: _Node, setting: int, registers: Sequence[int], word: int
) -> tuple[tuple[int, int, int, int, int, int] | None, int]:
    """Find the choice that gives a word, and the word's rank in its class. No two choices of a node give the same."""
    for arc in node.arcs:
        kind, what = arc[:2]
        if kind in (_DRAW, _HOME):
            rank = grammar.rank[setting][what].get(word)
            if rank is not None:
                return arc, rank
        elif word == (what if kind == _WORD else registers[what]):
            return arc, 0
    return None, 0


@lru_cache(maxsize=1)
def _story_sums() -> tuple[float, float]:
    """Compute the expected (tokens, nats) of a story, exactly.

    v = e + P^T v gives how often a story visits each node, with e the first node and P the probabilities of going
    from node to node; what leads back to the first node ends the story. Each visit gives one token.
    """
    grammar = _grammar()
    surprise = [-float(p @ np.log(p)) for p in grammar.chances]  # nats of a draw from each class
    rows, columns, values, nats = [], [], [], []
    for k, node in enumerate(grammar.nodes):
        total = 0.0
        for chance, (kind, what, after, *_) in zip(node.chances, node.arcs, strict=True):
            total += chance * (surprise[what] if kind in (_DRAW, _HOME) else 0.0) - chance * np.log(chance)
            if after:
                rows.append(after)
                columns.append(k)
                values.append(chance)
        nats.append(total)
    size = len(grammar.nodes)
    first = np.zeros(size)
    first[0] = 1.0
    visits = spsolve((identity(size) - csr_matrix((values, (rows, columns)), (size, size))).tocsc(), first)
    return float(visits.sum()), float(visits @ np.array(nats))


def story_entropy() -> float:
    """Compute the entropy of the source in nats per token, exactly (but for rounding).

    Stories are independent of each other and each begins in the same state, so the entropy rate is the expected
    surprise of a story over its expected length. exp of it is the least perplexity that any model can reach.

    Returns:
        Nats per token.

    Source: Cover and Thomas 2006, "Elements of information theory", section 4.2, for the entropy rate.
    """
    tokens, nats = _story_sums()
    return nats / tokens


def story_length() -> float:
    """Compute the expected number of tokens of a story, exactly (but for rounding)."""
    return _story_sums()[0]

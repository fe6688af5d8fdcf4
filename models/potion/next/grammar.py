# SPDX-License-Identifier: BSD-2-Clause
"""Words of the grammar: people, verb forms, and the tables of clauses and feelings."""
import itertools
import os
import random
import re
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))

IRREGULAR = """be was been;have had had;do did done;lose lost lost;find found found;see saw seen
hear heard heard;eat ate eaten;drink drank drunk;get got got;give gave given;go went gone
take took taken;make made made;come came come;run ran run;sit sat sat;stand stood stood
swim swam swum;sleep slept slept;fall fell fallen;break broke broken;fly flew flown;win won won
meet met met;read read read;write wrote written;wear wore worn;ride rode ridden;drive drove driven
hide hid hidden;steal stole stolen;tell told told;say said said;feel felt felt;cut cut cut
put put put;hit hit hit;hurt hurt hurt;let let let;shut shut shut;burst burst burst;build built built
buy bought bought;bring brought brought;catch caught caught;teach taught taught;think thought thought
fight fought fought;bite bit bitten;sting stung stung;sing sang sung;sink sank sunk;ring rang rung
begin began begun;shoot shot shot;speak spoke spoken;wake woke woken;freeze froze frozen
forget forgot forgotten;tear tore torn;throw threw thrown;grow grew grown;know knew known
blow blew blown;draw drew drawn;hold held held;leave left left;keep kept kept;sweep swept swept
weep wept wept;lend lent lent;spend spent spent;send sent sent;bend bent bent;lead led led
feed fed fed;light lit lit;strike struck struck;stick stuck stuck;swing swung swung;hang hung hung
dig dug dug;spin spun spun;shake shook shaken;shine shone shone;sell sold sold;pay paid paid
understand understood understood;become became become;cast cast cast;wind wound wound
lie lay lain;rise rose risen;bleed bled bled;choose chose chosen;swear swore sworn;quit quit quit
beat beat beaten;forgive forgave forgiven;set set set;slide slid slid
stink stank stunk;spit spat spat;kneel knelt knelt;oversleep overslept overslept;face faced faced;dive dived dived;fan fanned fanned""".replace("\n", ";")
FORMS = {f[0]: f[1:] for f in (entry.split() for entry in IRREGULAR.split(";"))}
DOUBLED = set("""run sit swim stop hit get put cut win dig hug slip trip drop spin skip plan rob shop
step let wrap chop grab beg forget begin tip jog rub shut slam drip pin bat rip mop mug stir scrub
snap chip spot nod clap drag sip sob unwrap wag quit set spit knit swap
travel quarrel shovel cancel""".split())
STATES = set("be have know see hear own need want love miss like owe not cannot hate".split())


def s_form(verb):
    if verb == "be":
        return "is"
    if verb == "have":
        return "has"
    if re.search(r"(s|x|z|ch|sh|o)$", verb):
        return verb + "es"
    return verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + "s"


def ing_form(verb):
    if verb in ("lie", "die", "tie"):
        return verb[:-2] + "ying"
    if verb in DOUBLED:
        return verb + verb[-1] + "ing"
    return (verb[:-1] if re.search(r"[^eo]e$", verb) and verb != "be" else verb) + "ing"


def past_forms(verb, rest=""):
    """(past, participle)"""
    if verb in FORMS and not (verb == "lie" and re.match("(to|about) ", rest)):
        return FORMS[verb]
    if verb.endswith("e"):
        return verb + "d", verb + "d"
    if verb in DOUBLED and verb != "":
        verb += verb[-1]
    if re.search(r"[^aeiou]y$", verb):
        return (verb[:-1] + "ied",) * 2
    return (verb + "ed",) * 2


BE = {"I": ("am", "was"), "sg": ("is", "was"), "pl": ("are", "were")}


def conjugate(phrase, key, tense, short=False):
    """"lose his ring" for key I, sg or pl: "loses his ring"; tense: present, past, perfect, cont."""
    verb, _, rest = phrase.partition(" ")
    have = "has" if key == "sg" else "have"
    space = " " + rest if rest else ""
    if verb in ("still", "only", "never"):
        return verb + " " + conjugate(rest, key, tense, short)
    if verb == "can":
        return ("could" if tense != "present" else "can") + space
    if verb == "cannot":
        return ("could not" if tense != "present" else "can't" if short else "cannot") + space
    if verb == "not":
        verb, _, rest = rest.partition(" ")
        space = " " + rest if rest else ""
        no = "n't" if short else " not"
        if tense == "perfect":
            return have + no + " " + past_forms(verb, rest)[1] + space
        do = "did" if tense == "past" else "does" if key == "sg" else "do"
        return do + no + " " + verb + space
    if tense == "perfect":
        return have + " " + past_forms(verb, rest)[1] + space
    if verb == "be":
        return BE[key][tense == "past"] + space
    if tense == "past":
        return past_forms(verb, rest)[0] + space
    if tense == "cont":
        return BE[key][0] + " " + ing_form(verb) + space
    return (s_form(verb) if key == "sg" else verb) + space


class Dice:
    """random.Random.random() alone is the same in every Python version."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def pick(self, things):
        return things[int(self.random() * len(things))]

    def chance(self, p):
        return self.random() < p

    def draw(self, choices):
        """A key of {key: probability}."""
        r = self.random()
        for key, p in choices.items():
            r -= p
            if r < 0:
                break
        return key


def expand(text):
    """All strings that a text with {a,b} describes."""
    parts = re.split(r"(\{[^{}]*\})", text)
    choices = [p[1:-1].split(",") if p.startswith("{") else [p] for p in parts]
    return [re.sub(" +", " ", "".join(c)).strip() for c in itertools.product(*choices)]


def held(text, every):
    """True for one text in `every`, always the same ones."""
    return zlib.crc32(text.encode()) % every == 0


def table(name):
    """The lines of a table as lists of cells."""
    for line in open(os.path.join(HERE, name), encoding="utf-8"):
        if not line.startswith("#") and line.strip():
            yield [c.strip() for c in line.split("|")]


PEOPLE = {kind: names.split(";") for kind, names in table("people_names.txt")}
FEELINGS = {name: ({" " + w: int(n) / 10 for w, n in zip(e.split()[::2], e.split()[1::2])}, mood)
            for name, e, mood in table("feelings.txt")}
BEST = sorted({max(f, key=f.get) for f, _ in FEELINGS.values()})
FLAT = {word: 1 / len(BEST) for word in BEST}
POSTURES = "sit;stand;lie;wait;rest;stay;lie still;sit still;sleep;be;walk;stand still;play;work".split(
    ";")


class Person:
    """Who a story is about: the words for him, and how verbs agree."""
    PRONOUNS = {
        "he": ("he", "him", "his", "himself"), "she": ("she", "her", "her", "herself"),
        "I": ("I", "me", "my", "myself"), "we": ("we", "us", "our", "ourselves"),
        "they": ("they", "them", "their", "themselves"), "it": ("it", "it", "its", "itself"),
        "you": ("you", "you", "your", "yourself"),
    }

    def __init__(self, name, pronoun, key, girl=False):
        self.name, self.pronoun, self.key, self.girl = name, pronoun, key, girl
        self.he, self.him, self.his, self.himself = self.PRONOUNS[pronoun]
        self.is_pronoun = name == self.he
        self.pronoun_key = "pl" if pronoun in ("they", "we", "you") else key

    def fill(self, text):
        """A clause of the tables in this person's words, its ~verbs left alone."""
        plural = self.pronoun in ("they", "we")
        spouse = "his friend" if plural else "his husband" if self.girl else "his wife"
        text = text.replace("SPOUSE", spouse)
        text = text.replace("RIVAL", "woman" if self.girl else "man")
        if self.girl:
            text = text.replace("girlfriend", "boyfriend")
        if self.pronoun == "he":
            return text.replace("HE", "he")
        for old, new in (("his", self.his), ("him", self.him), ("HE", self.he),
                         ("himself", self.himself)):
            text = re.sub(r"\b%s\b" % old, new, text)
        return text

    def owner(self):
        """"Tom's", "my": before a thing of this person."""
        if self.is_pronoun:
            return self.his
        return self.name + ("'" if self.key == "pl" and self.name.endswith("s") else "'s")


def verbs(text, person, tense, short=False):
    """Conjugates the marked verbs: ~verb singular, ~~verb plural, HE ~verb with the person."""
    def one(found):
        before, mark, verb, rest = found.groups()
        key = person.pronoun_key if before == person.he + " " else "pl" if mark == "~~" else "sg"
        rest = rest or ""
        if verb in ("not", "cannot", "never"):
            return before + conjugate(verb + rest, key, tense, short)
        return before + conjugate(verb, key, tense, short) + rest
    return re.sub(r"(\b%s |)(~~?)([a-z]+)( [a-z]+)?" % person.he, one, text)


def read_clauses():
    """{class: (feeling, [clauses])} of both tables. A clause belongs to the first class with it."""
    classes, known = {}, set()
    rows = [("sense-" + word + "-" + sense, feeling, cells)
            for word, sense, feeling, cells in table("senses.txt")]
    rows += [("event", feeling, cells) for feeling, cells in table("events.txt")]
    for name, feeling, cells in rows:
        for item in cells.split(";"):
            item = item.strip()
            place = item.startswith("@ ")
            texts = expand(item[2:] if place else item)
            found = [p + " " + t for t in texts for p in POSTURES] if place else texts
            kind = "place-" + feeling if place else name + "-" + feeling if name == "event" else name
            for clause in found:
                if clause not in known:
                    known.add(clause)
                    classes.setdefault(kind, (feeling, []))[1].append(clause)
    return classes


CLAUSES = read_clauses()
SENSES = [kind for kind in CLAUSES if kind.startswith("sense-")]
EVENTS = [kind for kind in CLAUSES if not kind.startswith("sense-")]

# SPDX-License-Identifier: BSD-2-Clause
"""Stories that end in a feeling: one clause, two clauses, a cause, what somebody does, no sense."""
import re

import asks
import grammar
from grammar import CLAUSES, EVENTS, FEELINGS, PEOPLE, Person, held

FOLLOW = {  # what may come after the story, by the mood of its ending
    "good": ["{He} smile.", "{He} sing a little song.", "What a lovely day!", "{He} laugh softly.",
             "{He} tell everybody about it."],
    "bad": ["{He} sigh.", "{He} want to go home.", "What a bad day!", "{He} shake his head.",
            "Nobody comes to help."],
    "rest": ["{He} close his eyes.", "{He} yawn.", "The hours pass slowly.", "{He} say nothing.",
             "It is a long day."],
}
ADJECTIVES = """old young little tall small big kind poor rich good nice brave shy blind strong fat thin
clever lazy quiet busy famous new""".split()
PLAIN = """old new big little small red blue green black white brown grey pink beautiful lovely strange
long short other same whole huge tiny own favourite expensive cheap wooden round heavy""".split()
# Circumstances that decide nothing.
BEFORE = (
    "today;now;this morning;in the evening;every day;late at night;once again;on monday;"
    "after lunch;at last;one day;in the afternoon;at night;in the morning;after school;"
    "after work;this evening;on sunday;on saturday;one evening;after dinner;at home;"
    "in the winter;in the summer;at noon;again;with his friends;with his family;at school;"
    "before dinner;every morning;on friday;this year;today at school;on the way home;"
    "on holiday;during the holidays;with his dog;in front of the house;in the city;"
    "all alone at home;together with a friend;in town;suddenly;slowly;this time;this week;"
    "early in the morning;late in the evening;before school;as always;for the first time;"
    "at midnight;at work;with a friend"
).split(";")
PAST = (
    "yesterday;last night;last week;last year;last summer;on the weekend;an hour ago"
).split(";")
# Clauses that decide nothing after a sentence that does.
WEAK = (
    "lie still;lie down;sit on a chair;sit down;go home;look out of the window;say nothing;"
    "stand at the door;go to his room;look at the floor;walk home;think about it;"
    "stay in the kitchen;sit at the table;wait;sit in the kitchen;stand there;come home;"
    "look at his mother"
).split(";")
REACTIONS = {  # what somebody does who feels so
    "sad": "cry;weep;sob;cry quietly;cry all night;wipe his eyes",
    "happy": "smile;laugh;clap his hands;jump up and down;laugh loudly;cheer;sing loudly;whistle",
    "tired": "yawn;rub his eyes;fall asleep at the table",
    "cold": "shiver;rub his cold hands;pull up his collar;shiver all over",
    "angry": "shout;slam the door;scream at the wall;stamp his feet;yell;curse",
    "scared": "scream;tremble;hide under the bed;run away;hold his breath;hide behind the sofa",
    "embarrassed": "blush;turn red;hide his face",
    "hungry": "look into the fridge;lick his lips",
    "bored": "look at his watch again and again;play with his pen",
    "hot": "sweat;take off his jacket;wipe his forehead",
    "nervous": "bite his nails;walk up and down",
    "sick": "cough;sneeze;hold his stomach",
    "hurt": "limp;hold his leg",
    "thirsty": "ask for water;look for water",
}
# Plain statements, with words of things.txt.
NEUTRAL = (
    "have a {colour} {object};want to be in the {place};want to be {number} years old;be in the {place};see a {object} on the {top};"
    "go to the {place};put the {object} on the {top};live in a {colour} house;"
    "have a {object} and a {object};stand near the {place};talk about the {object};"
    "look at the {object};come from the {place};hold a {object};ask about the {object};"
    "buy a {object};wear a {colour} hat;have two {object2};know the {place};"
    "walk to the {place};like {food};buy {food} and {food};talk about {subject};"
    "live in {country};come from {country};be from {country};see the {more};"
    "look at the {more};stand near the {more};think of the {more};read about {subject};"
    "have {number} {object}s;see {number} {object}s;want some {food};talk about the {more};"
    "point at the {more};count the {object}s;show the {more} to {person};know {person};"
    "be {number} years old;go to {country} in {month};see a {more};have a {more};"
    "use the {more}"
).split(";")
LEADS = (
    "It is {when}.;It will be {adjective} in the {place}.;The {object} is on the {top}.;There is a {object} in the {place}.;"
    "The {place} is big.;The {object} is {colour}.;It is a {adjective} day.;"
    "The {place} is old.;It is {hour} o'clock.;The {holder} is empty.;"
    "There is a {adjective} {object} on the {top}.;The {people} are in the {place}.;"
    "There are {number} {object}s on the {top}.;The {more} is {colour}.;It is {month}.;"
    "The {more} is near the {place}.;There is {food} on the {top}.;"
    "The weather in {country} is {adjective}.;The {food} is in the {holder}.;"
    "The {more} is {adjective}."
).split(";")
WHEN = (
    "Monday;Tuesday;Sunday;Friday;late;early;summer;winter;spring;autumn;evening;morning;noon"
).split(";")
HOURS = """one two three four five six seven eight nine ten eleven twelve""".split()
NUMBERS = """thirteen fourteen fifteen twenty thirty forty fifty many some few several""".split()
DAYS = """long short normal new quiet strange dark warm cloudy windy""".split()
# What the stories do not answer.
UNKNOWN = (
    "tell me about the {more};tell me a story about {subject};write a story about the {more};"
    "what is the {more} of {country};why is the {more} {colour};how many {object}s are there;"
    "the {more} of {country} is;my {more} is very;my {more} is;the {more} is very;{hour} and {hour} is;"
    "{hour} and {hour} are;I like {food} and;what do you think about {subject};the {food} is;"
    "sing me a song about the {more};who is {person};where is {country};what is {subject};"
    "the {object} is very;hello;hello, I am {person};the {place} is"
).split(";")
# Verbs that go with few things.
PICKY = """eat drink read climb bake marry ride sing row paint wash kick iron swallow write spell rake
cook wear fly plant park light water strike chew smoke mow burn solve win score celebrate
learn pay hammer feed play""".split()


def plural(thing):
    if asks.are(thing) == "are":
        return thing
    if re.search("[^aeiou]y$", thing):
        return thing[:-1] + "ies"
    return thing + ("es" if re.search("(s|x|ch|sh)$", thing) else "s")


def fill(dice, text):
    """A plain statement with random words in it."""
    things = {"object": "objects", "place": "places", "top": "tops", "colour": "colours",
              "holder": "holders", "people": "plural",
              "food": "foods", "country": "countries", "month": "months", "subject": "subjects",
              "more": "more"}
    more = {"when": WHEN, "hour": HOURS, "adjective": DAYS, "number": HOURS + NUMBERS,
            "person": PEOPLE["girls"] + PEOPLE["boys"]}

    def one(found):
        kind = found.group(1)
        if kind == "object2":
            return dice.pick(["dogs", "cats", "brothers", "sisters", "houses", "books", "balls"])
        if kind == "object" and found.group(2):
            return plural(dice.pick(asks.THINGS["objects"]))
        if kind == "people":
            return dice.pick(PEOPLE["plural"])
        return dice.pick(more[kind] if kind in more else asks.THINGS[things[kind]])
    return re.sub(r"\{(\w+)\}(s?)", lambda m: one(m) + (m.group(2) if m.group(1) != "object" else ""), text)


def person(dice):
    kind, girl = dice.random(), dice.chance(0.5)
    he = "she" if girl else "he"
    if kind < 0.36:
        return Person(dice.pick(PEOPLE["girls" if girl else "boys"]), he, "sg", girl)
    if kind < 0.42:
        return Person(dice.pick(PEOPLE["female family" if girl else "male family"]), he, "sg", girl)
    if kind < 0.60:
        noun = dice.pick(PEOPLE["female" if girl else "male"])
        if dice.chance(0.25):
            noun = dice.pick(ADJECTIVES) + " " + noun
        return Person(dice.pick(["the ", "the ", "the ", "my ", "a ", "our "]) + noun, he,
                      "sg", girl)
    if kind < 0.69:
        return Person(he, he, "sg", girl)
    if kind < 0.78:
        return Person("I", "I", "I", girl)
    if kind < 0.84:
        return Person("we", "we", "pl", girl)
    if kind < 0.87:
        return Person("they", "they", "pl", girl)
    if kind < 0.885:
        return Person("you", "you", "pl", girl)
    if kind < 0.95:
        noun = dice.pick(PEOPLE["plural"])
        if dice.chance(0.15):
            noun = dice.pick(ADJECTIVES) + " " + noun
        return Person(dice.pick(["the ", "the ", "the ", "my ", "two ", "our ", "all the ", "some "])
                      + noun, "they", "pl", girl)
    if kind < 0.975:
        both = [dice.pick(PEOPLE[k]) for k in ("girls", "boys")]
        return Person(" and ".join(both if girl else both[::-1]), "they", "pl", girl)
    if kind < 0.987:
        return Person(dice.pick(PEOPLE["group"]), "they", "sg", girl)
    return Person(dice.pick(["the ", "my ", "our ", "the old "]) + dice.pick(PEOPLE["animals"]),
                  "it", "sg", girl)


def be_feel(dice, key, past):
    """"is" or "feels", with now and then a "very"."""
    if dice.chance(0.5):
        text = grammar.BE[key][past]
    else:
        text = "felt" if past else "feels" if key == "sg" else "feel"
    if dice.chance(0.08):
        text += dice.pick([" very", " so", " really", " a little", " quite", " a bit", " now"])
    return text


def agree(who, name):
    """How a verb after this way to call the person agrees."""
    return who.key if name == who.name else who.pronoun_key


def called(dice, who, again=0.3):
    """The person a second time: the pronoun, or the name again."""
    if who.is_pronoun or not dice.chance(again):
        return who.he
    return "the " + who.name[2:] if who.name.startswith("a ") else who.name


def link(dice, who, past, same=True):
    """The text between the story and its ending word; same: the clause's subject is the person."""
    r = dice.random()
    if same and r < 0.36:
        return dice.pick([", feeling", ", feeling", ", feeling", ", feeling", " feeling",
                          ", feeling very", ", feeling so"])
    if same and r < 0.62:
        return dice.pick([" and ", " and ", ", and ", " and now "]) + be_feel(dice, who.key, past)
    name = called(dice, who)
    tail = be_feel(dice, agree(who, name), past)
    if r < 0.85:
        return ". %s %s" % (asks.top(name), tail)
    if r < 0.95:
        return dice.pick([", so ", " and ", ", and ", " and so ", ", and now ", " and now "]
                         ) + name + " " + tail
    if r < 0.975:
        do = "did" if past else "does" if agree(who, name) == "sg" else "do"
        return ". How %s %s feel?" % (do, name)
    return dice.pick([". It makes %s feel", ", which makes %s feel", ". This makes %s"]) % (
        who.him if who.is_pronoun or dice.chance(0.7) else called(dice, who, 1))


def when_of(dice):
    """(tense, past?)"""
    tense = dice.draw({"present": 0.6, "past": 0.26, "perfect": 0.08, "cont": 0.06})
    return tense, tense == "past"


def said(dice, who, clause, tense, name=None):
    """One clause as a text without its first capital: with the person as subject, or about him."""
    short = dice.chance(0.5)
    if clause.startswith("! "):
        time = "past" if tense == "past" else "present"
        return grammar.verbs(who.fill(clause[2:]), who, time, short)
    name = name or who.name
    verb = clause.split()[0]
    if tense == "cont" and verb in grammar.STATES | {"still", "only"}:
        tense = "present"
    key = agree(who, name)
    text = grammar.conjugate(who.fill(clause), key, tense, short)
    return name + " " + re.sub(r"~(\w+)", lambda m: grammar.conjugate(
        m.group(1), key, "past" if tense in ("past", "perfect") else "present"), text)


def whose(dice, who, text, clause):
    """The person's name into a clause about him: "Tom's dog dies", "a wolf chases Tom"."""
    if who.is_pronoun or not clause.startswith("! ") or dice.chance(0.35):
        return text, False
    for old, new in ((who.his, who.owner()), (who.him, who.name)):
        found = re.search(r"\b%s\b" % old, text)
        if found and (old != who.him or who.girl is False or who.pronoun != "she"):
            return text[:found.start()] + new + text[found.end():], True
    return text, False


def adjoin(dice, who, text, past):
    """(the text with a neutral circumstance, that circumstance with its place, or "")"""
    if dice.chance(0.62):
        return text, ""
    plain = dice.pick(PAST) if past and dice.chance(0.4) else dice.pick(BEFORE)
    words = who.fill(plain)
    if dice.chance(0.5):
        return words + (", " if dice.chance(0.4) else " ") + text, plain + "<"
    return text + " " + words, plain + ">"


def lead(dice, who):
    """A sentence before the story that decides nothing."""
    if dice.chance(0.5):
        return asks.top(fill(dice, dice.pick(LEADS))) + " "
    clause = fill(dice, dice.pick(NEUTRAL))
    return asks.top(said(dice, who, clause, "present")) + ". "


def adorned(dice, clause, kind):
    """More words that decide nothing: an adjective before a noun, a place at the end."""
    if dice.chance(0.12):
        found = list(re.finditer(r"\b(a|the|his) (?=[a-z]{3})", clause))
        if found:
            at = dice.pick(found).end()
            clause = clause[:at] + dice.pick(PLAIN) + " " + clause[at:]
    posture = kind.startswith(("place-", "sense-lie-")) or re.match(
        "(%s)( |$)" % "|".join(grammar.POSTURES), clause)
    if dice.chance(0.07) and not posture and not re.search("is$|be ", clause):
        clause += dice.pick([" in the ", " in the ", " near the ", " at the ", " in his "]
                            ) + dice.pick(asks.THINGS["places"])
    return clause


def plain(dice, kind):
    """A story of one clause that decides."""
    feeling, clauses = CLAUSES[kind]
    who, clause = person(dice), dice.pick(clauses)
    out = held(who.name + "|" + clause, 12) or "Sarah" in who.name and "-lie-" in kind
    bare, clause = clause, adorned(dice, clause, kind)
    tense, past = when_of(dice)
    about = clause.startswith("! ")
    text = said(dice, who, clause, tense)
    text, named = whose(dice, who, text, clause)
    text, circumstance = fronted(dice, who, text, clause, kind) or adjoin(dice, who, text, past)
    joined = circumstance.endswith("<")
    before = lead(dice, who) if dice.chance(0.1) else ""
    if circumstance:
        out = out or held("%s|%s" % (bare, circumstance), 12)
    r = dice.random()
    if r < 0.1 and not before and not joined:
        name = who.he if named or not about and dice.chance(0.8) else who.name
        key = agree(who, name)
        text = "%s %s, %s %s" % (dice.pick(["when", "because", "after", "as", "since", "if"]), text,
                                 name, be_feel(dice, key, past))
    elif about:
        name = who.name if not named and not before else called(dice, who, 0.3)
        tail = name + " " + be_feel(dice, agree(who, name), past)
        text += dice.pick([" and ", ", and ", ", so ", ". ", ". "]) + "\0" + tail
        text = re.sub(r"\. \0(.)", lambda m: ". " + m.group(1).upper(), text).replace("\0", "")
    else:
        text += link(dice, who, past)
    return before + asks.top(text), out, who, feeling


def fronted(dice, who, text, clause, kind):
    """A place that decides may come first: "in the snow Tom lies"."""
    if not kind.startswith(("place-", "sense-lie-")) or not dice.chance(0.35):
        return None
    found = re.search(r" ((?:high up )?\b(?:in|on|under|by|at|alone|without|behind|near|beside|with)\b"
                      " .*)$", text)
    if not found or " to " in clause or " about " in clause:
        return None
    rest = text[:found.start()]
    return found.group(1) + (", " if dice.chance(0.4) else " ") + rest, "front<"


def two(dice):
    """Two clauses: the second one decides ("but", "and then"), or both do."""
    kinds = list(CLAUSES)
    one, other = dice.pick(kinds), dice.pick(kinds)
    feeling, clauses = CLAUSES[other]
    who = person(dice)
    first, second = dice.pick(CLAUSES[one][1]), dice.pick(clauses)
    tense = "past" if dice.chance(0.25) else "present"
    past = tense == "past"
    a = said(dice, who, first, tense)
    mixed = FEELINGS[CLAUSES[one][0]][1] != FEELINGS[feeling][1]
    joint = dice.pick([", but then ", ", but ", ". But ", ". Then ", ", then ", ". Later "]
                      if mixed else [" and then ", ". Then ", " and ", ". ", " and later "])
    b = said(dice, who, second, tense, who.he)
    text = asks.top(a) + joint + (asks.top(b) if joint == ". " else b)
    text += link(dice, who, past, not second.startswith("! "))
    return text, held(first + "|" + second, 8), who, feeling


def cause(dice):
    """A sentence decides, and a weak one follows."""
    kind = dice.pick(list(CLAUSES))
    feeling, clauses = CLAUSES[kind]
    who, first, weak = person(dice), dice.pick(clauses), dice.pick(WEAK)
    tense = dice.pick(["present", "perfect", "past"])
    text = asks.top(said(dice, who, first, tense)) + ". "
    now = dice.pick(["", "", "now ", "so ", "and now "])
    text += asks.top(now + said(dice, who, weak, "present", who.he))
    return text + link(dice, who, False), held(first + "|" + weak, 8), who, feeling


def react(dice):
    """What somebody does shows the feeling: "Tom cries because he is"."""
    feeling = dice.pick(list(REACTIONS))
    who, clause = person(dice), dice.pick(REACTIONS[feeling].split(";"))
    tense, past = when_of(dice)
    text = said(dice, who, clause, tense)
    text, circumstance = adjoin(dice, who, text, past)
    out = held(who.name + "|" + clause, 8) or bool(circumstance) and held(clause + circumstance, 8)
    if dice.chance(0.5):
        text += " because %s %s" % (who.he, be_feel(dice, who.pronoun_key, past))
    else:
        text += link(dice, who, past)
    return asks.top(text), out, who, feeling


AFTER = [(feeling, noun) for feeling, nouns in grammar.table("after.txt")
         for noun in nouns.split(";")]


def after(dice):
    """What has happened is a noun: "After a long walk Tom feels"."""
    (feeling, noun), who = dice.pick(AFTER), person(dice)
    past = dice.chance(0.3)
    name, tail = who.name, be_feel(dice, who.key, past)
    if dice.chance(0.7):
        text = "after %s%s %s %s" % (who.fill(noun), dice.pick([",", ""]), name, tail)
    else:
        verb = grammar.conjugate(dice.pick(["come home", "sit down", "go home"]), who.key,
                                 "past" if past else "present")
        text = "%s %s after %s%s" % (name, verb, who.fill(noun), link(dice, who, past))
    return asks.top(text), held(who.name + "|" + noun, 8), who, feeling


def picky():
    """{verb: objects that it goes with}, and all objects, for sentences without sense."""
    goes, objects = {}, set()
    for feeling, clauses in CLAUSES.values():
        for clause in clauses:
            found = re.match(r"(\w+) ((?:a|an|the|his) \w+)$", clause)
            if found and found.group(2) not in ("the last", "a long", "a big", "the best"):
                objects.add(found.group(2))
                goes.setdefault(found.group(1), set()).add(found.group(2))
    objects |= {"the " + word for kind in ("places", "tops", "holders", "objects")
                for word in asks.THINGS[kind]}
    return {v: goes.get(v, set()) for v in PICKY}, sorted(objects)


GOES, OBJECTS = picky()


def odd(dice):
    """Sentences without sense, or that decide nothing: every feeling is as likely."""
    who, r = person(dice), dice.random()
    tense, past = when_of(dice)
    if r < 0.4:
        verb, thing = dice.pick(PICKY), dice.pick(OBJECTS)
        if thing in GOES[verb] or "the " + thing.split()[1] in GOES[verb]:
            return odd(dice)
        clause = verb + " " + thing
        if dice.chance(0.3):
            clause += " with " + dice.pick(OBJECTS)
    elif r < 0.6:
        thing = dice.pick(asks.THINGS[dice.pick(["objects", "tops", "holders", "places"])])
        who = Person("the " + thing, "it", "pl" if asks.are(thing) == "are" else "sg")
        kind = dice.pick(list(CLAUSES))
        clause = dice.pick(CLAUSES[kind][1])
        if clause.startswith("! ") or kind.startswith(("place", "sense-lie")):
            return odd(dice)
    elif r < 0.67:
        words = [w for _ in range(3) for w in dice.pick(CLAUSES[dice.pick(EVENTS)][1]).split()]
        words = [dice.pick(words).strip("!~") for _ in range(3 + int(dice.random() * 5))]
        text = " ".join(w for w in words if w)
        text = who.fill(text) + link(dice, who, past)
        return asks.top(text), held(text, 8), who, None
    elif r < 0.74:
        text = fill(dice, dice.pick(UNKNOWN))
        return asks.top(text), held(text, 8), who, None
    elif r < 0.8:
        text = who.name + " " + be_feel(dice, who.key, past)
        return asks.top(text), held(text, 8), who, None
    else:
        clause = fill(dice, dice.pick(NEUTRAL))
    text = said(dice, who, clause, tense)
    return asks.top(text + link(dice, who, past)), held(who.name + "|" + clause, 8), who, None


def follow_up(dice, who, mood):
    if not dice.chance(0.25):
        return ""
    text = dice.pick(FOLLOW[mood])
    if not text.startswith("{He}"):
        return " " + text
    return " " + asks.top(said(dice, who, text[5:-1], "present", who.he)) + "."

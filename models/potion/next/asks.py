# SPDX-License-Identifier: BSD-2-Clause
"""Stories that keep track of things and people, and end in a question: who, where, what."""
import grammar

THINGS = {kind: words.split(";") for kind, words in grammar.table("things.txt")}
PEOPLE = grammar.PEOPLE
ALSO = ["", "", "", "Then ", "Later ", "Now ", "After that "]


def last(name):
    """The word that answers: "the old man" is man."""
    return " " + name.split()[-1]


def are(thing):
    return "are" if thing.endswith("s") and thing not in ("glass", "dress") else "is"


def top(text):
    return text[:1].upper() + text[1:]


def actor(dice, others=()):
    """A name or "the girl", "his sister"; never one of `others`; and whether it is a girl."""
    while True:
        girl = dice.chance(0.5)
        if dice.chance(0.68):
            name = dice.pick(PEOPLE["girls" if girl else "boys"])
        elif dice.chance(0.25):
            name = dice.pick(PEOPLE["female family" if girl else "male family"])
        else:
            name = dice.pick(["the ", "the ", "my ", "a "]) + dice.pick(
                PEOPLE["female" if girl else "male"])
        if last(name) not in [last(o) for o in others]:
            return name, girl


def again(name):
    """The second time it is "the girl", not "a girl"."""
    return "the " + name[2:] if name.startswith("a ") else name


def actors(dice, count):
    found = []
    while len(found) < count:
        found.append(actor(dice, [f[0] for f in found]))
    return found


def give(dice, a, thing, b):
    verb = dice.pick(["give", "give", "give", "hand", "pass", "bring", "sell", "lend", "send",
                      "throw"])
    form = grammar.conjugate(verb, "I" if a == "I" else "sg", "past" if dice.chance(0.3) else "present")
    if dice.chance(0.7):
        return "%s %s the %s to %s" % (a, form, thing, b)
    return "%s %s %s %s %s" % (a, form, b, dice.pick(["the", "the", "a"]), thing)


def hand(dice):
    """An object goes from hand to hand."""
    (a, _), (b, b_girl), (c, _) = actors(dice, 3)
    thing = dice.pick(THINGS["objects"])
    steps, kind = [], dice.random()
    if kind >= 0.3 and dice.chance(0.08):
        a = "I"
    if kind < 0.15:
        verb = dice.pick(["has the", "finds the", "buys a", "takes the", "holds the", "steals the",
                          "loses the", "breaks the"])
        steps = ["%s %s %s" % (a, verb, thing)]
        owner, giver = a, None
        if verb != "has the" and (verb[:2] in ("lo", "br") or dice.chance(0.4)):
            verb = verb.split()[0]
            if dice.chance(0.4):
                verb = grammar.past_forms({"loses": "lose"}.get(verb, verb.rstrip("s")))[0]
            return (join(dice, steps, "Who %s the %s?" % (verb, thing)),
                    grammar.held(last(a) + thing + last(a), 8), last(a))
    elif kind < 0.3:
        verb = dice.pick(["takes", "borrows", "gets", "steals", "buys"])
        steps = ["%s %s the %s from %s" % (a, verb, thing, b)]
        owner, giver = a, None
        if dice.chance(0.5):
            steps = [steps[0], "%s %s back" % (again(b), "takes it" if are(thing) == "is" else
                                               "takes them")]
            owner = b
    elif kind < 0.7:
        steps, owner, giver = [give(dice, a, thing, b)], b, a
        if a != "I" and dice.chance(0.2):
            it = "it" if are(thing) == "is" else "them"
            steps = ["%s finds the %s and gives %s to %s" % (a, thing, it, b)]
    else:
        it = "the " + thing if dice.chance(0.5) else "it" if are(thing) == "is" else "them"
        steps = [give(dice, a, thing, b), "%s gives %s to %s" % (again(b), it, c)]
        if dice.chance(0.3):
            steps[1] = "%s keeps %s" % (again(b), it)
            c = b
        owner, giver = c, None
    if dice.chance(0.15):
        steps.append("%s %s" % (again(owner), dice.pick(
            ["is happy", "smiles", "goes home", "likes it", "says thank you", "drinks the tea"])))
    ends = ["Who has the %s?" % thing] * 6 + ["Now the %s %s to" % (
        thing, "belong" if are(thing) == "are" else "belongs"), "Who has the %s now?" % thing,
        "Who has got the %s?" % thing]
    end = dice.pick(ends)
    answer = owner
    if giver not in (None, "I") and dice.chance(0.25):
        end, answer = dice.pick(["Who gave %s the %s?" % (again(b), thing), "Who gave the %s to %s?"
                                 % (thing, again(b)), "Who gives %s the %s?" % (again(b), thing)]), a
    elif end.endswith(" to") and " " in owner:
        end = ends[0]
    held_out = grammar.held(last(a) + thing + last(answer), 8)
    return join(dice, steps, end), held_out, last(answer)


def join(dice, steps, end):
    text = top(steps[0]) + "."
    for step in steps[1:]:
        also = dice.pick(ALSO)
        text += " " + (also + step if also else top(step)) + "."
    return text + " " + end


def spot(dice):
    """("in the", "kitchen"): where a thing can be."""
    kind = dice.pick(["places", "holders", "tops"])
    if kind == "tops":
        return dice.pick(["on the", "on the", "under the", "behind the", "beside the"]), dice.pick(
            THINGS[kind])
    return "in the", dice.pick(THINGS[kind])


def there(dice):
    """An object is moved from place to place."""
    (a, girl), (b, _) = actors(dice, 2)
    thing = dice.pick(THINGS["objects"])
    (on1, p1), (on2, p2) = spot(dice), spot(dice)
    if p1 == p2 or p1 == thing or p2 == thing:
        return there(dice)
    his = "her" if girl else "his"
    put = dice.pick(["puts", "hides", "leaves", "forgets", "lays", "left", "puts", "drops"])
    one = dice.pick(["%s %s the %s %s %s" % (a, put, thing, on1, p1),
                     "%s %s the %s %s %s" % (a, put, thing, on1, p1),
                     "The %s %s %s %s" % (thing, are(thing), on1, p1),
                     "%s %s %s %s %s %s" % (a, put, his, thing, on1, p1)])
    steps, place, on = [one], p1, on1
    it = "the " + thing if dice.chance(0.6) else "it" if are(thing) == "is" else "them"
    if dice.chance(0.55):
        verb = dice.pick(["takes %s to the", "carries %s to the", "brings %s to the",
                          "moves %s to the", "carried %s to the", "put %s", "takes %s and puts %s"])
        who = dice.pick([b, again(a), "she" if girl else "he"])
        if verb.endswith("to the") and on2 == "in the":
            step = "%s %s %s" % (who, verb % it, p2)
        else:
            step = "%s %s %s %s" % (who, dice.pick(["puts %s", "takes %s and puts " + (
                "it" if are(thing) == "is" else "them")]) % it, on2, p2)
        steps.append(step)
        place, on = p2, on2
    elif dice.chance(0.25):
        steps.append("%s %s" % (b, dice.pick(["goes home", "is hungry", "sits in the " + p2,
                                              "waits outside", "looks for it"])))
    end = dice.pick(["Where %s the %s?" % (are(thing), thing)] * 5 + [
        "Where %s the %s now?" % (are(thing), thing), "The %s %s %s" % (thing, are(thing), on),
        "The %s %s now %s" % (thing, are(thing), on)])
    return join(dice, steps, end), grammar.held(last(a) + thing + place, 8), last(place)


def who(dice):
    """People in places: where is she, who is there?"""
    (a, _), (b, _) = actors(dice, 2)
    if dice.chance(0.15):
        a, b = ("the " + dice.pick(PEOPLE["animals"]) for _ in range(2))
        if a == b:
            return who(dice)
    p1, p2 = dice.pick(THINGS["places"]), dice.pick(THINGS["places"])
    if p1 == p2:
        return who(dice)
    be = ["%s is in the %s", "%s goes to the %s", "%s runs into the %s", "%s walks into the %s",
          "%s sits in the %s", "%s sleeps in the %s", "%s plays in the %s", "%s works in the %s",
          "%s waits in the %s"]
    kind, ats = dice.random(), dice.pick(["in", "in", "at"])
    if kind < 0.35:
        steps = [dice.pick(be) % (a, p1), dice.pick(be) % (b, p2)]
        answers = {"where": [(a, p1), (b, p2)], "who": [(a, p1), (b, p2)]}
    elif kind < 0.6:
        steps = ["%s and %s are %s the %s" % (a, b, ats, p1),
                 dice.pick(["%s goes to the %s", "%s runs to the %s"]) % (again(a), p2)]
        if dice.chance(0.4):
            steps[1], p2 = "%s goes home" % again(a), "home"
        answers = {"where": [(a, p2), (b, p1)], "who": [(b, p1)] + [(a, p2)] * (p2 != "home")}
    elif kind < 0.8:
        steps = [dice.pick(be) % (a, p1), dice.pick(["%s goes to the %s", "%s walks to the %s",
                                                     "%s moves to the %s"]) % (again(a), p2)]
        answers = {"where": [(a, p2)], "who": [(a, p2)]}
    else:
        on, p1 = spot(dice)
        steps = [dice.pick(["%s sleeps %s %s", "%s sits %s %s", "%s is %s %s", "%s hides %s %s"])
                 % (a, on, p1)]
        if dice.chance(0.4):
            steps.append("%s waits outside" % b)
        answers = {"where": [(a, p1)], "who": [(a, p1)] if on == "in the" else []}
    if dice.chance(0.5) and answers["who"]:
        name, place = dice.pick(answers["who"])
        end = "Who is %s the %s?" % (ats if ats == "at" and kind < 0.6 and kind > 0.35 else "in",
                                     place)
        answer = name
    else:
        name, place = dice.pick(answers["where"])
        end = dice.pick(["Where is %s?", "Where is %s?", "Where is %s now?"]) % again(name)
        answer = place
    return join(dice, steps, end), grammar.held(last(a) + p1 + last(answer), 8), last(answer)


def what(dice):
    """What has she got, what is there, which colour?"""
    (a, _), (b, _) = actors(dice, 2)
    one, two = dice.pick(THINGS["objects"]), dice.pick(THINGS["objects"])
    p, kind = dice.pick(THINGS["places"]), dice.random()
    if one == two or " " in one + two or are(one) == "are" or p in (one, two):
        return what(dice)
    if kind < 0.35:
        steps = ["%s has a %s" % (a, one), "%s has a %s" % (b, two)]
        end, answer = dice.pick([("What does %s have?" % again(a), one),
                                 ("What does %s have?" % again(b), two)])
    elif kind < 0.6:
        steps = [give(dice, a, one, b)]
        end, answer = dice.pick(["What does %s have?", "What did %s get?"]) % again(b), one
    elif kind < 0.8:
        steps = ["The %s is in the %s" % (one, p)]
        end, answer = "What is in the %s?" % p, one
    else:
        colour = dice.pick(THINGS["colours"])
        steps = [dice.pick(["The %s is %s" % (one, colour), "%s has a %s %s" % (a, colour, one)])]
        end, answer = "What colour is the %s?" % one, colour
    held_out = grammar.held((last(a) if kind < 0.6 else p if kind < 0.8 else "") + one + answer, 8)
    return join(dice, steps, end), held_out, last(answer)


def feel(dice):
    """Who feels so? Two people, two feelings."""
    (a, _), (b, _) = actors(dice, 2)
    one, two_ = dice.pick(sorted(grammar.FEELINGS)), dice.pick(sorted(grammar.FEELINGS))
    one, two_ = (max(grammar.FEELINGS[f][0], key=grammar.FEELINGS[f][0].get) for f in (one, two_))
    if one == two_:
        return feel(dice)
    steps = ["%s is%s" % (a, one), "%s is%s" % (b, two_)]
    word, answer = dice.pick([(one, a), (two_, b)])
    end = dice.pick(["Who is%s?", "Who feels%s?"]) % word
    return join(dice, steps, end), grammar.held(a + one + two_, 8), last(answer)


ASKS = {"ask-hand": hand, "ask-place": there, "ask-who": who, "ask-what": what,
        "ask-feel": feel}

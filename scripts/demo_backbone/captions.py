"""What is said of a picture, and which pictures a caption is true of."""
from dataclasses import dataclass

TEMPLATES = (
    "a photo of a {}.", "a photo of the {}.", "a cropped photo of a {}.", "a cropped photo of the {}.",
    "a close-up photo of a {}.", "a close-up photo of the {}.", "the {} in the image.", "the {} in the scene.",
    "an image of a {}.", "an image of the {}.", "a rendering of a {}.", "a photo of one {}.", "showing the {}.",
    "showing a {}.", "itap of a {}.")
NORMAL_STATES = ("{}", "perfect {}", "flawless {}", "clean {}", "undamaged {}")
ANOMALOUS_STATES = ("damaged {}", "{} with damaged")

# Both kinds of state come with and without "with", so that no small word alone gives the defect away.
CLEAN = ("{}", "perfect {}", "flawless {}", "clean {}", "undamaged {}", "intact {}", "good {}", "normal {}", "new {}",
         "spotless {}", "{} without defect", "{} without damage", "{} with no flaw", "{} with even colour",
         "{} with smooth surface", "{} in good condition", "{} with nothing wrong")
DEFECTIVE = ("damaged {}", "{} with damaged", "defective {}", "faulty {}", "bad {}", "{} with damage", "{} with defect",
             "{} with flaw", "{} in bad condition", "{} that is damaged", "abnormal {}", "flawed {}")
KINDS = {
    "scratch": ("scratched {}", "{} with scratch", "{} that is scratched"),
    "crack": ("cracked {}", "{} with crack", "{} with a fracture"),
    "cut": ("{} with cut", "{} with a slit", "{} that was cut"),
    "thread": ("{} with thread", "{} with a hair", "{} with a fibre on it"),
    "hole": ("{} with hole", "punctured {}", "perforated damaged {}"),
    "missing": ("broken {}", "incomplete {}", "{} with missing part", "{} with a piece missing"),
    "stain": ("stained {}", "{} with stain", "spotted {}", "{} with a dirty spot"),
    "discoloration": ("discoloured {}", "faded {}", "{} with uneven colour", "{} with discoloration"),
    "contamination": ("contaminated {}", "dirty {}", "{} with contamination", "{} with dirt"),
    "bend": ("bent {}", "deformed {}", "distorted {}", "{} with bent part"),
    "misplaced": ("misaligned {}", "{} with misplaced part", "{} with wrong part"),
    "pasted": ("{} with foreign patch", "{} with wrong part"),
}


@dataclass(frozen=True)
class Claim:
    """A caption is true of a picture where all that it says is."""
    text: str
    family: str = ""
    colour: str = ""
    defective: bool = False
    kind: str = ""

    def fits(self, family, colour, kind):
        return (self.family in ("", family) and self.colour in ("", colour) and self.defective == bool(kind)
                and self.kind in ("", kind))


def describe(random, family, words, colour, kind):
    """A random caption of a picture; `kind` is the defect's, or empty."""
    noun, said_family, said_colour, said_kind = "object", "", "", ""
    if random.random() < 0.75:
        noun, said_family = random.choice(words), family
    if colour and random.random() < 0.4:
        noun, said_colour = f"{colour} {noun}", colour
    if kind and random.random() < 0.5:
        said_kind, states = kind, KINDS[kind]
    else:
        states = DEFECTIVE if kind else CLEAN
    text = random.choice(TEMPLATES).format(random.choice(states).format(noun))
    return Claim(text, said_family, said_colour, bool(kind), said_kind)


def anchors(random, count):
    """`count` normal and `count` anomalous ones of the method's own prompts."""
    def prompts(states):
        return [random.choice(TEMPLATES).format(random.choice(states).format("object")) for _ in range(count)]
    return prompts(NORMAL_STATES), prompts(ANOMALOUS_STATES)


def all_anchors():
    def prompts(states):
        return [template.format(state.format("object")) for state in states for template in TEMPLATES]
    return prompts(NORMAL_STATES), prompts(ANOMALOUS_STATES)


def all_words(families):
    """Every text whose words get embeddings of their own."""
    colours = ("red green blue yellow grey white black brown orange purple beige pink silver dark teal golden "
               "copper".split())
    texts = [*TEMPLATES, *NORMAL_STATES, *ANOMALOUS_STATES, *CLEAN, *DEFECTIVE, *colours, "object"]
    texts += [text for states in KINDS.values() for text in states]
    texts += [word for family in families if not family["held_out"] for word in family["words"]]
    return [text.replace("{}", " ") for text in texts]

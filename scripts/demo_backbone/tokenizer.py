"""CLIP's byte-pair encoding, as much of it as lower-case English captions need."""
import re
from functools import lru_cache
from pathlib import Path

START, END, CONTEXT = 49406, 49407, 77


class Tokenizer:
    def __init__(self, merges_path):
        lines = Path(merges_path).read_text(encoding="utf-8").splitlines()
        merges = [tuple(line.split()) for line in lines[1:]]  # the first line is a version
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        letters = [chr(code) for code in printable]
        letters += [chr(256 + i) for i in range(256 - len(printable))]
        words = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
        self.token = {word: i for i, word in enumerate(words)}
        self.rank = {pair: i for i, pair in enumerate(merges)}

    @lru_cache(maxsize=None)
    def word(self, word):
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            pairs = list(zip(pieces, pieces[1:]))
            best = min(pairs, key=lambda pair: self.rank.get(pair, 1 << 30))
            if best not in self.rank:
                break
            at = pairs.index(best)
            pieces[at : at + 2] = ["".join(best)]
        return [self.token[piece] for piece in pieces]

    def __call__(self, text):
        """Token ids of a caption, with the start and end tokens, not padded."""
        ids = [START]
        for word in re.findall(r"[a-z]+|[0-9]|[^\sa-z0-9]+", text.lower()):
            ids += self.word(word)
        return [*ids, END]

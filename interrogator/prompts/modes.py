"""The modes by the names that users know. A new one is a function here and a line in `MODES`.

A mode gets a `Task` and yields the best prompt so far, the finished one last. Nothing heavy is
imported until a mode is used: the page's and the command's options read `MODES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from interrogator.errors import InterrogatorError
from interrogator.prompts.ranking import RankedPhrase, Ranking
from interrogator.prompts.rules import (
    FAST_PHRASES,
    Budget,
    Prompt,
    Rules,
    classic,
    compose,
    fast,
    fitted_caption,
    may_follow,
    overlap,
    says,
)
from interrogator.prompts.search import FAITHFUL, FRUGAL, FULL, Beam, Effort, ScoredPrompt, Search
from interrogator.vocabulary.folding import padded
from interrogator.vocabulary.lists import NEGATIVE

if TYPE_CHECKING:
    import torch

    from interrogator.networks.clip import Clip
    from interrogator.prompts.scorer import Scorer

SHORTLIST = 2048  # as many as clip-interrogator's best mode looks at
FEWEST_NEGATIVE = 8
# Of the tokens, for a caption that a model wrote: a detailed one leaves room for phrases.
CAPTION_SHARE = 2 / 3
SPARE = 4  # candidates for each phrase that must be found: some exclude one another
NO_FAULTS = ("artists", "movements", "mediums", "sites")  # lists that never describe a fault
PINNED = "pinned"  # the category of a pinned phrase that is in no list
NEGATIVES = 256  # least similar phrases that are looked at beside the negative list
# Downhill most phrases help, and a beam would only choose among equals.
NEGATIVE_EFFORT = Effort(512, (Beam(1, 64, 8),), 0)


@dataclass(frozen=True)
class Task:
    """A picture, as far as it is known, and what is asked.

    Attributes:
        caption: As BLIP or the person said it, without banned words.
        image: Unit vector [d] of the picture.
        ranking: Its similarities with the vocabulary.
        clip: The model that scores.
        rules: What the prompt must keep.
        pair: Unit vectors [2, d] of the picture and its mirror image, whose direction `image` is.
        is_over: Asked now and then whether the time is up.
        shortlist: Phrases that the search looks at.
        caption_share: Share of the tokens that the caption may take.
    """

    caption: str
    image: torch.Tensor
    ranking: Ranking
    clip: Clip
    rules: Rules
    pair: torch.Tensor | None = None
    is_over: Callable[[], bool] = lambda: False
    shortlist: int = SHORTLIST
    caption_share: float = 1.0

    @property
    def effort(self) -> Effort:
        """How much the search tries: by tower and candidates, so that it is the same each time."""
        if self.clip.tower is None:
            return FRUGAL
        return FAITHFUL if self.rules.is_faithful else FULL

    @cached_property
    def budget(self) -> Budget:
        """How long a prompt may be."""
        return Budget(self.clip.token_limit, self.clip.token_count)

    @cached_property
    def claims(self) -> frozenset[str]:
        """The exclusive categories of which the caption names one already: no second is added."""
        claims = claims_of(self.caption, self.ranking)
        return frozenset(p.category for p in self.ranking.named(claims).values())

    @cached_property
    def ranked(self) -> dict[str, list[RankedPhrase]]:
        """The most similar phrases of each list."""
        return self.ranking.by_category(FAST_PHRASES)

    @cached_property
    def pinned(self) -> tuple[RankedPhrase, ...]:
        """The pinned phrases, in the order given, from the lists where they are in one.

        Raises:
            InterrogatorError: With the pinned phrases alone the prompt is too long.
        """
        if not self.rules.pinned:
            return ()
        known = self.ranking.named(self.rules.pinned)
        foreign = [text for text in self.rules.pinned if text.casefold() not in known]
        if foreign:
            scores = (self.clip.encode_text(foreign) @ self.image).tolist()
            for text, score in zip(foreign, scores, strict=True):
                known[text.casefold()] = RankedPhrase(text, PINNED, score, 1.0, 0.0)
        folded = dict.fromkeys(text.casefold() for text in self.rules.pinned)
        phrases = tuple(known[text] for text in folded)
        if not self.budget.fits(Prompt("", phrases).text):
            raise InterrogatorError("The pinned phrases alone are longer than the model reads.")
        return phrases

    @cached_property
    def fitted_caption(self) -> str:
        """The caption, cut at a clause where it leaves too little room for what follows it."""
        behind = "".join(f", {phrase.text}" for phrase in self.pinned)
        room = Budget(self.budget.limit, lambda caption: self.budget.count(caption + behind))
        share = Budget(int(self.budget.limit * self.caption_share), self.budget.count)
        return fitted_caption(fitted_caption(self.caption, share), room)

    @cached_property
    def likely(self) -> list[RankedPhrase]:
        """The phrases that a prompt may take, the most similar first."""
        rules = self.rules
        if not rules.is_faithful:
            return self.ranking.overall(self.shortlist)
        spare = SPARE * rules.fewest
        return self.ranking.plausible(rules.least_confidence, self.shortlist, spare)

    @property
    def candidates(self) -> list[RankedPhrase]:
        """What the search looks at: the pinned phrases, then those that may follow."""
        others = self.likely
        if self.rules.is_faithful:
            others = [phrase for phrase in others if not says(self.caption, phrase.text)]
        taken = {phrase.text for phrase in self.pinned}
        return [*self.pinned, *(phrase for phrase in others if phrase.text not in taken)]

    def completed(self, prompt: Prompt) -> Prompt:
        """Return a prompt with the plausible phrases too that do not clearly make it less similar.

        What is true and costs nothing is said; a search alone stops at what pleases the CLIP. A
        loss counts where it is more than its noise: the standard error over picture and mirror
        image, and a factor of e in the likelihood, which is 1 / `logit_scale` in the cosine.
        """
        assert self.pair is not None
        for phrase in sorted(self.likely, key=lambda phrase: -phrase.confidence):
            longer = replace(prompt, phrases=(*prompt.phrases, phrase))
            if may_follow(prompt, phrase, self.rules) and self.budget.fits(longer.text):
                scores = self.clip.encode_text([prompt.text, longer.text]) @ self.pair.T  # [2, 2]
                gains = scores[1] - scores[0]
                noise = gains.std() / len(gains) ** 0.5 + 1 / self.clip.logit_scale
                if gains.mean() >= -noise:
                    prompt = longer
        return prompt

    def scorer(self, caption: str, phrases: Sequence[RankedPhrase]) -> Scorer:
        """Return a scorer of prompts from a caption and some of these phrases."""
        from interrogator.prompts.scorer import Scorer  # imports torch

        return Scorer(self.clip, self.image, caption, tuple(phrase.text for phrase in phrases))

    def found(self, prompt: Prompt) -> ScoredPrompt:
        """Return a prompt with its similarity."""
        similarity = float(self.clip.encode_text([prompt.text])[0] @ self.image)
        return ScoredPrompt(prompt, similarity, 1)


def claims_of(caption: str, ranking: Ranking) -> dict[str, float]:
    """Return what a caption says by itself of exclusive lists, and how likely that is true.

    Of a list the likeliest phrase that it says counts: "expressionism" stands in "abstract
    expressionism" too.
    """
    words, claims = padded(caption), ranking.table.claims
    said = {
        claim for word in words.split() for claim in claims.get(word, ()) if claim.words in words
    }
    rows = [claim.row for claim in said]
    confidence = dict(zip(rows, ranking.confidence_at(rows), strict=True))
    likeliest: dict[str, int] = {}
    for row, category in sorted((claim.row, claim.category) for claim in said):
        if confidence[row] > confidence.get(likeliest.get(category, -1), -1.0):
            likeliest[category] = row
    phrases = ranking.table.vocabulary.phrases
    return {phrases[row]: confidence[row] for row in likeliest.values()}


@dataclass(frozen=True)
class Mode:
    """A way to write a prompt.

    Attributes:
        summary: What it does, in a few words.
        compose: Yields ever better prompts for a task.
        searches: Whether that takes time, because prompts are tried.
        negative: Whether it says what the picture is not.
    """

    summary: str
    compose: Callable[[Task], Iterator[ScoredPrompt]]
    searches: bool
    negative: bool = False


def classic_mode(task: Task) -> Iterator[ScoredPrompt]:
    """Yield clip-interrogator's classic prompt; see `rules.classic`."""
    yield task.found(composed(task, classic))


def fast_mode(task: Task) -> Iterator[ScoredPrompt]:
    """Yield clip-interrogator's fast prompt; see `rules.fast`."""
    yield task.found(composed(task, fast))


def composed(task: Task, how: Callable[..., Prompt]) -> Prompt:
    """Return the prompt that needs no search."""
    return how(task.fitted_caption, task.likely, task.budget, task.rules, task.pinned, task.claims)


def best_mode(task: Task) -> Iterator[ScoredPrompt]:
    """Yield ever better prompts: those of classic and fast, then what the search finds.

    It looks among what the picture plausibly shows; with `Rules.daring` 1 for the most similar
    string, whatever that says.
    """
    pinned, rules, candidates = task.pinned, task.rules, task.candidates

    def worth(found: ScoredPrompt) -> tuple[int, float]:
        """First the phrases that were asked for, then the similarity."""
        return min(len(found.prompt.phrases), rules.fewest), found.similarity

    simple = max((task.found(composed(task, how)) for how in (classic, fast)), key=worth)
    yield (best := simple)
    caption = task.fitted_caption
    search = Search(
        caption, candidates, task.scorer(caption, candidates), rules, task.effort,
        is_over=task.is_over, claims=task.claims,
    )  # fmt: skip
    for found in search.run(tuple(range(len(pinned)))):
        best = max(simple, found, key=worth)
        yield replace(best, tried=found.tried, cut_short=found.cut_short)
    # The search may have computed in a quicker format than what is shown.
    best = max(simple, task.found(found.prompt), key=worth)
    if rules.is_faithful and task.pair is not None and not found.cut_short:
        best = task.found(task.completed(best.prompt))
    yield replace(best, tried=found.tried, cut_short=found.cut_short)


def negative_mode(task: Task, positive: Prompt | None = None) -> Iterator[ScoredPrompt]:
    """Yield what to keep out: phrases that make a prompt least similar to the picture.

    They come from the negative list and from the least similar phrases of the lists that describe
    a look. With a positive prompt beside it, nothing that it asks for is taken.
    """
    listed = task.ranking.overall(NEGATIVES, least=True, without=task.ranking.all_but(NEGATIVE))
    others = task.ranking.overall(NEGATIVES, least=True, without=(*NO_FAULTS, NEGATIVE))
    faults = sorted([*listed, *others], key=lambda phrase: phrase.similarity)
    if positive is not None:
        faults = [f for f in faults if not contradicts(positive, f.text)]
    if not faults:
        raise InterrogatorError("The vocabulary has no phrases that a negative prompt could use.")
    rules = negative_rules(task.rules)

    def worth(found: ScoredPrompt) -> tuple[int, float]:
        """First the phrases that were asked for, then how unlike the picture it is."""
        return min(len(found.prompt.phrases), rules.fewest), -found.similarity

    # However little time there is: the least similar ones, as they come.
    few = compose("", faults, task.budget, replace(rules, most=rules.fewest))
    best = task.found(few)
    yield best
    search = Search(
        "", faults, task.scorer("", faults), rules, NEGATIVE_EFFORT, sign=-1, is_over=task.is_over
    )
    for found in search.run():
        best = max(best, found, key=worth)
        yield replace(best, tried=found.tried, cut_short=found.cut_short)


def negative_rules(rules: Rules) -> Rules:
    """Return the rules of a negative prompt: at least eight phrases, nothing pinned."""
    fewest = max(rules.fewest, min(FEWEST_NEGATIVE, rules.most))
    return replace(rules, fewest=fewest, pinned=(), daring=1.0)  # many of a kind are wanted


def contradicts(positive: Prompt, phrase: str) -> bool:
    """Tell whether a negative prompt with this phrase would take back what a prompt asks for."""
    return says(positive.caption, phrase) or any(
        overlap(chosen.text, phrase) for chosen in positive.phrases
    )


MODES = {
    "best": Mode(
        "searches for the best prompt of what the picture plausibly shows", best_mode, True
    ),
    "fast": Mode("the caption and the plausible phrases of all lists", fast_mode, False),
    "classic": Mode("caption, medium, artist, movement and three more", classic_mode, False),
    "negative": Mode("only what the picture is not", negative_mode, True, True),
}
DEFAULT_MODE = "fast"

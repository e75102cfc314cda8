"""What the programs that draw write beside a picture → the prompt that they drew it from."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_PROMPT = 20_000  # characters that are kept of a prompt
MAX_NODES = 20_000  # of a graph
MAX_DEPTH = 100  # of brackets in JSON

# Inputs of a ComfyUI node that hold words, and those that lead away from the positive prompt.
_WORDS = ("text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "positive", "string", "value",
          "text_positive", "populated_text", "string_a", "string_b", "text1", "text2")  # fmt: skip
_AWAY = {"model", "clip", "vae", "negative", "image", "pixels", "samples", "control_net",
         "clip_vision", "clip_vision_output", "style_model", "latent_image", "noise", "sigmas",
         "sampler", "mask", "text_negative"}  # fmt: skip
_SAMPLES = {"sampler_name", "steps", "seed", "noise_seed", "latent_image"}
_SETTINGS = re.compile(r"(?:^|\n)(?=Steps: \d)")
_NEGATIVE = re.compile(r"(?:^|\n)Negative prompt:\s*")
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.S)


@dataclass(frozen=True)
class StoredPrompt:
    """A prompt that stands in a picture's file.

    Attributes:
        prompt: The text, up to 20,000 characters; somebody else's.
        program: Which program's way of writing it is, or the field that it stands in.
        negative: The negative prompt, or "".
        settings: Steps, seed and the like, as A1111 writes them; "" for others.
    """

    prompt: str
    program: str
    negative: str = ""
    settings: str = ""


def prompts_in(texts: Mapping[str, str]) -> Iterator[StoredPrompt]:
    """Yield the prompts among a file's texts, those of programs before descriptions.

    Args:
        texts: What each is called → the text, within limits.
    """
    for found in (*_of_programs(texts), *_of_fields(texts)):
        if found and found.prompt.strip():
            yield StoredPrompt(
                found.prompt.strip()[:MAX_PROMPT], found.program,
                found.negative.strip()[:MAX_PROMPT], found.settings[:MAX_PROMPT],
            )  # fmt: skip


def _of_programs(texts: Mapping[str, str]) -> Iterator[StoredPrompt | None]:
    if "parameters" in texts:
        yield _parameters(texts["parameters"])
    if "prompt" in texts or "workflow" in texts:
        yield _comfyui(texts.get("prompt", ""), texts.get("workflow", ""))
        if not texts.get("prompt", "{").startswith("{"):
            yield StoredPrompt(texts["prompt"], "prompt")
    for name in ("invokeai_metadata", "sd-metadata"):
        if name in texts:
            yield _invokeai(_json(texts[name]))
    if "Dream" in texts:
        yield StoredPrompt(re.sub(r'^"([^"]*)".*$', r"\1", texts["Dream"], flags=re.S), "InvokeAI")
    if "Comment" in texts or texts.get("Software", "").startswith("NovelAI"):
        yield _novelai(texts)


def _of_fields(texts: Mapping[str, str]) -> Iterator[StoredPrompt | None]:
    for name in ("EXIF comment", "XP comment", "comment", "EXIF description"):
        text = texts.get(name, "")
        if _NEGATIVE.search(text) or _SETTINGS.search(text) or text.startswith("{"):
            yield _parameters(text)
        elif text:
            yield StoredPrompt(text, name)
    for name in ("XMP description", "IPTC caption", "Description", "Title"):
        if name in texts:
            yield StoredPrompt(texts[name], name)


def _json(text: str) -> Any:  # noqa: ANN401
    """Return what a text of JSON says; None where it is none, or nested too deeply."""
    depth = 0
    for token in _BRACKETS.finditer(text):
        if token[0][0] != '"':
            depth += 1 if token[0] in "[{" else -1
            if depth > MAX_DEPTH:
                return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _parameters(text: str) -> StoredPrompt | None:
    """Read A1111's text: the prompt, "Negative prompt: …", "Steps: …"; or SwarmUI's JSON there."""
    if text.startswith("{"):
        said = _json(text)
        if not isinstance(said, dict):
            return None
        program = "SwarmUI" if "sui_image_params" in said else "JSON"
        said = said.get("sui_image_params", said)
        if not isinstance(said, dict):
            return None
        negative = said.get("negativeprompt") or said.get("negative_prompt") or ""
        return StoredPrompt(str(said.get("prompt", "")), program, str(negative))
    told, *settings = _SETTINGS.split(text, maxsplit=1)
    prompt, *negative = _NEGATIVE.split(told, maxsplit=1)
    return StoredPrompt(prompt, "A1111", "".join(negative), "".join(settings))


def _invokeai(said: Any) -> StoredPrompt | None:  # noqa: ANN401
    if not isinstance(said, dict):
        return None
    if "positive_prompt" in said:
        return StoredPrompt(
            str(said["positive_prompt"]), "InvokeAI", str(said.get("negative_prompt") or "")
        )
    image = said.get("image")
    told: Any = image.get("prompt") if isinstance(image, dict) else None
    if isinstance(told, list) and told and isinstance(told[0], dict):
        told = told[0].get("prompt")
    if not isinstance(told, str):
        return None
    negative = " ".join(re.findall(r"\[([^\[\]]*)\]", told))  # of its old syntax
    prompt = " ".join(re.sub(r"\[[^\[\]]*\]", " ", told).split())
    return StoredPrompt(prompt, "InvokeAI", negative)


def _novelai(texts: Mapping[str, str]) -> StoredPrompt | None:
    said = _json(texts.get("Comment", ""))
    said = said if isinstance(said, dict) else {}
    prompt = said.get("prompt") or texts.get("Description", "")
    if not isinstance(prompt, str) or not texts.get("Software", "").startswith("NovelAI"):
        return None
    return StoredPrompt(prompt, "NovelAI", str(said.get("uc") or ""))


# ----- ComfyUI: a graph of nodes, whose inputs are values or [node, output]


def _comfyui(prompt: str, workflow: str) -> StoredPrompt | None:
    graph = _json(prompt)
    is_graph = isinstance(graph, dict) and graph and "nodes" not in graph
    nodes: dict[str, Any] = graph if is_graph else _nodes_of(_json(workflow))
    inputs = {
        str(name): node["inputs"]
        for name, node in list(nodes.items())[:MAX_NODES]
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict)
    }
    samplers = [i for i in inputs.values() if _linked(i, "positive") and _SAMPLES & i.keys()]
    for sampler in samplers:
        if words := _words(inputs, _linked(sampler, "positive")):
            return StoredPrompt(words, "ComfyUI", _words(inputs, _linked(sampler, "negative")))
    guiders = [i for i in inputs.values() if _linked(i, "conditioning") and _linked(i, "model")]
    for guider in guiders:
        if words := _words(inputs, _linked(guider, "conditioning")):
            return StoredPrompt(words, "ComfyUI")
    return None


def _linked(inputs: Mapping[str, Any], name: str) -> str:
    """Return the node that an input comes from; "" where it is a value."""
    link: Any = inputs.get(name)
    is_link = isinstance(link, list) and len(link) == 2 and isinstance(link[0], str | int)
    return str(link[0]) if is_link else ""


def _words(inputs: Mapping[str, Mapping[str, Any]], start: str) -> str:
    """Return the words that lead to a node, each once, the nearest first."""
    words: dict[str, None] = {}
    waiting, seen = deque([start]), {start}
    while waiting:
        node = inputs.get(waiting.popleft(), {})
        for name in _WORDS:
            if isinstance(text := node.get(name), str) and text.strip():
                words.setdefault(text.strip())
        for name in node:
            follows = _linked(node, name)
            if follows and name not in _AWAY and follows not in seen:
                seen.add(follows)
                waiting.append(follows)
    return ", ".join(words)


def _nodes_of(workflow: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a workflow of the page as the graph that is run: links and the words of each node."""
    if not isinstance(workflow, dict) or not isinstance(workflow.get("nodes"), list):
        return {}
    links = workflow.get("links")
    origin = {
        link[0]: link[1] for link in (links if isinstance(links, list) else [])
        if isinstance(link, list) and len(link) >= 5 and isinstance(link[0], int)
    }  # fmt: skip
    nodes = {}
    for node in workflow["nodes"][:MAX_NODES]:
        if not isinstance(node, dict):
            continue
        inputs: dict[str, Any] = {}
        values = node.get("widgets_values")
        said = [v for v in values if isinstance(v, str)] if isinstance(values, list) else []
        if said and re.search("text|prompt|string", str(node.get("type")), re.I):
            inputs["text"] = said[0]
        wanted = node.get("inputs")
        for one in wanted if isinstance(wanted, list) else []:
            if isinstance(one, dict) and isinstance(one.get("link"), int):
                inputs[str(one.get("name"))] = [origin.get(one["link"], ""), 0]
        nodes[str(node.get("id"))] = {"inputs": inputs}
    return nodes

"""The map of record: a picture at a stated scale, for paper."""

from ecozones.static_map.drawing import draw, write_map
from ecozones.static_map.letters import missing_characters
from ecozones.static_map.scene import Layer, Scene, ground_layers, set_scene, site_layers
from ecozones.static_map.sheet import DrawnMap, Sheet

__all__ = [
    "DrawnMap",
    "Layer",
    "Scene",
    "Sheet",
    "draw",
    "ground_layers",
    "missing_characters",
    "set_scene",
    "site_layers",
    "write_map",
]

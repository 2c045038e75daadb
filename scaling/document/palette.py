"""Colours by role, light and dark.

A figure is drawn in the light colours. The page restates each of them as a style rule, so one
drawing serves both schemes; a file of its own is recoloured by replacing them. Each light colour
is therefore used for one role only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Role:
    """What a colour is for, and the colour in both schemes."""

    name: str
    light: str
    dark: str


ROLES: tuple[Role, ...] = (
    Role("paper", "#fdfcf9", "#11161b"),
    Role("surface", "#ffffff", "#171d24"),
    Role("beyond", "#f3efe6", "#1e252d"),
    Role("wash", "#f4f1ea", "#1c232a"),
    Role("ink", "#17202a", "#ebe8e1"),
    Role("muted", "#515c67", "#a9b2bb"),
    Role("rule", "#ddd8ce", "#38424c"),
    Role("grid", "#ebe7de", "#28313a"),
    Role("axis", "#8a939b", "#66727f"),
    Role("run", "#7c8791", "#86919c"),
    Role("band95", "#e3edf8", "#1b2c40"),
    Role("band90", "#c9dcf0", "#233c56"),
    Role("band80", "#abcae9", "#2c4f72"),
    Role("band50", "#8db8e2", "#386490"),
    Role("median", "#1a5a9e", "#8cc0f2"),
    Role("planned", "#b5400c", "#ff9d6b"),
    Role("law", "#6a4a8c", "#c3a6e6"),
    Role("link", "#12569a", "#8cc0f2"),
    Role("good", "#0b6355", "#6ad0bc"),
    Role("bad", "#a3390a", "#ff9d6b"),
)
COLOUR = {role.name: role.light for role in ROLES}
BANDS = {0.95: "band95", 0.9: "band90", 0.8: "band80", 0.5: "band50"}


def variables(scheme: Scheme) -> str:
    """The roles as CSS custom properties."""
    return " ".join(f"--{role.name}: {getattr(role, scheme)};" for role in ROLES)


def rules(selector: str) -> str:
    """Style rules that hand the colours of a drawing over to the custom properties."""
    return "\n".join(
        f'{selector} [{side}="{role.light}"] {{ {side}: var(--{role.name}); }}'
        for role in ROLES
        for side in ("fill", "stroke")
    )


def recolour(svg: str, scheme: Scheme) -> str:
    """A drawing in the colours of the scheme."""
    if scheme == "light":
        return svg
    for role in ROLES:
        svg = svg.replace(f'"{role.light}"', f'"{role.dark}"')
    return svg

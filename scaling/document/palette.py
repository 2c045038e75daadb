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
    Role("surface", "#ffffff", "#11161c"),
    Role("beyond", "#f5f6f8", "#171d25"),
    Role("ink", "#17202a", "#e9eef3"),
    Role("muted", "#53606d", "#a5b2bf"),
    Role("grid", "#e4e8ec", "#28303a"),
    Role("axis", "#8a96a3", "#66727f"),
    Role("run", "#6d7884", "#93a0ad"),
    Role("band95", "#dceaf7", "#152b42"),
    Role("band90", "#c1daf0", "#1b3c5d"),
    Role("band80", "#97c0e4", "#245380"),
    Role("band50", "#5b97cd", "#3a7cb8"),
    Role("median", "#0a3a69", "#d3e8fb"),
    Role("planned", "#a8420a", "#ff9d5c"),
    Role("link", "#0b5cad", "#7db8f0"),
    Role("good", "#1b6b3a", "#7fcf9c"),
    Role("bad", "#b3121d", "#ff8f8f"),
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

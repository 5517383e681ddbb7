"""HTTP: routes, bodies, refusals, and what every request passes first."""

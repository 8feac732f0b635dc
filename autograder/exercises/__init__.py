"""How each exercise is tested: one module per topic, each with a list `EXERCISES`. Public: no answers here."""

"""Compositions that nobody has computed: enumerated by chemical rules, predicted, ranked by stability, and drawn."""

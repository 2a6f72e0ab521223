"""The Hydra groups of a search; `recipe` has no files, its options are `models.recipe.RECIPES`."""

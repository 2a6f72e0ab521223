import shlex

from search.groups import options
from search.parsing import parse
from search.settings import GROUPS, keys
from search.usage import EXAMPLES, OPTION_MEANINGS, help_text


def test_names_every_group_option_and_key() -> None:
    words = help_text().split()
    for group, names in options().items():
        assert f"{group}:" in words
        for name in names:
            assert f"{group}={name}" in words
    for key in keys():
        assert any(word.startswith(f"{key}=") for word in words), key


def test_every_option_and_no_other_has_a_meaning() -> None:
    assert {group: set(names) for group, names in options().items()} == {
        group: set(meanings) for group, meanings in OPTION_MEANINGS.items()
    }
    assert set(OPTION_MEANINGS) == set(GROUPS)


def test_defaults_shown_are_the_defaults() -> None:
    text = help_text()
    for line in ("seeds=1 ", "output=runs ", "trials=null ", "scheduler.grace_epochs=5 ", "split_seed=1234567 "):
        assert f"  {line}" in text
    assert "recipe.epochs=3000 | 72 " in text
    assert "* space=branching" in text
    assert "* dataset=mp" in text


def test_fits_a_wide_terminal() -> None:
    assert max(map(len, help_text().splitlines())) <= 140


def test_examples_can_be_run() -> None:
    commands = [line.strip().removeprefix("python -m search.run ") for line in EXAMPLES.splitlines()]
    for command in commands:
        parse(shlex.split(command))

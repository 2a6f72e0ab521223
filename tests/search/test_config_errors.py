"""Every mistake ends in one sentence that names it and the way out."""

import json
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.config import SearchConfig
from search.errors import UserError
from search.parsing import parse
from search.settings import GROUPS, keys

MISTAKES = [
    # unknown options
    ("space=brnching", r"^space=brnching is unknown: did you mean branching\? .*components.*hyperparameters"),
    ("dataset=jarvs", r"did you mean jarvis\?"),
    ("recipe=papr", r"did you mean paper\? Valid are fast, muon, paper"),
    ("scheduler=ahsa", r"did you mean asha\?"),
    ("cluster=aut", r"did you mean auto\?"),
    ("tracking=sqlight", r"did you mean sqlite\?"),
    ("space=", r"^space= is unknown: valid are automl, branching, components"),
    ("space=branching,components", r"is unknown: did you mean"),
    ("recipe={epochs: 3}", r"is unknown: valid are fast, muon, paper"),
    ("space=hyperparameters architecture=BRNt", r"^architecture=BRNt is unknown: did you mean BRNet"),
    ("recipe.optimiser=adm", r"^recipe.optimiser=adm is unknown: did you mean adam"),
    # unknown keys
    ("trals=3", r"^trals=3 cannot be set, there is no trals: did you mean trials"),
    ("recipe.batchsize=3", r"did you mean recipe\.batch_size\?"),
    ("batch_size=3", r"did you mean recipe\.batch_size\?"),
    ("+trials=3", r"did you mean trials\?"),
    ("~trials=3", r"did you mean trials\?"),
    ("hydra.run.dir=x", r"there is no hydra\.run\.dir"),
    ("space.name=components", r"there is no space\.name"),
    ("recipe.name=x", r"there is no recipe\.name"),
    ("xyzzy=3", r"there is no xyzzy: settings are listed by --help"),
    # malformed
    ("recipe.epochs", r"^recipe\.epochs is not a setting: write key=value"),
    ("=3", r"^=3 is not a setting: write key=value"),
    ("", r"^'' is not a setting"),
    ("--trials", r"^--trials is not a setting"),
    ("trials==3", r"^trials==3 is not a whole number"),
    # wrong types
    ("recipe.batch_size=abc", r"^recipe\.batch_size=abc is not a whole number"),
    ("recipe.batch_size=32.5", r"^recipe\.batch_size=32\.5 is not a whole number"),
    ("recipe.learning_rate=fast", r"^recipe\.learning_rate=fast is not a number"),
    ("recipe.learning_rate=inf", r"^recipe\.learning_rate=inf is not a number"),
    ("recipe.standardise=3", r"^recipe\.standardise=3 is not true or false"),
    ("dry_run=maybe", r"^dry_run=maybe is not true or false"),
    ("trials=3.7", r"^trials=3\.7 is not a whole number of 1 or more"),
    ("trials=true", r"^trials=true is not a whole number"),
    ("trials=1,2", r"^trials=1,2 is not a whole number"),
    ("trials=${budget}", r"is not a whole number"),
    ("trials=" + "9" * 5000, r"^trials=9+\.\.\. is not a whole number"),
    ("seeds=1,2", r"^seeds=1,2 is not .* such as \[3,5\]"),
    ("name=", r"^name= is not a text of one character or more"),
    # impossible values
    ("trials=-3", r"^trials=-3 is not a whole number of 1 or more"),
    ("trials=0", r"^trials=0 is not a whole number of 1 or more"),
    ("max_concurrent=0", r"^max_concurrent=0 is not"),
    ("seeds=0", r"^seeds=0 is not a number of seeds"),
    ("seeds=adaptive:1", r"^seeds=adaptive:1 is not .* adaptive:8 \(2 to 1000\)"),
    ("seeds=adaptive:many", r"^seeds=adaptive:many is not"),
    ("seeds=adaptive scheduler=hyperband", r"take scheduler=asha or none"),
    ("seeds=adaptive objectives=[validation_mae,parameters]", r"give one objective, or a number of seeds"),
    ("seeds=[]", r"^seeds=\[\] is not"),
    ("seeds=[1,1]", r"^seeds=\[1,1\] is not .* different"),
    ("seeds=[-1]", r"^seeds=\[-1\] is not"),
    ("seeds=[4294967296]", r"is not"),
    ("seeds=1000000000000", r"is not a number of seeds \(1 to 1000\)"),
    ("split_seed=4294967296", r"^split_seed=4294967296 is not .* up to 4294967295"),
    ("recipe.epochs=0", r"^recipe\.epochs=0 must be at least 1"),
    ("recipe.batch_size=-1", r"^recipe\.batch_size=-1 must be at least 1"),
    ("recipe.learning_rate=0", r"^recipe\.learning_rate=0 would train nothing"),
    ("recipe.averaging=1", r"^recipe\.averaging=1\.0 must be below 1"),
    ("recipe.optimiser=sgd recipe.beta2=0.9", r"^recipe\.beta2=0\.9 means nothing to recipe\.optimiser=sgd"),
    ("recipe.huber_delta=0.1", r"^recipe\.huber_delta=0\.1 means nothing to .* add recipe\.loss=huber"),
    ("time_budget=soon", r"^time_budget=soon is not a time"),
    ("time_budget=0", r"^time_budget=0 is not a time above 0"),
    ("time_budget=-5m", r"is not a time"),
    ("time_budget=5m5h", r"is not a time"),
    ("time_budget=1e9", r"is not a time"),
    ("time_budget=400d", r"is not a time .* up to 365d"),
    ("gpus_per_trial=-1", r"^gpus_per_trial=-1 is not a part of one GPU"),
    ("gpus_per_trial=1.5", r"^gpus_per_trial=1\.5 is not .* or a whole number"),
    ("gpus_per_trial=nan", r"^gpus_per_trial=nan is not"),
    ("cpus_per_trial=0", r"^cpus_per_trial=0 is not a number above 0"),
    ("scheduler=asha scheduler.grace_epochs=0", r"^scheduler\.grace_epochs=0 is not"),
    ("scheduler=asha scheduler.reduction_factor=1", r"^scheduler\.reduction_factor=1 is not .* 2 or more"),
    ("rows=0", r"^rows=0 is too few"),
    ("outliers=-1", r"^outliers=-1"),
    ("budget=1000", r"^budget=1000 cannot be met .* between 129,637 and 139,426,049 parameters"),
    ("objectives=[parameters,validation_mae]", r"is not validation_mae or .*, and after it any of parameters"),
    ("objectives=[validation_mae,size]", r"^objectives=\[validation_mae,size\] is not"),
    (
        "scheduler=asha scheduler.grace_epochs=60 recipe.epochs=60",
        r"^scheduler\.grace_epochs=60 lets every trial train all of recipe\.epochs=60: give fewer",
    ),
    ("ensemble=0 ensemble_parameters=1000", r"^ensemble_parameters=1000 has no meaning beside ensemble=0"),
    ("sampler=nsga3 space=hyperparameters", r"^sampler=nsga3 is unknown: did you mean nsga2"),
    # settings that do not go together
    ("sampler=nsga2", r"^sampler= has no meaning for space=branching, whose 11 candidates are all trained"),
    ("objectives=[validation_mae,training_seconds] scheduler=asha", r"^scheduler=asha would make .* look quick"),
    (
        "space=automl ensemble_parameters=5e6",
        r"^space=automl fits .* leave out ensemble_parameters=",
    ),
    ("space=automl objectives=[validation_mae,parameters]", r"^space=automl fits traditional models"),
    ("dataset=csv target=x", r"^dataset=csv needs .* path="),
    ("dataset=csv path=x", r"^dataset=csv needs .* target="),
    ("path=x.csv", r"^path= belongs to dataset=csv, not to dataset=mp"),
    ("dataset=jarvis target=x", r"^target= belongs to dataset=csv, not to dataset=jarvis"),
    ("dataset=csv path=a target=b property=gap", r"^property= belongs to .* not to dataset=csv"),
    ("space=components budget=5e6", r"^budget= belongs to space=branching, not to space=components"),
    ("architecture=BRNet", r"^architecture= belongs to space=hyperparameters or space=listed, not to space=branching"),
    ("space=listed architecture=none.json", r"^architecture= cannot be read: .*none\.json.*; it is written as in \{"),
    ("space=listed architecture=[]", r"^architecture= cannot be read: the list is empty;"),
    ("space=listed architecture=[BRNet,Brnet]", r"^architecture= cannot be read: Brnet is none of ElemNet, .*BRNet;"),
    ("space=listed architecture=[BNet,BRNet,BNet]", r"^space=listed has .* twice: leave one out\.$"),
    (
        "space=hyperparameters architecture=[BNet,BRNet]",
        r"^architecture= is a list, .*=hyperparameters .*space=listed\.$",
    ),
    ("scheduler=rows scheduler.rungs=1", r"^scheduler\.rungs=1 is not .* 2 or more, up to 6"),
    ("scheduler.rungs=2", r"belongs to scheduler=rows, not to scheduler=none"),
    ("scheduler=rows recipe.train_part=0.5", r"leave out recipe\.train_part="),
    ("scheduler=rows space=traditional", r"^scheduler=rows is for networks: scheduler=asha stops"),
    ("scheduler.grace_epochs=3", r"belongs to scheduler=asha, not to scheduler=none"),
    ("scheduler=hyperband scheduler.grace_epochs=3", r"belongs to scheduler=asha, not to scheduler=hyperband"),
    ("cluster.address=host:1", r"belongs to cluster=auto, not to cluster=local"),
    ("tracking=server", r"^tracking=server needs .* tracking\.uri="),
    ("tracking=server tracking.uri=myhost", r"^tracking\.uri=myhost is no server's address"),
    ("tracking=server tracking.uri=sqlite:///x.db", r"is no server's address"),
    ("tracking.uri=http://h:1", r"write tracking=server"),
]


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES, ids=[mistake[:40] for mistake, _ in MISTAKES])
def test_a_mistake_is_told_in_one_sentence(arguments: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as raised:
        parse(arguments.split(" ") if "{" not in arguments else [arguments])
    assert_one_sentence(str(raised.value))


def test_a_control_character_does_not_break_the_sentence() -> None:
    with pytest.raises(UserError) as raised:
        parse(["tri\nals\x1b[31m=3"])
    assert_one_sentence(str(raised.value))


def assert_one_sentence(text: str) -> None:
    assert text.isprintable()
    assert text.endswith(".")
    assert len(text) < 400
    assert "Traceback" not in text


values = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="0123456789.eE+-_dhms[],{}()$'\"=\\ :", max_size=12),
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["null", "true", "false", "", "${oc.env:HOME}", "???", "nan", "[1,2]", "{a:1}", "range(1,3)"]),
)
known_keys = st.sampled_from([*GROUPS, *keys()])
arguments = st.one_of(
    st.text(max_size=40),
    st.tuples(known_keys, values).map("=".join),
    st.tuples(st.sampled_from(["+", "~", "++", "hydra.", "@"]), known_keys, values).map(
        lambda t: f"{t[0]}{t[1]}={t[2]}"
    ),
    st.tuples(st.text(alphabet=string.ascii_lowercase + "._", min_size=1, max_size=12), values).map("=".join),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(arguments, max_size=3) | st.tuples(known_keys, values).map(lambda pair: ["=".join(pair)]))
@example(["space.name=branching"])
@example(["seeds=[" + "1" * 4301 + "]"])
@example(["budget=" + "9" * 4000])
@example(["recipe.epochs=" + "9" * 400])
@example(["tracking.uri=\ud800"])
def test_anything_typed_gives_settings_or_one_sentence(argv: list[str]) -> None:
    try:
        config = parse(argv)
    except UserError as mistake:
        assert_one_sentence(str(mistake))
    else:
        assert SearchConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config

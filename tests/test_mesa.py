"""The Mesa face: the figures of the engine, agents as windows on rows, and nothing that Mesa does comes back into the engine."""

import ast
import copy
import gc
import pickle
import re
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import mesa
import numpy as np
import pytest
from files import write_small

import market_abm as ma
import market_abm.model
from market_abm import agents, engine
from market_abm.agents import AgentHasLeft, ChipMaker, CloudProvider, EnergyProvider, EverybodyElse, Hyperscaler, Neocloud, Startup
from market_abm.errors import BadInput
from market_abm.model import BrokenIdentity, ComputeMarket
from market_abm.parameters.frame import with_frame
from market_abm.phases.quarter import QUARTER, Phase
from market_abm.state.tables import TABLES

ROOT = Path(__file__).parent.parent
SEED = 3
QUARTERS = 12  # long enough for the 128 slots of the small market to fill and to be let again
OTHERS = """
[cast.clouds.upstart]
kind = "neocloud"
cash_usd = 1e9
[cast.clouds.rest]
kind = "everybody_else"
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mesa")
    return with_frame(ma.load(write_small(folder, OTHERS)), quarters=QUARTERS)


@pytest.fixture(scope="module")
def expected(config):
    """What the engine says of run 0 of the study with the same seed, `(quarters, metrics)`."""
    return ma.run(config, runs=2, seed=SEED).values[:, :, 0].T


def short(config, quarters=3):
    return with_frame(config, quarters=quarters)


def recorded(model):
    """Return the metrics that a model has collected, `(quarters, metrics)`."""
    table = model.datacollector.get_model_vars_dataframe()
    return np.ascontiguousarray(table[list(model.metrics)].to_numpy())


def same(values, expected):
    return values.shape == expected.shape and values.tobytes() == np.ascontiguousarray(expected).tobytes()


def steps(model, count):
    for _ in range(count):
        model.step()
    return model


# The figures ----------------------------------------------------------------------------------------


def test_every_metric_of_every_quarter_is_that_of_the_engine(config, expected):
    model = ma.ComputeMarket(config, rng=SEED)
    model.run_model()
    table = model.datacollector.get_model_vars_dataframe()
    assert same(recorded(model), expected)
    assert list(table["quarter"]) == list(ma.run(config, runs=1).labels)
    assert list(table.columns) == ["quarter", *ma.run(short(config, 1), runs=1).names]


class Reader(mesa.Agent):
    """A user's own agent that looks at the market, and draws from the model's generators."""

    def __init__(self, model):
        super().__init__(model)
        self.seen = []

    def step(self):
        startups = self.model.agents_by_type[Startup]
        self.seen.append((self.model.quarter, len(startups), self.random.random(), self.rng.random()))


class Watched(ComputeMarket):
    """A market with readers, who act before the data of a quarter are collected."""

    def __init__(self, config, rng=None, **reporters):
        super().__init__(config, rng, **reporters)
        Reader.create_agents(self, 2)

    def quarter_ends(self):
        self.agents_by_type[Reader].shuffle_do("step")


def test_looking_does_not_change_a_bit(config, expected):
    model = Watched(config, SEED, agent_reporters={"cash": "cash_usd", "seen": lambda a: len(getattr(a, "seen", ()))})
    while model.running:
        model.step()
        model.agents.shuffle_do(lambda agent: agent.step())
        model.agents.select(lambda agent: isinstance(agent, Startup) and agent.cash_usd > 0).agg("skill", max)
    assert same(recorded(model), expected)


def test_a_user_s_agents_are_in_the_model_and_read_the_world(config):
    model = Watched(short(config), SEED, agenttype_reporters={Reader: {"quarters": lambda a: len(a.seen)}})
    model.run_model()
    readers = model.agents_by_type[Reader]
    assert [a.unique_id for a in readers] == [1, 2]
    assert list(model.agents)[:2] == list(readers)
    assert [quarter for quarter, *_ in readers[0].seen] == ["2018Q1", "2018Q2", "2018Q3"]
    assert readers[0].seen[-1][1] == model.metrics["startups_alive"]
    assert list(model.datacollector.get_agenttype_vars_dataframe(Reader)["quarters"]) == [1, 1, 2, 2, 3, 3]
    readers[0].remove()
    assert len(model.agents_by_type[Reader]) == 1


def test_time_has_its_names_and_stops_after_the_last_quarter(config):
    model = ComputeMarket(short(config, 2), rng=SEED)
    assert (model.quarter, model.steps, model.running, model.configuration.frame.runs) == (None, 0, True, 1)
    assert set(map(str, model.metrics.values())) == {"nan"}
    model.step()
    assert (model.quarter, model.running) == ("2018Q1", True)
    assert model.metrics["startups_alive"] == len(model.agents_by_type[Startup])
    model.step()
    before = recorded(model)
    assert (model.quarter, model.running, model.steps) == ("2018Q2", False, 2)
    steps(model, 3)
    assert (model.quarter, model.running, model.steps) == ("2018Q2", False, 2)
    assert same(recorded(model), before)


@pytest.mark.parametrize("given", [SEED, np.int64(SEED), str(SEED)])
def test_a_whole_number_is_the_seed_however_it_is_given(config, expected, given):
    assert same(recorded(steps(ComputeMarket(config, rng=given), 2)), expected[:2])


def test_other_seeds_of_mesa_are_taken_and_reproduce(config):
    one, two, other = (ComputeMarket(short(config), rng=np.random.default_rng(n)) for n in (5, 5, 6))
    assert one.configuration.frame.seed == two.configuration.frame.seed != other.configuration.frame.seed
    assert ComputeMarket(short(config)).configuration.frame.seed == config.frame.seed
    assert one.random.random() == two.random.random()


def test_a_bad_seed_is_refused_with_its_bound(config):
    with pytest.raises(BadInput, match="frame.seed = -1"):
        ComputeMarket(config, rng=-1)


def test_a_path_is_as_good_as_a_configuration(tmp_path):
    path = write_small(tmp_path)
    assert ComputeMarket(path).configuration.frame.quarters == ComputeMarket(ma.load(path)).configuration.frame.quarters == 4


# A run that breaks ----------------------------------------------------------------------------------


def forge_money(world):
    """Put money into the first cloud's account that comes from nowhere, in the third quarter."""
    if world.quarter == 2:
        first = np.arange(world.clouds.cash_usd.shape[-1]) == 0
        world.clouds.cash_usd = world.clouds.cash_usd + 1e12 * first


def test_a_broken_identity_stops_the_model_and_says_where(config, monkeypatch):
    monkeypatch.setattr(engine, "QUARTER", (*QUARTER, Phase(14, forge_money, ("clouds.cash_usd",), "A test.")))
    [failure] = ma.run(config, runs=1, seed=SEED).failures
    model = ComputeMarket(config, rng=SEED)
    east = steps(model, 2).agents.select(lambda agent: agent.name == "east")[0]
    before = recorded(model)
    with pytest.raises(BrokenIdentity) as broken:
        model.step()
    error = broken.value
    assert (error.quarter, error.identity) == ("2018Q3", "money is conserved")
    assert {"quarter": error.quarter, "identity": error.identity, "where": error.where, "amount": error.amount} == {
        name: failure[name] for name in ("quarter", "identity", "where", "amount")}
    assert error.amount == pytest.approx(1e12)
    assert str(error) == "2018Q3: money is conserved does not hold at clouds.cash_usd row 0 (east): off by 1e+12; the run has ended"
    assert not model.running
    assert model.quarter == "2018Q3"
    assert same(recorded(model), before)
    assert (east.alive, len(model.agents)) == (False, 0)
    with pytest.raises(BrokenIdentity):
        model.step()


def test_a_quarter_that_was_interrupted_is_not_taken_up_again(config, monkeypatch):
    def interrupt(world):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "QUARTER", (*QUARTER, Phase(14, interrupt, (), "A test.")))
    model = ComputeMarket(config, rng=SEED)
    with pytest.raises(KeyboardInterrupt):
        model.step()
    with pytest.raises(RuntimeError, match="make the model anew"):
        model.step()


# Windows --------------------------------------------------------------------------------------------


@pytest.fixture
def model(config):
    return steps(ComputeMarket(config, rng=SEED), 2)


def column(model, name):
    return model.simulation.world.array(name)


def test_agents_have_the_class_of_their_row(model):
    kinds = [type(agent) for agent in model.agents]
    assert kinds[:6] == [ChipMaker, ChipMaker, Hyperscaler, Hyperscaler, Neocloud, EverybodyElse]
    assert kinds[6:] == [EnergyProvider] + [Startup] * int(column(model, "startups.alive").sum())
    assert [agent.name for agent in model.agents][:7] == ["alpha", "beta", "east", "west", "upstart", "rest", "north"]
    assert set(model.agent_types) == set(model.agents_by_type) == set(kinds)
    assert len(model.agents.select(agent_type=CloudProvider)) == 4


def test_a_kind_of_cloud_without_a_class_of_its_own_is_a_cloud_provider(config):
    model = ComputeMarket(config, rng=SEED)
    column(model, "clouds.kind")[0, 1] = 17.0
    assert [type(agent) for agent in model.agents][3] is CloudProvider


def test_every_table_of_agents_has_a_class_and_every_column_is_an_attribute():
    assert set(agents.OF_TABLE) == {table.name for table in TABLES} - {"market"}
    for table in TABLES:
        assert not {c.name for c in table.columns} & {*dir(mesa.Agent), "name", "row", "table", "model", "unique_id", "pos"}
        if table.name != "market":
            assert {c.name for c in table.columns} - {"birth"} <= set(dir(agents.OF_TABLE[table.name]))
    assert Startup.skill.__doc__ == "Research skill: effective FLOP per FLOP, median 1. [ratio]"


def test_columns_are_read_live(model):
    east, startup = model.agents.select(lambda agent: agent.name == "east")[0], model.agents_by_type[Startup][5]
    assert (east.cash_usd, startup.skill) == (column(model, "clouds.cash_usd")[0, 0], column(model, "startups.skill")[0, 5])
    assert type(east.cash_usd) is type(east.kind) is float
    cash = [startup.cash_usd]
    for _ in range(2):
        model.step()
        cash.append(startup.cash_usd)
        assert cash[-1] == column(model, "startups.cash_usd")[0, startup.row]
    assert len(set(cash)) == 3


def test_columns_by_another_table_come_by_name_or_as_copies(model):
    east, north = (model.agents.select(lambda agent, n=n: agent.name == n)[0] for n in ("east", "north"))
    fleet = column(model, "clouds.fleet_pflops")
    assert east.fleet_pflops == {"alpha": fleet[0, 0, 0], "beta": fleet[1, 0, 0]}
    ordered = column(model, "clouds.ordered_pflops")
    assert east.ordered_pflops["beta"] == pytest.approx(ordered[:, 1, 0, 0].sum(), rel=1e-14)
    maker = model.agents[0]
    assert maker.capacity_building_chips == pytest.approx(column(model, "makers.capacity_building_chips")[:, 0, 0].sum(), rel=1e-14)
    plants = north.plant_mw
    assert plants.tolist() == column(model, "regions.plant_mw")[:, 0, 0].tolist()
    with pytest.raises(ValueError, match="read-only"):
        plants[0] = 1.0
    model.step()
    assert plants.base is None


def test_links_lead_to_the_agent_they_name_or_to_nobody(model):
    startups, clouds = model.agents_by_type[Startup], list(model.agents.select(agent_type=CloudProvider))
    assert any(startup.provider is not None for startup in startups)
    for startup in startups:
        row = column(model, "startups.provider")[0, startup.row]
        assert startup.provider is next((cloud for cloud in clouds if cloud.row == row), None)
    startup = startups[0]
    column(model, "startups.holder")[:, 0, startup.row] = [1, model.simulation.world.rows["clouds"], 0, 0]
    assert startup.holder == (clouds[1], None, clouds[0], clouds[0])
    column(model, "startups.provider")[0, startup.row] = model.simulation.world.rows["clouds"]
    assert startup.provider is None
    assert clouds[0].parent is None


def test_asking_twice_gives_the_same_object_numbered_by_birth(model):
    first = list(model.agents)
    assert all(one is two for one, two in zip(first, model.agents, strict=True))
    assert [a.unique_id for a in model.agents_by_type[Startup]] == [
        int(b) for b, alive in zip(column(model, "startups.birth")[0], column(model, "startups.alive")[0], strict=True) if alive]
    assert len({a.unique_id for a in first}) == len(first)
    model.step()
    assert {id(a) for a in first if a.alive} <= {id(a) for a in model.agents}


def test_a_window_never_shows_the_next_tenant_of_its_slot(config):
    model = ComputeMarket(config, rng=SEED)
    met, let_again = {agent.unique_id: agent for agent in model.agents}, 0
    while model.running:
        model.step()
        now = {agent.unique_id: agent for agent in model.agents}
        rows = {(a.table, a.row): a for a in now.values()}
        for unique_id, agent in met.items():
            assert agent.alive == (unique_id in now)
            assert agent.unique_id == agent.birth == unique_id
            if not agent.alive:
                let_again += (agent.table, agent.row) in rows
                with pytest.raises(AgentHasLeft, match="is no longer in the market, so it has no cash_usd"):
                    _ = agent.cash_usd
        met |= now
        for table in agents.OF_TABLE:
            assert sum(a.table == table for a in now.values()) == column(model, f"{table}.alive").sum()
    assert let_again > 10
    gone = next(agent for agent in met.values() if not agent.alive)
    assert getattr(gone, "cash_usd", None) is None
    assert repr(gone).endswith(", gone>")


def test_the_order_of_agents_does_not_depend_on_when_one_looks(config):
    early, late = ComputeMarket(config, rng=SEED), ComputeMarket(config, rng=SEED)
    Reader(early)
    assert len(early.agents) > 0
    steps(early, 9)
    Reader(steps(late, 9))
    assert [a.unique_id for a in early.agents] == [a.unique_id for a in late.agents]
    early.step()
    late.step()
    for kind in early.agent_types:
        assert [a.unique_id for a in early.agents_by_type[kind]] == [a.unique_id for a in late.agents_by_type[kind]]


def test_a_set_that_was_fetched_once_follows_births_and_deaths(config):
    model = ComputeMarket(config, rng=SEED)
    startups = model.agents_by_type[Startup]
    for _ in range(8):
        model.step()
        assert len(startups) == model.metrics["startups_alive"]


def test_a_wrong_name_gets_a_hint(model):
    with pytest.raises(AttributeError, match="Startup has no attribute 'cash_us'; did you mean cash_usd?"):
        _ = model.agents_by_type[Startup][0].cash_us
    with pytest.raises(AttributeError, match="_secret"):
        _ = model.agents[0]._secret


def test_only_the_engine_writes(model):
    startup = model.agents_by_type[Startup][0]
    for name in ("cash_usd", "alive", "birth", "colour"):
        with pytest.raises(AttributeError, match=f"Startup.{name} cannot be set: only the engine writes; change a parameter, date a lever"):
            setattr(startup, name, 1.0)
    startup.pos = (1, 2)
    with pytest.raises(TypeError, match="leave by the engine's rules of exit"):
        startup.remove()
    with pytest.raises(TypeError, match="Startup agents are born in the engine"):
        Startup(model)


def test_the_methods_of_agent_sets_work(model):
    startups = model.agents_by_type[Startup]
    rich = startups.select(lambda a: a.cash_usd > 1e6, at_most=3)
    assert len(rich) == 3
    assert startups.agg("cash_usd", max) == column(model, "startups.cash_usd").max()
    assert len(startups.get(["cash_usd", "skill"])[0]) == 2
    assert model.agents.get("skill", handle_missing="default", default_value=None)[0] is None
    assert sum(model.agents.groupby(lambda a: type(a).__name__).count().values()) == len(model.agents)
    assert startups.do("step") is startups
    assert startups.sort("skill")[0].skill == column(model, "startups.skill").max()


def test_nothing_is_opened_before_somebody_looks(config):
    model = steps(ComputeMarket(config, rng=SEED), 2)
    assert not any(model._windows.values())
    assert len(model.agents_by_type[ChipMaker]) == 2


# Data, copies and memory ----------------------------------------------------------------------------


def test_agent_reporters_work_as_in_mesa(config):
    model = ComputeMarket(short(config), rng=SEED, model_reporters={"makers": lambda m: len(m.agents_by_type[ChipMaker])},
                          agent_reporters={"cash": "cash_usd", "kind": lambda a: type(a).__name__},
                          agenttype_reporters={Hyperscaler: {"chips": "active_pflops"}}, tables={"notes": ["text"]})
    model.run_model()
    of_agents = model.datacollector.get_agent_vars_dataframe()
    last = of_agents.xs(3, level="Step")
    assert list(last.index) == [a.unique_id for a in model.agents]
    assert last["cash"].tolist() == model.agents.get("cash_usd")
    assert list(model.datacollector.get_model_vars_dataframe()["makers"]) == [2, 2, 2]
    assert len(model.datacollector.get_agenttype_vars_dataframe(Hyperscaler)) == 6


def test_mesa_s_batch_run_takes_the_model(config):
    configurations = [with_frame(config, quarters=2, seed=seed) for seed in (1, 2)]
    rows = mesa.batch_run(ComputeMarket, {"config": configurations}, data_collection_period=1, display_progress=False)
    for configuration in configurations:
        values = [row["startups_alive"] for row in rows if row["config"].frame.seed == configuration.frame.seed]
        assert values == ma.run(configuration, runs=1).metrics["startups_alive"].tolist()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_a_copy_goes_on_by_itself_with_the_same_bits(config, expected, copied):
    model = steps(ComputeMarket(config, SEED, agent_reporters={"cash": "cash_usd"}), 5)
    assert len(model.agents) > 0
    twin = copied(model)
    twin.run_model()
    assert same(recorded(model), expected[:5])
    assert same(recorded(twin), expected)
    model.run_model()
    assert same(recorded(model), expected)
    assert [a.cash_usd for a in twin.agents] == [a.cash_usd for a in model.agents]
    assert twin.agents[0].model is twin
    assert not set(map(id, twin.agents)) & set(map(id, model.agents))


def test_models_are_not_kept_in_memory(config):
    dropped = []
    for n in range(4):
        kept = Watched(short(config), n, agent_reporters={"cash": "cash_usd"}) if n % 2 else ComputeMarket(short(config), n)
        steps(kept, 2)
        assert kept.agents[0].model is kept
        dropped.append(weakref.ref(kept))
    del kept
    gc.collect()
    assert [ref() for ref in dropped] == [None] * 4


def test_names_of_the_model_do_not_take_mesa_s():
    tree = ast.parse(Path(market_abm.model.__file__).read_text("utf-8"))
    assigned = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    replaced = {"step", "agents", "agents_by_type", "agent_types", "register_agent"}
    mine = assigned | {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and not node.name.startswith("__")}
    assert (mine & {*dir(mesa.Model()), "time", "scenario", "steps"}) - replaced == {"running"}


def test_mesa_is_loaded_only_when_the_model_is_asked_for():
    script = ("import sys, multiprocessing, market_abm, market_abm.engine, market_abm.studies.run\n"
              "assert 'mesa' not in sys.modules and multiprocessing.get_start_method(allow_none=True) is None\n"
              "market_abm.ComputeMarket\nassert 'mesa' in sys.modules")
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


# The document ---------------------------------------------------------------------------------------


def test_the_tutorial_runs_from_top_to_bottom(tmp_path, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "mesa.md").read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) > 4
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(compile(block, "docs/mesa.md", "exec"), names)

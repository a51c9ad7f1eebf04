"""The world and its windows: who may write what, and how pipelines and flows behave."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import fill, real_world, same_bits, snapshot, tiny_world

from market_abm.state.flows import UnknownFlow
from market_abm.state.world import NotListed, Window

SHOP_COLUMNS = ("shops.cash", "shops.price", "shops.mood", "shops.landlord", "shops.goods", "shops.coming")


def a_window(world, *writes):
    return Window(world, "shops_set_prices", writes or SHOP_COLUMNS)


# Writing --------------------------------------------------------------------------------------------


def test_a_listed_column_is_written_and_every_other_kept():
    world = tiny_world()
    fill(world, np.random.default_rng(0))
    before = snapshot(world)
    a_window(world, "shops.price").shops.price = np.full((2, 4), 7.0)
    after = snapshot(world)
    assert after.pop("shops.price").tolist() == [[7.0] * 4] * 2
    assert all(same_bits(before[name], after[name]) for name in after)


def test_an_unlisted_write_names_phase_column_and_list():
    window = a_window(tiny_world(), "shops.price", "shops.cash")
    with pytest.raises(NotListed) as refusal:
        window.shops.mood = 1.0
    for part in ("shops_set_prices", "shops.mood", "cash, price"):
        assert part in str(refusal.value)


def test_a_window_that_lists_nothing_of_a_table_says_so():
    window = a_window(tiny_world(), "shops.price")
    with pytest.raises(NotListed, match=r"shops_set_prices may not write guests\.cash; it lists nothing"):
        window.guests.cash = 1.0


def test_a_misspelt_column_is_refused():
    with pytest.raises(NotListed, match=r"shops\.prize"):
        a_window(tiny_world()).shops.prize = 1.0


@pytest.mark.parametrize("listed", [True, False])
def test_no_column_can_be_changed_from_inside(listed):
    window = a_window(tiny_world(), "shops.price" if listed else "shops.cash")
    with pytest.raises(ValueError, match="read-only"):
        window.shops.price[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        window.shops.price += 1.0


def test_an_unlisted_pipeline_cannot_be_changed_at_all():
    world = tiny_world()
    pipe = a_window(world, "shops.cash").shops.coming
    for write in (lambda: pipe.place(0, np.ones((2, 2, 4)), np.ones((2, 1))), lambda: pipe.clear(0), lambda: pipe.add(0, np.ones((2, 2, 4))),
                  lambda: pipe.rewrite(np.ones((4, 2, 2, 4)))):
        with pytest.raises(NotListed, match=r"phase shops_set_prices may not write shops\.coming; it lists cash"):
            write()
    with pytest.raises(ValueError, match="read-only"):
        pipe.array[...] = 1.0
    assert not world.array("shops.coming").any()


def test_a_pipeline_is_not_written_like_a_column():
    with pytest.raises(NotListed, match="place, clear or rewrite"):
        a_window(tiny_world()).shops.coming = 0.0


def test_a_list_with_a_column_that_does_not_exist_is_refused():
    with pytest.raises(NotListed, match=r"shops_set_prices .*shops\.prize, stalls\.cash"):
        Window(tiny_world(), "shops_set_prices", ("shops.cash", "shops.prize", "stalls.cash"))


def test_a_write_copies():
    world = tiny_world()
    shops, mine = a_window(world).shops, np.full((2, 4), 3.0)
    shops.price = mine
    mine[...] = 9.0
    shops.mood = shops.price
    shops.price = 5.0
    assert world.array("shops.mood").tolist() == [[3.0] * 4] * 2
    assert world.array("shops.price").tolist() == [[5.0] * 4] * 2


def test_a_write_is_seen_at_once_by_the_same_and_by_other_windows():
    world = tiny_world()
    other = a_window(world, "guests.cash")
    window = a_window(world)
    window.shops.price = 2.0
    assert window.shops.price[1, 3] == other.shops.price[1, 3] == 2.0


def test_a_figure_per_run_fills_the_rows_of_its_run():
    world = tiny_world()
    a_window(world).shops.price = np.array([[1.0], [2.0]])
    assert world.array("shops.price").tolist() == [[1.0] * 4, [2.0] * 4]


@pytest.mark.parametrize("shape", [(2, 3), (3, 4), (4, 2), (4,), (2,), (2, 2, 4)])
def test_a_write_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        a_window(tiny_world()).shops.price = np.ones(shape)


def test_a_row_without_its_run_is_refused_even_where_runs_equal_rows():
    with pytest.raises(ValueError, match=r"shops\.price: shape \(4,\)"):
        a_window(tiny_world(runs=4)).shops.price = np.ones(4)


def test_a_link_takes_no_fractions():
    with pytest.raises(TypeError):
        a_window(tiny_world()).shops.landlord = np.full((2, 4), 1.5)


def test_a_new_world_is_empty_and_its_links_name_nobody():
    for world in (tiny_world(), real_world()):
        for table, column, array in world.each():
            nothing = world.rows[column.to] if column.to else 0
            assert np.all(array == nothing), f"{table.name}.{column.name}"
            assert array.flags.c_contiguous
            assert array.shape[-2:] == (world.runs, world.rows[table.name])


# Pipelines ------------------------------------------------------------------------------------------


def test_nothing_arrives_before_its_lead_and_everything_at_it():
    pipe = a_window(tiny_world()).shops.coming
    amount, lead = np.ones((2, 2, 4)), np.array([[1], [3]])
    pipe.place(10, amount, lead)
    assert pipe.waiting().tolist() == amount.tolist()
    for quarter, arriving in ((10, (0, 0)), (11, (1, 0)), (12, (0, 0)), (13, (0, 1))):
        assert pipe.arrivals(quarter)[:, 0].tolist() == [[arriving[0]] * 4] * 2, quarter
        assert pipe.arrivals(quarter)[:, 1].tolist() == [[arriving[1]] * 4] * 2, quarter
        pipe.clear(quarter)
    assert not pipe.waiting().any()


def test_what_is_added_stands_in_the_slot_of_its_own_quarter():
    pipe = a_window(tiny_world()).shops.coming
    pipe.add(6, np.full((2, 2, 4), 3.0))
    pipe.add(6, np.full((2, 2, 4), 2.0))
    assert pipe.arrivals(6).tolist() == np.full((2, 2, 4), 5.0).tolist()
    assert pipe.waiting().tolist() == np.full((2, 2, 4), 5.0).tolist()


def test_arrivals_are_a_copy():
    pipe = a_window(tiny_world()).shops.coming
    pipe.place(0, np.ones((2, 2, 4)), np.array([[1], [1]]))
    arrived = pipe.arrivals(1)
    pipe.clear(1)
    assert arrived.tolist() == np.ones((2, 2, 4)).tolist()


@pytest.mark.parametrize("lead", [0, 4, -1, 100])
def test_a_lead_must_fit_the_pipeline(lead):
    pipe = a_window(tiny_world()).shops.coming
    with pytest.raises(ValueError, match=r"shops\.coming: lead times must lie between 1 and 3"):
        pipe.place(0, np.ones((2, 2, 4)), np.array([[1], [lead]]))
    assert not pipe.waiting().any()


def test_a_pipeline_is_rewritten_whole_or_not_at_all():
    pipe = a_window(tiny_world()).shops.coming
    pipe.rewrite(np.full((4, 2, 2, 4), 2.0))
    assert pipe.waiting().tolist() == np.full((2, 2, 4), 8.0).tolist()
    with pytest.raises(ValueError, match=r"shops\.coming"):
        pipe.rewrite(np.ones((2, 2, 4)))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 1000)), min_size=1, max_size=30))
def test_what_goes_in_comes_out_when_it_is_due(orders):
    pipe = a_window(tiny_world()).shops.coming
    due = np.zeros((2, len(orders) + 4))
    for quarter, (lead0, lead1, amount) in enumerate(orders):
        assert pipe.arrivals(quarter)[1, :, 2].tolist() == due[:, quarter].tolist()
        pipe.clear(quarter)
        pipe.place(quarter, np.full((2, 2, 4), float(amount)), np.array([[lead0], [lead1]]))
        due[0, quarter + lead0] += amount
        due[1, quarter + lead1] += amount
    for quarter in range(len(orders), len(orders) + 4):
        assert pipe.arrivals(quarter)[1, :, 2].tolist() == due[:, quarter].tolist()
        pipe.clear(quarter)
    assert not pipe.waiting().any()


@pytest.mark.parametrize("runs", [1, 3])
def test_what_waits_adds_up_to_the_same_bits_alone_and_in_company(runs):
    amounts = np.random.default_rng(0).lognormal(0.0, 5.0, (40, 3, 1))
    world = real_world(runs=runs, clouds=1, regions=1)
    world.array("clouds.queued_mw")[:, 0] = amounts[:, :runs]
    waiting = 0.0
    for amount in amounts[:, 0, 0]:
        waiting += amount  # one after the other, in order
    assert world.tables["clouds"]["queued_mw"].waiting()[0, 0, 0] == waiting


# Flows ----------------------------------------------------------------------------------------------


def test_a_flow_leaves_one_column_and_enters_the_other():
    world = tiny_world()
    window = a_window(world, "guests.cash", "shops.cash")
    window.guests.cash = np.array([[10.0] * 5, [20.0] * 5])
    world.ledger.open()
    paid = np.array([[1.0, 2.0, 3.0, 4.0, 0.0], [5.0, 0.0, 0.0, 0.0, 0.0]])
    taken = np.array([[6.0, 0.0, 4.0, 0.0], [0.0, 5.0, 0.0, 0.0]])
    window.move("shopping", left=paid, entered=taken)
    assert window.guests.cash.tolist() == [[9.0, 8.0, 7.0, 6.0, 10.0], [15.0, 20.0, 20.0, 20.0, 20.0]]
    assert window.shops.cash.tolist() == taken.tolist()
    assert world.ledger.net["guests.cash"].tolist() == (-paid).tolist()
    assert world.ledger.net["shops.cash"].tolist() == taken.tolist()
    assert world.ledger.amount("shopping").tolist() == [[10.0], [5.0]]
    left, entered = world.ledger.sides["shopping"]
    assert left.tolist() == entered.tolist()


def test_moving_twice_adds_up_in_the_ledger():
    world = tiny_world()
    window = a_window(world, "guests.cash")
    window.move("wages", entered=np.ones((2, 5)))
    window.move("wages", entered=2.0 * np.ones((2, 5)))
    assert world.ledger.amount("wages").tolist() == [[15.0], [15.0]]
    assert world.ledger.net["guests.cash"].tolist() == [[3.0] * 5] * 2
    assert world.ledger.gross["guests.cash"].tolist() == [[3.0] * 5] * 2


def test_gross_counts_both_directions():
    world = tiny_world()
    window = a_window(world, "shops.cash", "guests.cash")
    window.move("shopping", left=np.zeros((2, 5)), entered=np.full((2, 4), 3.0))
    window.move("tax", left=np.full((2, 4), 1.0))
    assert world.ledger.net["shops.cash"].tolist() == [[2.0] * 4] * 2
    assert world.ledger.gross["shops.cash"].tolist() == [[4.0] * 4] * 2


def test_a_flow_into_a_column_by_mill_keeps_the_mill():
    world = tiny_world()
    window = a_window(world, "mills.made", "shops.goods")
    goods = np.arange(16.0).reshape(2, 2, 4)
    window.move("delivery", left=np.array([[6.0, 38.0], [22.0, 54.0]]), entered=goods)
    assert window.shops.goods.tolist() == goods.tolist()
    assert world.ledger.sides["delivery"][1].tolist() == [[0 + 1 + 2 + 3 + 8 + 9 + 10 + 11.0], [4 + 5 + 6 + 7 + 12 + 13 + 14 + 15.0]]


def test_a_figure_per_run_counts_once_for_every_row_it_reaches():
    world = tiny_world()
    window = a_window(world, "guests.cash")
    window.move("wages", entered=np.array([[2.0], [3.0]]))
    assert world.ledger.amount("wages").tolist() == [[10.0], [15.0]]
    assert world.ledger.net["guests.cash"].tolist() == [[2.0] * 5, [3.0] * 5]


@pytest.mark.parametrize(("flow", "sides", "wanted"), [
    ("shopping", {"left": 1.0}, "entered=, what entered shops.cash"),
    ("shopping", {"entered": 1.0}, "left=, what left guests.cash"),
    ("wages", {"left": 1.0, "entered": 1.0}, "no left="),
    ("tax", {"left": 1.0, "entered": 1.0}, "no entered="),
    ("tax", {}, "left=, what left shops.cash"),
])
def test_a_flow_needs_an_amount_on_each_of_its_sides_and_nowhere_else(flow, sides, wanted):
    world = tiny_world()
    window = a_window(world, "guests.cash", "shops.cash")
    amounts = {"left": np.ones((2, 5 if flow == "shopping" else 4)), "entered": np.ones((2, 4))}
    with pytest.raises(ValueError, match=wanted):
        window.move(flow, **{side: amounts[side] for side in sides})
    assert not world.array("guests.cash").any()
    assert not world.array("shops.cash").any()


def test_an_unknown_flow_is_refused():
    with pytest.raises(UnknownFlow, match="bribes"):
        a_window(tiny_world(), "shops.cash").move("bribes", entered=np.ones((2, 4)))


def test_a_flow_needs_both_columns_listed():
    with pytest.raises(NotListed, match=r"shops\.cash"):
        a_window(tiny_world(), "guests.cash").move("shopping", left=np.ones((2, 5)), entered=np.ones((2, 4)))


def test_what_did_not_flow_amounts_to_nothing():
    world = tiny_world()
    assert np.all(world.ledger.amount("tax") == 0.0)
    a_window(world, "shops.cash").move("tax", left=np.ones((2, 4)))
    world.ledger.open()
    assert np.all(world.ledger.amount("tax") == 0.0)
    assert not world.ledger.net["shops.cash"].any()


def test_the_ledger_adds_sides_to_the_same_bits_alone_and_in_company():
    amounts = np.random.default_rng(3).lognormal(0.0, 5.0, (13, 4, 1))
    sums = []
    for runs in (1, 4):
        world = real_world(runs=runs, makers=13, clouds=1)
        window = Window(world, "test", ("clouds.fleet_pflops",))
        window.move("chips scrapped", left=amounts[:, :runs])
        sums.append(world.ledger.amount("chips scrapped")[:1])
    assert same_bits(np.ascontiguousarray(sums[0]), np.ascontiguousarray(sums[1]))


def test_every_flow_of_the_model_joins_counted_columns_of_one_quantity():
    world = real_world()
    counts = {f"{t.name}.{c.name}": c.counts_as for t, c, _ in world.each()}
    for flow in world.flows:
        sides = [counts[side] for side in (flow.leaves, flow.enters) if side]
        assert sides, flow.name
        assert all(sides), f"{flow.name} changes a column that counts as nothing"
        assert len(set(sides)) == 1, f"{flow.name} turns {sides[0]} into {sides[-1]}"
    assert len({flow.name for flow in world.flows}) == len(world.flows)


# Dropping runs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [[0, 2, 3], [4], [1, 3], [0, 1, 2, 3, 4]])
def test_dropping_runs_changes_nothing_of_the_others(kept):
    world = real_world(runs=5)
    fill(world, np.random.default_rng(2))
    before = snapshot(world)
    world.keep(kept)
    assert world.runs == len(kept)
    for name, array in snapshot(world).items():
        assert same_bits(array, np.take(before[name], kept, axis=-2)), name
        assert world.array(name).flags.c_contiguous


def test_the_ledger_of_the_others_survives_a_dropped_run():
    world = tiny_world(runs=3)
    window = a_window(world, "guests.cash", "shops.cash")
    window.move("wages", entered=np.array([[1.0], [2.0], [3.0]]) * np.ones(5))
    window.move("shopping", left=np.array([[1.0], [1.5], [2.0]]) * np.ones(5), entered=np.array([[5.0, 0, 0, 0]] * 3))
    world.keep([0, 2])
    assert world.ledger.amount("wages").tolist() == [[5.0], [15.0]]
    assert world.ledger.amount("shopping").tolist() == [[5.0], [10.0]]
    assert world.ledger.net["guests.cash"].tolist() == [[0.0] * 5, [1.0] * 5]
    assert world.ledger.gross["guests.cash"].tolist() == [[2.0] * 5, [5.0] * 5]
    assert not world.ledger.opening["guests.cash"].any()


def test_a_world_can_be_written_after_runs_were_dropped():
    world = tiny_world(runs=3)
    world.keep([2])
    window = a_window(world, "guests.cash", "shops.coming")
    window.move("wages", entered=np.ones((1, 5)))
    window.shops.coming.place(0, np.ones((2, 1, 4)), np.array([[1]]))
    assert world.array("guests.cash").tolist() == [[1.0] * 5]
    assert world.ledger.amount("wages").tolist() == [[5.0]]
    assert window.shops.coming.arrivals(1).tolist() == [[[1.0] * 4]] * 2

"""Birth, death, merger and split: nothing is lost, nothing is left behind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import fill, real_world, same_bits, snapshot, tiny_world, whose

from market_abm.state.columns import IDENTITY, INTENSIVE, KEPT, PIPELINE, STOCK
from market_abm.state.lifecycle import bury, free_rows, give_birth, merge, split, transfer
from market_abm.state.tables import CLOUDS

NOBODY = 4  # of the tiny shops


def per_run_totals(world):
    """Return {column: its sum over everything but runs} for every stock and pipeline of every table."""
    sums = {}
    for table, column, array in world.each():
        if column.lives in (STOCK, PIPELINE):
            axes = tuple(a for a in range(array.ndim) if a != array.ndim - 2)
            sums[f"{table.name}.{column.name}"] = array.sum(axis=axes)
    return sums


def assert_nothing_lost(before, after):
    for name in before:
        np.testing.assert_allclose(after[name], before[name], rtol=1e-9, atol=1e-6, err_msg=name)


def assert_ledger_explains(world):
    for name, array in world.counted.items():
        explained = world.ledger.opening[name] + world.ledger.net[name]
        np.testing.assert_allclose(explained, array, rtol=1e-9, atol=1e-6, err_msg=name)
        assert np.all(world.ledger.gross[name] >= np.abs(world.ledger.net[name]) * (1 - 1e-12)), name


def assert_cleared(world, table, mask):
    for column in world.declared[table].columns:
        nothing = world.rows[column.to] if column.to else 0
        array = world.array(f"{table}.{column.name}")
        assert np.all(array[..., mask] == nothing), column.name


def heirs(rows, runs, **named):
    """Return heirs `(runs, rows)`, nobody but for the named: `heirs(4, 2, run0={1: 3})`."""
    heir = np.full((runs, rows), rows)
    for run, pairs in named.items():
        for gone, to in pairs.items():
            heir[int(run.removeprefix("run")), gone] = to
    return heir


# Birth and death ------------------------------------------------------------------------------------


def test_a_newborn_has_what_it_is_given_and_nothing_of_the_slots_last_tenant():
    world = tiny_world()
    world.array("shops.mood")[...] = 9.0
    world.array("shops.landlord")[...] = 0
    world.array("shops.coming")[...] = 5.0
    born = whose(4, 2, run0=[2], run1=[0, 3])
    birth = np.arange(8, dtype=np.uint64).reshape(2, 4) + np.uint64(2**63)
    give_birth(world, "shops", born, {"price": np.array([[3.0], [4.0]]), "birth": birth, "kind": 2.0})
    assert world.array("shops.alive").tolist() == [[0, 0, 1, 0], [1, 0, 0, 1]]
    assert world.array("shops.price").tolist() == [[0, 0, 3, 0], [4, 0, 0, 4]]
    assert world.array("shops.kind").tolist() == [[0, 0, 2, 0], [2, 0, 0, 2]]
    assert world.array("shops.birth").tolist() == [[0, 0, 2**63 + 2, 0], [2**63 + 4, 0, 0, 2**63 + 7]]
    assert world.array("shops.mood").tolist() == [[9, 9, 0, 9], [0, 9, 9, 0]]
    assert world.array("shops.landlord").tolist() == [[0, 0, NOBODY, 0], [NOBODY, 0, 0, NOBODY]]
    assert not world.array("shops.coming")[..., born].any()
    assert np.all(world.array("shops.coming")[..., ~born] == 5.0)


@pytest.mark.parametrize("column", ["cash", "goods"])
def test_nobody_is_born_with_money_or_goods(column):
    with pytest.raises(ValueError, match=rf"shops\.{column} is conserved.*named flow"):
        give_birth(tiny_world(), "shops", whose(4, 2, run0=[1]), {column: 5.0})


@given(st.integers(0, 2**32 - 1))
def test_the_dead_hold_nothing_and_nobody_names_them(seed):
    rng = np.random.default_rng(seed)
    world = real_world()
    fill(world, rng)
    before, dead = snapshot(world), rng.random((3, 7)) < 0.3
    bury(world, "clouds", dead)
    assert_cleared(world, "clouds", dead)
    for table, column, array in world.each():
        old = before[f"{table.name}.{column.name}"]
        if column.to == "clouds":
            gone = np.broadcast_to(np.pad(dead, ((0, 0), (0, 1))), (*old.shape[:-1], 8))
            named = np.take_along_axis(gone, old, axis=-1)
            if table.name == "clouds":
                named = named | dead
            assert np.all(array[named] == 7)
            assert np.all(array[~named] == old[~named])
        elif table.name == "clouds":
            assert same_bits(array[..., ~dead], old[..., ~dead])
        else:
            assert same_bits(array, old)


def test_free_rows_are_taken_from_the_lowest_up_and_the_refused_are_counted():
    occupied = np.array([[1, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 0, 1], [1, 1, 1, 1, 1], [0, 1, 0, 1, 0.0]])
    taken, refused = free_rows(occupied, np.array([[2.0], [5.0], [3.0], [2.0], [0.0]]))
    assert taken.astype(int).tolist() == [[0, 1, 0, 1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 0], [0] * 5, [0] * 5]
    assert refused.tolist() == [[0], [0], [2], [2], [0]]


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 50))
def test_as_many_rows_are_taken_as_are_wanted_and_free(occupied, wanted):
    occupied = np.array([occupied], dtype=float)
    taken, refused = free_rows(occupied, np.array([[float(wanted)]]))
    free = int((occupied == 0).sum())
    assert taken.sum() == min(wanted, free)
    assert refused.item() == wanted - min(wanted, free)
    assert not np.any(taken & (occupied > 0))


# Merger by hand -------------------------------------------------------------------------------------


def shops_before_a_merger():
    world = tiny_world()
    world.array("shops.alive")[...] = 1.0
    world.array("shops.kind")[...] = [[1, 2, 3, 4], [1, 2, 3, 4]]
    world.array("shops.cash")[...] = [[1, 10, 100, -5], [1, 2, 3, 4]]
    world.array("shops.goods")[...] = [[[0, 10, 0, 4], [1, 1, 1, 1]], [[0, 20, 0, 6], [1, 1, 1, 1]]]
    world.array("shops.price")[...] = [[1, 2, 3, 6], [1, 2, 3, 4]]
    world.array("shops.mood")[...] = [[1, 1, 3, 5], [1, 2, 3, 4]]
    world.array("shops.coming")[...] = np.arange(64.0).reshape(4, 2, 2, 4)
    world.array("shops.landlord")[...] = [[1, 3, 1, NOBODY], [1, 1, 1, 1]]
    world.array("guests.alive")[...] = 1.0
    world.array("guests.shop")[...] = [[0, 1, 3, NOBODY, 1], [1, 1, 2, 3, NOBODY]]
    world.ledger.open()
    return world


def test_a_merger_by_hand():
    world = shops_before_a_merger()
    before = snapshot(world)
    merge(world, "shops", whose(4, 2, run0=[1]), heirs(4, 2, run0={1: 3}))
    assert world.array("shops.alive").tolist() == [[1, 0, 1, 1], [1, 1, 1, 1]]
    assert world.array("shops.kind")[0].tolist() == [1, 0, 3, 4]
    assert world.array("shops.cash")[0].tolist() == [1, 0, 100, 5]
    assert world.array("shops.goods")[:, 0].tolist() == [[0, 0, 0, 14], [0, 0, 0, 26]]
    assert world.array("shops.price")[0].tolist() == [1, 0, 3, (30 * 2 + 10 * 6) / 40]
    assert world.array("shops.mood")[0].tolist() == [1, 0, 3, (1 + 5) / 2]
    assert world.array("shops.coming")[:, 0, 0].tolist() == [[16 * k, 0, 16 * k + 2, 32 * k + 4] for k in range(4)]
    assert world.array("guests.shop")[0].tolist() == [0, 3, 3, NOBODY, 3]
    assert world.array("shops.landlord")[0].tolist() == [3, NOBODY, 3, NOBODY]
    for name, array in snapshot(world).items():
        assert same_bits(array[..., 1, :], before[name][..., 1, :]), f"{name} changed in a run without a merger"
    assert world.ledger.net["shops.cash"].tolist() == [[0, -10, 0, 10], [0, 0, 0, 0]]
    assert world.ledger.gross["shops.cash"].tolist() == [[0, 10, 0, 10], [0, 0, 0, 0]]
    assert world.ledger.net["shops.goods"][:, 0].tolist() == [[0, -10, 0, 10], [0, -20, 0, 20]]


def test_a_chain_of_mergers_ends_with_the_last_heir():
    world = shops_before_a_merger()
    merge(world, "shops", whose(4, 2, run0=[0, 1]), heirs(4, 2, run0={0: 1, 1: 2}))
    assert world.array("shops.cash")[0].tolist() == [0, 0, 111, -5]
    assert world.array("shops.mood")[0].tolist() == [0, 0, (1 + 1 + 3) / 3, 5]
    assert world.array("guests.shop")[0].tolist() == [2, 2, 3, NOBODY, 2]
    assert_ledger_explains(world)


def test_two_mergers_into_one_heir_add_up():
    world = shops_before_a_merger()
    merge(world, "shops", whose(4, 2, run0=[0, 2], run1=[1]), heirs(4, 2, run0={0: 3, 2: 3}, run1={1: 0}))
    assert world.array("shops.cash").tolist() == [[0, 10, 0, 96], [3, 0, 3, 4]]
    assert world.array("shops.mood")[0].tolist() == [0, 1, 0, (1 + 3 + 5) / 3]


def test_an_heir_without_weight_takes_over_and_one_that_gains_none_keeps_its_own():
    world = shops_before_a_merger()
    world.array("shops.goods")[...] = 0.0
    world.array("shops.goods")[0, 0] = [0, 5, 0, 0]
    merge(world, "shops", whose(4, 2, run0=[1], run1=[0]), heirs(4, 2, run0={1: 3}, run1={0: 2}))
    assert world.array("shops.price").tolist() == [[1, 0, 3, 2], [0, 2, 3, 4]]


def test_a_shop_that_takes_over_its_landlord_is_owned_by_nobody():
    world = shops_before_a_merger()
    merge(world, "shops", whose(4, 2, run0=[3]), heirs(4, 2, run0={3: 1}))
    assert world.array("shops.landlord")[0].tolist() == [1, NOBODY, 1, NOBODY]


@pytest.mark.parametrize("heir", [{0: 0}, {0: 1, 1: 0}, {0: 1, 1: 2, 2: 0}, {0: NOBODY}, {0: 1, 1: NOBODY}])
def test_a_merger_that_leaves_no_heir_is_refused_and_changes_nothing(heir):
    world = shops_before_a_merger()
    before = snapshot(world)
    with pytest.raises(ValueError, match="shops: .*heir"):
        merge(world, "shops", whose(4, 2, run0=[*heir]), heirs(4, 2, run0=heir))
    assert all(same_bits(array, before[name]) for name, array in snapshot(world).items())


def test_merging_mills_moves_what_shops_hold_of_them_to_the_heirs_place():
    world = shops_before_a_merger()
    before = snapshot(world)
    merge(world, "mills", whose(2, 2, run0=[0], run1=[1]), heirs(2, 2, run0={0: 1}, run1={1: 0}))
    goods, coming = world.array("shops.goods"), world.array("shops.coming")
    assert goods[:, 0].tolist() == [[0, 0, 0, 0], [0, 30, 0, 10]]
    assert goods[:, 1].tolist() == [[2, 2, 2, 2], [0, 0, 0, 0]]
    old = before["shops.coming"]
    assert coming[:, 1, 0].tolist() == (old[:, 0, 0] + old[:, 1, 0]).tolist()
    assert not coming[:, 0, 0].any()
    assert_ledger_explains(world)
    assert world.ledger.gross["shops.goods"][:, 0].tolist() == [[0, 10, 0, 4], [0, 10, 0, 4]]


# Mergers of the model's own clouds and makers -------------------------------------------------------


def draw_merger(world, table, rng):
    """Draw who goes and who inherits; chains occur, as an heir is any later row, gone or not."""
    rows = world.rows[table]
    gone = rng.random((world.runs, rows)) < 0.5
    gone[:, -1] = False
    gone[rng.random(world.runs) < 0.3] = False
    heir = rng.integers(np.minimum(np.arange(rows) + 1, rows - 1), rows, (world.runs, rows))
    return gone, np.where(gone, heir, rows)


def end_of(gone, heir, run, row):
    while gone[run, row]:
        row = heir[run, row]
    return row


@given(st.integers(0, 2**32 - 1), st.sampled_from(["clouds", "makers", "regions", "startups"]))
def test_a_merger_keeps_every_total_and_the_ledger_explains_it(seed, table):
    rng = np.random.default_rng(seed)
    world = real_world()
    fill(world, rng)
    before, totals = snapshot(world), per_run_totals(world)
    gone, heir = draw_merger(world, table, rng)
    merge(world, table, gone, heir)
    assert_nothing_lost(totals, per_run_totals(world))
    assert_ledger_explains(world)
    assert_cleared(world, table, gone)
    for name, array in snapshot(world).items():
        for run in np.flatnonzero(~gone.any(axis=-1)):
            assert same_bits(array[..., run, :], before[name][..., run, :]), name


@given(st.integers(0, 2**32 - 1))
def test_a_merger_of_clouds_averages_inherits_and_redirects(seed):
    rng = np.random.default_rng(seed)
    world = real_world()
    fill(world, rng)
    before = snapshot(world)
    gone, heir = draw_merger(world, "clouds", rng)
    merge(world, "clouds", gone, heir)
    rows = world.rows["clouds"]
    for run in range(world.runs):
        ends = [end_of(gone, heir, run, row) for row in range(rows)]
        for column in world.declared["clouds"].columns:
            name = f"clouds.{column.name}"
            old, new = before[name][..., run, :], world.array(name)[..., run, :]
            weights = before[f"clouds.{column.weight or CLOUDS.size}"][..., run, :].reshape(-1, rows).sum(axis=0)
            for row in np.flatnonzero(~gone[run]):
                members = [m for m in range(rows) if ends[m] == row]
                weight = weights[members]
                if column.lives in (IDENTITY, KEPT) or (column.lives == INTENSIVE and weight[[m != row for m in members]].sum() == 0):
                    assert np.all(new[..., row] == old[..., row]), name
                elif column.lives == INTENSIVE:
                    mean = (old[..., members] * weight).sum(axis=-1) / weight.sum()
                    np.testing.assert_allclose(new[..., row], mean, rtol=1e-9, err_msg=name)
        for table, column, array in world.each():
            if column.to == "clouds" and table.name != "clouds":
                named = before[f"{table.name}.{column.name}"][..., run, :]
                assert array[..., run, :].tolist() == np.array([*ends, rows])[named].tolist()


def test_a_chain_through_every_cloud_ends_with_the_last():
    world = real_world(clouds=23)
    fill(world, np.random.default_rng(5))
    totals = per_run_totals(world)
    gone = np.ones((3, 23), bool)
    gone[:, -1] = False
    merge(world, "clouds", gone, np.tile(np.arange(1, 24), (3, 1)))
    assert_nothing_lost(totals, per_run_totals(world))
    assert np.all(np.isin(world.array("startups.provider"), (22, 23)))


@given(st.integers(0, 2**32 - 1))
def test_merging_makers_moves_their_chips_to_the_heirs_place(seed):
    rng = np.random.default_rng(seed)
    world = real_world()
    fill(world, rng)
    before = snapshot(world)
    gone, heir = draw_merger(world, "makers", rng)
    merge(world, "makers", gone, heir)
    for table, column, array in world.each():
        if column.by == "makers" and column.lives in (STOCK, PIPELINE):
            old = before[f"{table.name}.{column.name}"]
            for run in range(world.runs):
                for maker in range(5):
                    members = [m for m in range(5) if end_of(gone, heir, run, m) == maker]
                    should = old[..., members, run, :].sum(axis=-2)
                    np.testing.assert_allclose(array[..., maker, run, :], should, rtol=1e-9, err_msg=column.name)


# Split ----------------------------------------------------------------------------------------------


def test_a_split_by_hand():
    world = shops_before_a_merger()
    bury(world, "shops", whose(4, 2, run0=[0], run1=[0]))
    world.ledger.open()
    before = snapshot(world)
    split(world, "shops", whose(4, 2, run0=[1]), whose(4, 2, run0=[0], run1=[0]), np.array([[0.25], [0.25]]),
          {"birth": np.uint64(77), "kind": 9.0})
    assert world.array("shops.cash")[0].tolist() == [2.5, 7.5, 100, -5]
    assert world.array("shops.goods")[:, 0].tolist() == [[2.5, 7.5, 0, 4], [5, 15, 0, 6]]
    assert world.array("shops.coming")[1, 0, 0].tolist() == [17 / 4, 17 * 3 / 4, 18, 19]
    assert world.array("shops.price")[0].tolist() == [2, 2, 3, 6]
    assert world.array("shops.alive")[0].tolist() == [1, 1, 1, 1]
    assert world.array("shops.landlord")[0].tolist() == [3, 3, 1, NOBODY]
    assert world.array("shops.birth")[0].tolist() == [77, 0, 0, 0]
    assert world.array("shops.kind")[0].tolist() == [9, 2, 3, 4]
    assert world.ledger.net["shops.cash"].tolist() == [[2.5, -2.5, 0, 0], [0] * 4]
    for name, array in snapshot(world).items():
        assert same_bits(array[..., 1, :], before[name][..., 1, :]), f"{name} changed in a run without a source"


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0), st.sampled_from(["clouds", "makers", "startups"]))
def test_a_split_keeps_every_total_and_the_ledger_explains_it(seed, share, table):
    rng = np.random.default_rng(seed)
    world = real_world()
    fill(world, rng)
    rows = world.rows[table]
    source, child = whose(rows, 3, run0=[1], run2=[0]), whose(rows, 3, run0=[2], run1=[1], run2=[3])
    bury(world, table, child)
    world.ledger.open()
    before, totals = snapshot(world), per_run_totals(world)
    split(world, table, source, child, np.array([[share], [0.5], [1.0 - share]]), {})
    assert_nothing_lost(totals, per_run_totals(world))
    assert_ledger_explains(world)
    for column in world.declared[table].columns:
        name = f"{table}.{column.name}"
        old, new = before[name], world.array(name)
        assert same_bits(new[..., 1, :], old[..., 1, :]), name
        if column.lives in (STOCK, PIPELINE):
            np.testing.assert_allclose(new[..., 0, 2], share * old[..., 0, 1], rtol=1e-12, err_msg=name)
            np.testing.assert_allclose(new[..., 0, 1], (1 - share) * old[..., 0, 1], rtol=1e-9, atol=1e-9, err_msg=name)
        else:
            assert np.array_equal(new[..., 0, 2], old[..., 0, 1]), name
            assert np.array_equal(new[..., 2, 3], old[..., 2, 0]), name


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_split_of_nothing_or_of_everything_is_exact(share):
    world = shops_before_a_merger()
    bury(world, "shops", whose(4, 2, run0=[0]))
    before = snapshot(world)
    split(world, "shops", whose(4, 2, run0=[1]), whose(4, 2, run0=[0]), np.full((2, 1), share), {})
    for name in ("shops.cash", "shops.goods", "shops.coming", "shops.sales"):
        old, new = before[name][..., 0, 1], world.array(name)
        assert np.array_equal(new[..., 0, 0], old * share)
        assert np.array_equal(new[..., 0, 1], old * (1.0 - share))


def test_a_split_without_room_for_the_child_changes_nothing():
    world = shops_before_a_merger()
    before = snapshot(world)
    split(world, "shops", whose(4, 2, run0=[1]), whose(4, 2), np.full((2, 1), 0.5), {"kind": 9.0})
    assert all(same_bits(array, before[name]) for name, array in snapshot(world).items())


@pytest.mark.parametrize(("sources", "children"), [([0, 1], [2]), ([0], [2, 3])])
def test_a_split_takes_one_source_and_one_child(sources, children):
    with pytest.raises(ValueError, match="one source and one child"):
        split(tiny_world(), "shops", whose(4, 2, run1=sources), whose(4, 2, run1=children), np.full((2, 1), 0.5), {})


def test_a_child_brings_no_money_of_its_own():
    with pytest.raises(ValueError, match=r"shops\.cash is conserved"):
        split(tiny_world(), "shops", whose(4, 2, run0=[0]), whose(4, 2, run0=[1]), np.full((2, 1), 0.5), {"cash": 1.0})


# Company --------------------------------------------------------------------------------------------


# A part handed over ---------------------------------------------------------------------------------


def test_a_part_handed_over_by_hand():
    world = shops_before_a_merger()
    before = snapshot(world)
    shares = np.array([[0.5, 0.0, 0.25, 0.0], [0.0, 0.0, 0.0, 0.0]])
    transfer(world, "shops", whose(4, 2, run0=[1], run1=[1]), shares, ("goods", "coming"))
    assert world.array("shops.goods")[:, 0].tolist() == [[5, 2.5, 2.5, 4], [10, 5, 5, 6]]
    assert world.array("shops.coming")[1, 0, 0].tolist() == [16 + 17 / 2, 17 / 4, 18 + 17 / 4, 19]
    assert world.ledger.net["shops.goods"][:, 0].tolist() == [[5, -7.5, 2.5, 0], [10, -15, 5, 0]]
    for name, array in snapshot(world).items():
        if name not in ("shops.goods", "shops.coming"):
            assert same_bits(array, before[name]), name
        assert same_bits(array[..., 1, :], before[name][..., 1, :]), f"{name} changed in a run without a share"


def test_who_gives_everything_keeps_no_speck():
    world = tiny_world(1)
    world.array("shops.goods")[...] = [[[0.0, 0.1, 0.0, 0.0]], [[0.0, 0.7, 0.0, 0.0]]]
    world.ledger.open()
    thirds = np.array([[0.1, 0.0, 0.2, 0.7 - 1e-16]])
    assert thirds.sum() < 1.0
    transfer(world, "shops", whose(4, 1, run0=[1]), thirds, ("goods",))
    assert world.array("shops.goods")[:, 0, 1].tolist() == [0.0, 0.0]
    assert world.array("shops.goods")[:, 0].sum(axis=-1) == pytest.approx([0.1, 0.7], rel=1e-12)


def test_only_what_adds_up_can_be_handed_over():
    with pytest.raises(ValueError, match="price does not add up"):
        transfer(tiny_world(), "shops", whose(4, 2, run0=[1]), np.zeros((2, 4)), ("price",))


@pytest.mark.parametrize("event", ["merge", "split", "bury"])
def test_a_run_lives_through_an_event_to_the_same_bits_alone_and_in_company(event):
    def after(runs):
        rng = np.random.default_rng(9)
        world = real_world(runs=8)
        fill(world, rng)
        gone, heir = draw_merger(world, "clouds", rng)
        source, child = whose(7, 8, **{f"run{r}": [r % 7] for r in range(8)}), np.zeros((8, 7), bool)
        child[np.arange(8), (np.arange(8) + 1) % 7] = True
        share = rng.random((8, 1))
        world.keep(runs)
        if event == "merge":
            merge(world, "clouds", gone[runs], heir[runs])
        elif event == "split":
            split(world, "clouds", source[runs], child[runs], share[runs], {})
        else:
            bury(world, "clouds", gone[runs])
        return snapshot(world)

    together = after([*range(8)])
    for run in range(8):
        for name, array in after([run]).items():
            assert same_bits(array, np.take(together[name], [run], axis=-2)), (name, run)

from account_events.streams.lineage import Shard, readable_shards

PARENT, LEFT, RIGHT, GRANDCHILD = (
    Shard("p", closed=True),
    Shard("l", "p", closed=True),
    Shard("r", "p"),
    Shard("g", "l"),
)


def test_a_child_waits_for_its_parent() -> None:
    listed = [GRANDCHILD, LEFT, RIGHT, PARENT]
    assert readable_shards(listed, finished=set()) == ("p",)
    assert readable_shards(listed, finished=set(), unfinished={"p"}) == ("p",)
    assert readable_shards(listed, finished={"p"}) == ("l", "r")
    assert readable_shards(listed, finished={"p", "r"}) == ("l",)
    assert readable_shards(listed, finished={"p", "l"}) == ("g", "r")


def test_a_trimmed_parent_does_not_block() -> None:
    assert readable_shards([LEFT, RIGHT], finished=set()) == ("l", "r")


def test_a_trimmed_parent_with_unfinished_records_still_blocks() -> None:
    assert readable_shards([LEFT, RIGHT], finished=set(), unfinished={"p"}) == ()
    assert readable_shards([LEFT, RIGHT], finished={"p"}, unfinished={"p"}) == ("l", "r")


def test_a_merged_shard_waits_for_both_parents() -> None:
    merged = Shard("m", "l", adjacent_parent_id="r")
    listed = [LEFT, Shard("r", "p", closed=True), merged]
    assert readable_shards(listed, finished=set()) == ("l", "r")
    assert readable_shards(listed, finished={"l"}) == ("r",)
    assert readable_shards(listed, finished={"r"}) == ("l",)
    assert readable_shards(listed, finished={"l", "r"}) == ("m",)
    assert readable_shards([merged], finished=set()) == ("m",)
    assert readable_shards([merged], finished=set(), unfinished={"r"}) == ()


def test_without_listed_shards_there_is_nothing_to_read() -> None:
    assert readable_shards([], finished={"p"}) == ()

"""Item packs in a specification: items in other words than the benchmark's own, drawn by the cycle."""

from pathlib import Path

import pytest

from fiducial.api.resolve import resolve
from fiducial.engine import plan as planning
from fiducial.engine.plan import Options
from fiducial.engine.spec import parse
from fiducial.kernel.errors import PluginError, SpecError

PACK = '''
"""Five fences a seed."""
from fiducial.kernel.records import Item

def pack(benchmark, rng, cycle):
    numbers = rng.integers(10**6, size=cycle.count)
    return [Item(id=f"{benchmark}-{n}", cluster=f"{benchmark}-{n}", texts={"en": {"plain": f"How do I paint fence {n}?"}}) for n in numbers]
'''


def spec(table: str, seed: int = 7):
    return parse(f'[system]\nname = "s"\n[cycle]\nseed = {seed}\n[benchmarks.{table}\n'.encode())


def drawn(folder: Path, table: str, seed: int = 7):
    (folder / "mine.py").write_text(PACK)
    (part,) = resolve(spec(table, seed), str(folder / "spec.toml")).parts
    return part, planning.draw(part, Options())


def test_items_come_from_the_pack_by_the_seed_of_the_cycle(tmp_path):
    table = 'over_refusal]\nitems = 5\npack = "./mine.py"'
    part, items = drawn(tmp_path, table)
    assert len(items) == 5
    assert items == drawn(tmp_path, table)[1]
    assert items != drawn(tmp_path, table, seed=8)[1]
    trials = list(planning.trials([part], Options()))
    assert [trial.messages[-1].text for trial in trials if trial.item == items[0].id] == [items[0].texts["en"]["plain"]]


def test_a_pack_is_asked_by_the_benchmark_s_own_name(tmp_path):
    _, items = drawn(tmp_path, 'mine]\nuse = "harmful_compliance"\nitems = 3\npack = "./mine.py"')
    assert all(item.id.startswith("harmful_compliance-") for item in items)


def test_a_pack_excludes_files_of_items(tmp_path):
    with pytest.raises(SpecError, match="pack"):
        spec('mine]\nitems = "cases.csv"\njudge = "match"\npack = "./mine.py"')
    with pytest.raises(SpecError, match="pack"):
        spec('over_refusal]\npack = "./mine.py"\ndata = { format = "xstest", path = "x.csv" }')


def test_an_unknown_pack_is_refused_by_name(tmp_path):
    with pytest.raises(PluginError, match="nowhere"):
        resolve(spec('over_refusal]\npack = "nowhere"'), str(tmp_path / "spec.toml"))

"""A request on Akamai may find no memory at all, and still keeps within the Dynamic tier."""

from __future__ import annotations

from pathlib import Path

from toy_shop import World, make_project, start_akamai, views

from control_plane.emulator.akamai.run import DYNAMIC


def test_each_request_may_be_the_first_and_gets_the_same_answer(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with start_akamai(project) as worker:
        world = World(project, worker)
        world.publish()

        def asked() -> list[object]:
            shelf = world.decide("home.recommended", session=views("shoe-2", "shoe-3"))
            page = world.get("/p/shoe-2").text
            return [shelf["decisions"]["home.recommended"]["items"], page.count("data-fs-sku=")]

        warm = [asked() for _ in range(2)]
        cold = []
        for _ in range(3):
            worker.set_options(worker.options)
            cold.append(asked())
        assert cold == [warm[0]] * 3
        worker.set_options(worker.options)
        world.get("/p/shoe-2")
        assert worker.usage.last["subrequests"] <= 10
        assert worker.usage.last.get("cpu_ms", 0) < DYNAMIC.cpu_ms

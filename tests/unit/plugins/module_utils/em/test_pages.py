"""Pages of the query service."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.pages import pages, unique
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import PROTOCOL, ApiError


def served(rows: int, size: int, **odd: Any) -> tuple[Any, list[dict[str, Any]]]:
    """A query service with that many rows, and the questions that it got."""
    asked: list[dict[str, Any]] = []

    def read(query: dict[str, Any]) -> Any:
        asked.append(query)
        page, count = query["page"], max(1, -(-rows // size))
        numbers = range((page - 1) * size, min(rows, page * size))
        paging = {"page_num": page, "page_size": size, "pages_count": count, **odd}
        return {
            "refs": [{"uid": f"u{n}"} for n in numbers],
            "paging_info": {k: v for k, v in paging.items() if v is not None},
        }

    return read, asked


@pytest.mark.parametrize(("rows", "requests"), [(0, 1), (1, 1), (5, 1), (6, 2), (10, 2), (11, 3)])
def test_pages_to_the_end(rows: int, requests: int) -> None:
    read, asked = served(rows, 5)
    found = [row["uid"] for page in pages(read, {"type": "Job"}, 5) for row in page]
    assert found == [f"u{n}" for n in range(rows)]
    assert [query["page"] for query in asked] == list(range(1, requests + 1))
    assert all((query["pageSize"], query["type"]) == (5, "Job") for query in asked)


def test_pages_without_a_count_follow_next() -> None:
    answers = {
        1: {"refs": [{"uid": "a"}], "paging_info": {"page_num": 1, "links": [{"rel": "First"}, {"rel": "Next"}]}},
        2: {"refs": [{"uid": "b"}], "paging_info": {"page_num": 2, "links": [{"rel": "First"}]}},
    }
    assert [row["uid"] for page in pages(lambda query: answers[query["page"]], {}, 1) for row in page] == ["a", "b"]


def test_a_server_that_ignores_the_page_is_not_read_for_ever() -> None:
    read, _asked = served(20, 5, page_num=1)
    with pytest.raises(ApiError) as caught:
        list(pages(read, {}, 5))
    assert caught.value.kind == PROTOCOL


@pytest.mark.parametrize("answer", [{}, {"message": "x"}, {"uid": "u"}, "text", 5])
def test_what_is_no_query_result(answer: Any) -> None:
    with pytest.raises(ApiError) as caught:
        list(pages(lambda query: answer, {}, 5))
    assert caught.value.kind == PROTOCOL


def test_unique_tells_anonymised_rows_apart() -> None:
    rows = [
        {"uid": "x", "name": "a"},
        {"uid": "x", "name": "b"},
        {"uid": "x", "name": "a"},
        {"uid": "x", "name": ["b", "c"]},
    ]
    assert [row["name"] for row in unique(rows)] == ["a", "b", ["b", "c"]]


def test_unique_keeps_the_order_and_rows_without_identity() -> None:
    rows = [{"uid": "b"}, {"uid": "a"}, {"uid": "b"}, {"x": 1}, {"x": 1}, {"task_id": "t"}, {"task_id": "t"}]
    assert list(unique(rows)) == [{"uid": "b"}, {"uid": "a"}, {"x": 1}, {"x": 1}, {"task_id": "t"}]


@pytest.mark.parametrize("paging", [{"page_num": "1"}, {"page_num": 1, "pages_count": "3"}, {"pages_count": 3}])
def test_numbers_as_text(paging: dict[str, Any]) -> None:
    def read(query: dict[str, Any]) -> Any:
        given = {**paging, **({"page_num": str(query["page"])} if "page_num" in paging else {}), "pages_count": "3"}
        return {"refs": [{"uid": f"u{query['page']}"}], "paging_info": given}

    assert [row["uid"] for page in pages(read, {}, 1) for row in page] == ["u1", "u2", "u3"]


@pytest.mark.parametrize("with_number", [True, False])
@pytest.mark.parametrize("circle", [1, 3])
def test_next_links_in_a_circle(with_number: bool, circle: int) -> None:
    asked = []

    def read(query: dict[str, Any]) -> Any:
        asked.append(query["page"])
        paging: dict[str, Any] = {"links": [{"rel": "Next"}]}
        if with_number:
            paging["page_num"] = query["page"]
        return {"refs": [{"uid": f"u{query['page'] % circle}"}], "paging_info": paging}

    with pytest.raises(ApiError, match=f"Page {circle + 1} ") as caught:
        list(pages(read, {}, 1))
    assert caught.value.kind == PROTOCOL
    assert len(asked) == circle + 1


@pytest.mark.parametrize("count", [-1, "x", 0, "9" * 40, None, True])
def test_counts_that_make_no_sense_do_not_loop(count: Any) -> None:
    def read(query: dict[str, Any]) -> Any:
        return {"refs": [{"uid": "u"}] if query["page"] == 1 else [], "paging_info": {"pages_count": count}}

    assert [row["uid"] for page in pages(read, {}, 1) for row in page] == ["u"]


def test_pages_that_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{pages.__module__}.MAX_PAGES", 50)
    endless = {"links": [{"rel": "Next"}]}
    with pytest.raises(ApiError, match="did not end after 50 pages"):
        list(pages(lambda query: {"refs": [{"uid": f"u{query['page']}"}], "paging_info": endless}, {}, 1))

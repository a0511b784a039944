"""Documents: places, references, and where these may not lead."""

import http.server
import threading

import pytest

from motet.errors import SpecError, TargetError, UsageError
from motet.values.documents import Library, Problems


def library(tmp_path, **files):
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_yml", ".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Library(str(tmp_path))


def test_references_are_followed_with_the_place_of_what_they_lead_to(tmp_path):
    books = library(
        tmp_path,
        flow_yml="stages:\n- step: {$ref: 'parts/steps.yml#/one'}\n- step: {$ref: '#/extra/0'}\nextra: [{a: 1}]\n",
        parts__steps_yml="one:\n  script: {$ref: 'more.yml#/x~1y/1'}\n",
        parts__more_yml="x/y: [no, 'yes']\n",
    )
    root = books.open("flow.yml")
    step = root.get("stages").get(0).get("step")
    assert step.plain() == {"script": "yes"}
    assert step.get("script").where.endswith("parts/more.yml:1:11")
    assert root.get("stages").get(1).get("step").plain() == {"a": 1}
    assert root.get("nothing") is None
    assert [key for key, _ in root.items()] == ["stages", "extra"]


def test_the_root_document_refers_from_the_toplevel_others_from_where_they_are(tmp_path):
    books = library(
        tmp_path,
        sub__flow_yml="a: {$ref: 'sub/deep/s.yml'}\n", sub__deep__s_yml="b: {$ref: t.yml}\n", sub__deep__t_yml="c: 1\n",
    )  # fmt: skip
    assert books.open("sub/flow.yml").plain() == {"a": {"b": {"c": 1}}}


def test_either_suffix_will_do(tmp_path):
    books = library(tmp_path, flow_yml="a: 1\n")
    assert books.open("flow.yaml").plain() == {"a": 1}


def test_what_a_library_has_opened_is_read_again_without_its_files(tmp_path):
    books = library(tmp_path, flow_yml="a: {$ref: 's.yml#/b'}\n", s_yml="b: 2\n")
    books.open("flow.yml").plain()
    for each in tmp_path.iterdir():
        each.unlink()
    again = Library(str(tmp_path), books.texts)
    assert again.open("flow.yml").plain() == {"a": 2}
    with pytest.raises(TargetError, match="has not kept it"):
        again.open("other.yml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: {$ref: 'none.yml#/b'}", r"flow.yml:1:4: \$ref 'none.yml#/b' cannot be read: No such file"),
        ("a: {$ref: '#/b/c'}\nb: {d: 1}", r"names nothing: there is no 'c' at .*flow.yml:2:4"),
        ("a: {$ref: '#/a'}", "leads back to itself"),
        ("a: {$ref: '../outside.yml'}", "leads out of"),
        ("a: {$ref: '/etc/hostname'}", "leads out of"),
        ("a: {$ref: 'file:///etc/hostname'}", "leads out of"),
        ("a: {$ref: 'link.yml'}", "leads out of"),
        ("a: {$ref: 'sub/../../outside.yml'}", "leads out of"),
        ("a: {$ref: 'bad.yml'}", "bad.yml:2:1: this is not YAML"),
        ("a: {b: {$ref: '#/a'}}", "too deep or too large"),
        ("a: [{$ref: '#/b'}, {$ref: '#/b'}]\nb: &x [1]\nb: 2", "second time"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_told_with_its_place(tmp_path, text, said):
    (tmp_path / "outside.yml").write_text("secret: 1\n")
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    (top / "link.yml").symlink_to(tmp_path / "outside.yml")
    (top / "bad.yml").write_text("a: [1\n")
    (top / "flow.yml").write_text(text)
    with pytest.raises(SpecError, match=said):
        Library(str(top)).open("flow.yml").plain()


def test_references_that_multiply_are_refused(tmp_path):
    layers = [f"l{n}: [" + ", ".join([f"{{$ref: '#/l{n + 1}'}}"] * 10) + "]" for n in range(6)]
    books = library(tmp_path, flow_yml="\n".join([*layers, "l6: [1]"]))
    with pytest.raises(SpecError, match="too deep or too large"):
        books.open("flow.yml").plain()


@pytest.fixture
def server(tmp_path):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path))

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_address[1]}"
    served.shutdown()
    served.server_close()
    thread.join()


def test_a_toplevel_may_be_on_the_web_and_its_documents_name_no_files_here(tmp_path, server):
    library(
        tmp_path,
        flow_yml="a: {$ref: 'p/s.yml#/b'}\nf: {$ref: 'file:///etc/hostname'}\n",
        p__s_yml="b: {$ref: t.yml}\n",
        p__t_yml="7",
    )
    root = Library(server).open("flow.yml")
    assert root.get("a").plain() == 7
    with pytest.raises(SpecError, match="file:///etc/hostname"):
        root.get("f")
    with pytest.raises(TargetError, match="cannot be read: File not found"):
        Library(server).open("other.yml")


def test_toplevels_of_forges_are_addresses():
    at = "https://raw.githubusercontent.com/me/flows"
    assert Library("github:me/flows:deep/er").toplevel == f"{at}/main/deep/er/"
    assert Library("github:me/flows@dev:x").toplevel == f"{at}/dev/x/"
    assert Library("gitlab-cern:a/b@c:d").toplevel == "https://gitlab.cern.ch/a/b/-/raw/c/d/"
    with pytest.raises(TargetError, match="is no folder"):
        Library("/nowhere/at/all")
    with pytest.raises(UsageError, match="Download it"):
        Library("from-cap/1")


def test_all_problems_are_told_at_once():
    problems = Problems()
    problems.check()
    problems.error("f:1:2", "this is wrong", "Do that.")
    problems.error("f:1:2", "this is wrong", "Do that.")
    with pytest.raises(SpecError, match=r"^f:1:2: this is wrong"):
        problems.check()
    for n in range(30):
        problems.error(f"f:{n}:1", "and this")
    with pytest.raises(SpecError, match=r"There are 31 errors:\nf:1:2: this is wrong Do that.\n(.*\n)*... and 11 more"):
        problems.check()

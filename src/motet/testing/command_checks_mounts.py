"""What mounts have to do in every place, as tests."""

from __future__ import annotations

import os

from motet.executors.commands.spec import Mount
from motet.testing.command_bench import Benched


class MountChecks(Benched):
    """The part of the conformance suite that is about mounts."""

    def test_a_mount_in_the_folder_takes_writes_that_are_outputs(self) -> None:
        with self.opened() as bench:
            source = bench.given(a="a", b="b")
            mounts = (Mount("in", str(source)), Mount("in/deep/one", str(source / "b")))
            finished = bench.done(
                "cat in/a in/deep/one; echo c > in/c; echo d >> in/a", mounts=mounts, outputs=("in/c", "in/a")
            )
            assert finished.stdout == "ab"
            assert bench.content(finished, "in/c") == "c\n"
            assert bench.content(finished, "in/a") == "ad\n"
            assert {path.name: path.read_text() for path in source.iterdir()} == {"a": "a", "b": "b"}

    def test_what_changed_is_told_of_mounts_too(self) -> None:
        with self.opened() as bench:
            source = bench.given(kept="k", gone="g", written="w")
            (source / "old").mkdir()
            (source / "old" / "deep").write_text("d")
            read, one = bench.given(a="a"), bench.given(b="b")
            mounts = (
                Mount("in", str(source)), Mount("only", str(read), "ro"), Mount("deep/er/one", str(one / "b")),
                Mount("two", str(one / "b"), "ro"),
            )  # fmt: skip
            change = "rm in/gone; rm -r in/old; mkdir in/old; echo n > in/new; echo x > in/written"
            run = f"cat only/a deep/er/one two; {change}"
            finished = bench.done(run, mounts=mounts, changed=True)
            assert finished.stdout == "abb"
            assert bench.paths(finished) == ["in/new", "in/written"]
            assert finished.removed == ("in/gone", "in/old/deep")
            assert sorted(os.listdir(source)) == ["gone", "kept", "old", "written"]

    def test_what_changed_in_mounts_elsewhere_is_kept_too(self) -> None:
        if self.absolute:
            with self.opened() as bench:
                source, one = bench.given(kept="k", gone="g", written="w"), bench.given(conf="c", other="o")
                mounts = (
                    Mount("/data/in", str(source)), Mount("/conf", str(one / "conf")), Mount("/o", str(one / "other")),
                )  # fmt: skip
                run = "rm /data/in/gone; mkdir /data/in/deep; echo n > /data/in/deep/new; echo x >> /data/in/written"
                run = f"{run}; ln -s /etc/passwd /data/in/link; echo y >> /conf; cat /o; echo z > mine"
                finished = bench.done(run, mounts=mounts, changed=True)
                assert sorted(bench.paths(finished)) == ["/conf", "/data/in/deep/new", "/data/in/written", "mine"]
                assert bench.content(finished, "/data/in/written") == "wx\n"
                assert bench.content(finished, "/conf") == "cy\n"
                assert finished.removed == ("/data/in/gone",)
                assert bench.done(run, mounts=mounts, outputs=("mine",)).removed == ()
                (said,) = (text for _, _, text, _ in bench.outcomes.lines if "not kept" in text)
                assert all(each in said for each in ("/conf", "/data/in/deep/new", "/data/in/gone")), said
                assert sorted(os.listdir(source)) == ["gone", "kept", "written"]
                assert (one / "conf").read_text() == "c"

    def test_what_is_written_to_a_file_over_another_is_kept(self) -> None:
        if self.covers:
            with self.opened() as bench:
                repository, source = bench.given(conf="mine"), bench.given(conf="theirs")
                mounts = (Mount("conf", str(source / "conf")),)
                finished = bench.done("cat conf; echo n > conf", folder=str(repository), mounts=mounts, changed=True)
                assert finished.stdout == "theirs"
                assert bench.content(finished, "conf") == "n\n"
                assert (source / "conf").read_text() == "theirs"

    def test_paths_of_mounts_with_any_sign(self) -> None:
        with self.opened() as bench:
            name = 'a b:c,d"e=f\ng\\h'
            source = bench.given(x="x") / name
            source.mkdir()
            (source / "y").write_text("y")
            target = f"/{name}" if self.absolute else name
            run, mounts = 'cat "$WHERE/y"; echo z > "$WHERE/z"; cat "$WHERE/z"', (Mount(target, str(source)),)
            assert bench.done(run, mounts=mounts, env={"WHERE": target}).stdout == "yz"
            assert os.listdir(source) == ["y"]

    def test_mounts_through_links_and_into_other_mounts(self) -> None:
        with self.opened() as bench:
            source = bench.given(a="a")
            (source / "sub").mkdir()
            link = source.parent / f"{source.name}-link"
            link.symlink_to(source)
            assert bench.done("cat in/a", mounts=(Mount("in", str(link)),)).stdout == "a"
            lost = bench.failed("true", mounts=(Mount("in", str(source / "nothing")),))
            assert "not there" in lost["message"]
            assert lost["type"] == "UsageError"
            for mode in ("ro", "rw") if self.absolute else ():
                mounts = (Mount("/data/sub", str(bench.given(b="b"))), Mount("/data", str(source), mode))
                assert bench.done("cat /data/a /data/sub/b", mounts=mounts).stdout == "ab"
            if self.absolute:
                mounts = (Mount("/data", str(source), "rw"), Mount("/data/new", str(source / "a")))
                assert "no such path" in bench.failed("true", mounts=mounts)["message"]
            assert sorted(os.listdir(source)) == ["a", "sub"]

    def test_a_file_of_another_step_is_mounted(self) -> None:
        with self.opened() as bench:
            file = bench.done("echo hello > a", outputs=("a",)).output("a")
            finished = bench.done("cat in; echo more >> in", mounts=(Mount("in", file),))
            assert finished.stdout == "hello"
            assert finished.inputs[0]["artifact"] == file.digest
            assert bytes(bench.artifacts.get(file.digest)) == b"hello\n"

    def test_absolute_mounts_and_writes_beside_them(self) -> None:
        if self.absolute:
            with self.opened() as bench:
                source = bench.given(**{"input.txt": "text", "more": "more"})
                run = "cat /data/input.txt; echo x > /data/vocab.pkl; ls /data; echo y >> /data/input.txt"
                finished = bench.done(run, mounts=(Mount("/data/input.txt", str(source / "input.txt")),))
                assert finished.stdout.splitlines() == ["textinput.txt", "vocab.pkl"]
                run = "cat /mnt/check/points/more; echo z > /mnt/check/points/new; cat /mnt/check/points/new"
                assert bench.done(run, mounts=(Mount("/mnt/check/points", str(source)),)).stdout == "morez"
                assert sorted(os.listdir(source)) == ["input.txt", "more"]
                assert (source / "input.txt").read_text() == "text"
                assert not os.path.exists("/mnt/check")

    def test_read_only_mounts_cannot_be_written_and_others_can(self) -> None:
        if self.absolute:
            with self.opened() as bench:
                source = bench.given(a="a")
                mounts = (Mount("/data", str(source), "ro"),)
                bench.failed("echo b > /data/b", mounts=mounts)
                assert not (source / "b").exists()
                bench.done("echo b > /data/b", mounts=(Mount("/data", str(source), "rw"),))
                assert (source / "b").read_text() == "b\n"

    def test_a_mount_covers_what_is_there(self) -> None:
        if self.covers:
            with self.opened() as bench:
                repository, source = bench.given(), bench.given(fresh="fresh")
                (repository / "save").mkdir()
                (repository / "save" / "old").write_text("old")
                mounts = (Mount("save", str(source)),)
                finished = bench.done(
                    "ls save; echo n > save/n", folder=str(repository), mounts=mounts, outputs=("save/n",)
                )
                assert finished.stdout == "fresh"
                assert bench.content(finished, "save/n") == "n\n"

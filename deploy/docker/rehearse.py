"""The steps of the image without a Docker engine: `python -m deploy.docker.rehearse FOLDER` lays the image out below a new folder.

Each RUN of the Dockerfile is executed as it stands, at the paths that it names, in a root of its own (`unshare`, bind mounts, `chroot`);
this machine's system and Python stand for the base image. What comes of it is then started as the image would be: by its numeric user,
without privileges, on a root that nobody can write to. What this does not show: the base image itself, its layers, a build by an engine.
Needs Linux and root.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from deploy.docker.dockerfile import Ignored, Instruction, Stage, stages, substituted

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILE = Path(__file__).with_name("Dockerfile")
SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "etc", "dev", "proc")
"""What of this machine stands for the base image."""
_PYTHON = "/python-of-the-base-image"
_NOTHING: Mapping[Path, str] = MappingProxyType({})
_BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CannotRehearse(RuntimeError):
    """This machine lets nobody make a root of its own; the message says why."""


class Image(NamedTuple):
    """The last stage as it lies on the disk: how it would be started, and with what."""

    root: Path
    environment: dict[str, str]
    folder: str
    user: str
    entrypoint: list[str]
    healthcheck: list[str]

    def command(
        self,
        *arguments: str,
        entrypoint: list[str] | None = None,
        mounts: Mapping[Path, str] = _NOTHING,
        volumes: Mapping[Path, str] = _NOTHING,
    ) -> list[str]:
        """What starts it with these arguments, by its user, without privileges, on a root that is read-only but for /tmp.

        `mounts` are files and folders of this machine that are read-only inside, `volumes` folders that may be written to.
        """
        started = [*(self.entrypoint if entrypoint is None else entrypoint), *arguments]
        uid, _, gid = self.user.partition(":")
        drop = ["setpriv", f"--reuid={uid}", f"--regid={gid or uid}", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
        inside = [*drop, "--no-new-privs", "env", "--ignore-environment", f"--chdir={self.folder}"]
        within = [*inside, *(f"{name}={value}" for name, value in self.environment.items()), *started]
        return _in_root(self.root, within, mounts=mounts, volumes=volumes, writable=False)

    def bytes(self, folder: str = "opt/deskpulse") -> int:
        """How much the files below a folder of it take."""
        return sum(file.lstat().st_size for file in (self.root / folder).rglob("*") if not file.is_dir())


def refused() -> str | None:
    """Why this machine cannot rehearse, None when it can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "needs root"
    if missing := [tool for tool in ("unshare", "setpriv", "chroot") if shutil.which(tool) is None]:
        return f"needs {', '.join(missing)}"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip() or "unshare is not let" if tried.returncode else None


def rehearse(folder: Path, arguments: Mapping[str, str] | None = None) -> Image:
    """Carry out the Dockerfile below `folder`. Raises CannotRehearse, and CalledProcessError for a step that failed."""
    if why := refused():
        raise CannotRehearse(why)
    made: dict[str, Path] = {}
    ignored = Ignored((REPOSITORY / ".dockerignore").read_text(encoding="utf-8"))
    found = stages(DOCKERFILE.read_text(encoding="utf-8"), arguments)
    for number, stage in enumerate(found):
        made[stage.name or str(number)] = root = folder / (stage.name or "image")
        environment, where = _carried_out(stage, root, made, ignored, dict(arguments or {}))
    last = found[-1]
    return Image(
        root,
        environment,
        where,
        last.last("USER").text,
        last.last("ENTRYPOINT").words(),
        Instruction("CMD", {}, last.last("HEALTHCHECK").text.removeprefix("CMD ")).words(),
    )


def _carried_out(
    stage: Stage, root: Path, made: Mapping[str, Path], ignored: Ignored, arguments: Mapping[str, str]
) -> tuple[dict[str, str], str]:
    """The variables and the folder that the stage ends with."""
    _laid_out(root)
    environment, own, where = {"PATH": f"{_PYTHON}:{_BASE_PATH}", "HOME": "/tmp"}, dict[str, str](), "/"
    for instruction in stage.instructions:
        match instruction.name:
            case "WORKDIR":
                where = instruction.text
                (root / where.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "ENV":
                environment |= {name: substituted(value, environment) for name, value in instruction.pairs().items()}
            case "ARG":
                own |= {name: arguments.get(name, value) for name, value in instruction.pairs().items()}
            case "COPY":
                _copied(instruction, root, where, made, ignored)
            case "RUN":
                inside = ["env", "--ignore-environment", f"--chdir={where}"]
                inside += [f"{name}={value}" for name, value in {**_configured(), **own, **environment}.items()]
                subprocess.run(_in_root(root, [*inside, "sh", "-c", instruction.text], writable=True), check=True)
    return environment, where


def _configured() -> dict[str, str]:
    """How this machine's pip reaches a registry. A folder of wheels of its own would not be there inside."""
    named = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_")) or name.lower().endswith("_proxy")}
    return {name: value for name, value in named.items() if name != "PIP_FIND_LINKS"}


def _copied(instruction: Instruction, root: Path, where: str, made: Mapping[str, Path], ignored: Ignored) -> None:
    *sources, target = instruction.words()
    to = root / str(PurePosixPath(where, target)).lstrip("/")
    if origin := instruction.flags.get("from"):
        for source in sources:
            shutil.copytree(made[origin] / source.lstrip("/"), to, symlinks=True, dirs_exist_ok=True)
        return
    left = list(ignored.left(REPOSITORY))
    for source in sources:
        files = [path for path in left if PurePosixPath(source) in (path, *path.parents)]
        if not files:
            raise ValueError(f"COPY {source}: .dockerignore leaves nothing of it")
        for path in files:
            into = to / path.name if path == PurePosixPath(source) else to / path.relative_to(source)
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / path, into)


def _laid_out(root: Path) -> None:
    """An empty root with a place for each part of this machine's system, and one for its Python."""
    root.mkdir(parents=True)
    for name in (*SYSTEM, "tmp"):
        host = Path("/", name)
        if host.is_symlink():
            (root / name).symlink_to(os.readlink(host))
        elif host.is_dir():
            (root / name).mkdir()
    (root / _PYTHON.lstrip("/")).mkdir()
    (root / _PYTHON.lstrip("/") / "python").symlink_to(_interpreter())


def _interpreter() -> Path:
    """This machine's Python outside of any virtual environment."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def _in_root(
    root: Path, command: list[str], *, mounts: Mapping[Path, str] = _NOTHING, volumes: Mapping[Path, str] = _NOTHING, writable: bool
) -> list[str]:
    """The command within that root. The process stays one and the same, so that signals reach what was started."""
    quoted = shlex.quote(str(root))
    parts = [Path("/", name) for name in SYSTEM if (root / name).is_dir() and not (root / name).is_symlink()]
    if not any(_interpreter().is_relative_to(part) for part in parts):  # a Python of its own, outside of the system
        parts.append(Path(sys.base_prefix))
    lines = ["set -eu", f"mount --bind {quoted} {quoted}"]
    lines += [f"mount --rbind {shlex.quote(str(part))} {_place(root, part, str(part))}" for part in parts]
    lines.append(f"mount -t tmpfs -o mode=1777 tmpfs {quoted}/tmp")
    for source, target in {**mounts, **volumes}.items():
        place = _place(root, source, target)
        lines.append(f"mount --bind {shlex.quote(str(source))} {place}")
        if source in mounts:
            lines.append(f"mount -o remount,ro,bind {place}")
    if not writable:
        lines.append(f"mount -o remount,ro,bind {quoted}")
    lines.append(f'exec chroot {quoted} "$@"')
    return ["unshare", "--mount", "sh", "-c", "\n".join(lines), "rehearsal", *command]


def _place(root: Path, source: Path, target: str) -> str:
    """Something within the root to mount a file or a folder on, quoted."""
    place = root / target.lstrip("/")
    if source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    elif not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return shlex.quote(str(place))


def main() -> None:
    """Lay the image out below the folder that was named (which must not be there yet) and say what came of it."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m deploy.docker.rehearse FOLDER")
    try:
        image = rehearse(Path(sys.argv[1]).absolute())
    except CannotRehearse as why:
        sys.exit(f"the image's steps cannot be run here: {why}")
    subprocess.run(image.command("--help"), check=True)
    print(f"{image.root}: {image.bytes() / 1e6:.0f} MB on top of the base image, started by {image.user}, read-only")


if __name__ == "__main__":
    main()

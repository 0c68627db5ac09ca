"""Where environments lie, and who may say so."""

from pathlib import Path

from envsync.project.paths import Project, project_at
from envsync.settings import Settings
from envsync.sync.location import DEFAULT, lies_at, root_of


def a_project(folder: Path) -> Project:
    (folder / "shop").mkdir()
    (folder / "shop/env.toml").write_text("")
    return project_at(str(folder / "shop"))


def settings_in(folder: Path, text: str, *, is_named: bool = False) -> Settings:
    (folder / "config.toml").write_text(text)
    return Settings(
        cache_dir=str(folder / "cache"),
        config_file=str(folder / "config.toml"),
        is_config_named=is_named,
    )


def test_each_project_has_a_folder_of_its_own(tmp_path: Path) -> None:
    project = a_project(tmp_path)
    settings = settings_in(tmp_path, "[venv]\nfolder = '/fast'\n")
    assert root_of(project, DEFAULT, settings) == f"/fast{tmp_path.resolve()}/shop/.venv"
    assert root_of(project, "a/b", settings) == f"/fast{tmp_path.resolve()}/shop/a/b"
    settings = settings._replace(venvs="/faster")
    assert root_of(project, DEFAULT, settings) == f"/faster{tmp_path.resolve()}/shop/.venv"
    assert root_of(project, DEFAULT, settings._replace(script_folder="/x")) == (
        f"{project.root}/.venv"
    )


def test_settings_that_came_with_the_clone_say_nothing(tmp_path: Path) -> None:
    """As where HOME is the project's folder."""
    project = a_project(tmp_path)
    inside, text = Path(project.root), f"[venv]\nfolder = '/fast'\nlinks = ['{tmp_path}']\n"
    assert root_of(project, DEFAULT, settings_in(inside, text)) == f"{project.root}/.venv"
    assert root_of(project, DEFAULT, settings_in(inside, text, is_named=True)) != (
        f"{project.root}/.venv"
    )
    links = f"[venv]\nlinks = ['{tmp_path}']\n"
    (tmp_path / "empty").mkdir()
    root = inside / ".venv"
    root.symlink_to(tmp_path / "empty")
    assert lies_at(project, str(root), settings_in(inside, links)) == str(root)
    assert lies_at(project, str(root), settings_in(tmp_path, links)) == str(tmp_path / "empty")

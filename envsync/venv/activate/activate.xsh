# Enter this environment in xonsh: `source @@BIN@@/activate.xsh`; `deactivate` leaves it.


def _envsync_activate(file):
    import os
    import sys
    from xonsh.built_ins import XSH

    # Xonsh says where this file is, also after the environment was moved.
    root = os.path.dirname(os.path.dirname(os.path.abspath(file))) if file else ""
    if not os.path.isfile(os.path.join(root, "pyvenv.cfg")):
        root = @@ROOT@@
    bin_dir = os.path.join(root, "@@BIN@@")
    environ = XSH.env
    missing = object()

    # Another environment, of whatever tool, is left first.
    if "VIRTUAL_ENV" in environ and "deactivate" in XSH.aliases:
        ![deactivate]

    # What xonsh only holds as its own default is handed to no program, and put back so.
    handed = environ.detype()
    names = ("PATH", "PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")
    saved = {name: environ[name] if name in handed else missing for name in names}

    def deactivate(arguments=()):
        for name, value in saved.items():
            if value is not missing:
                environ[name] = value
            elif name in environ:
                del environ[name]
        XSH.aliases.pop("deactivate", None)

    environ["PATH"] = [bin_dir, *environ.get("PATH", ())]
    if os.pathsep in root or environ["PATH"][0] != bin_dir:
        deactivate()
        print(f"activate: xonsh can't hold this folder in PATH: {bin_dir}", file=sys.stderr)
        return
    environ["VIRTUAL_ENV"] = root
    # Xonsh's own prompt shows this name.
    environ["VIRTUAL_ENV_PROMPT"] = @@PROMPT@@
    if "PYTHONHOME" in environ:
        del environ["PYTHONHOME"]
    XSH.aliases["deactivate"] = deactivate


_envsync_activate(globals().get("__file__"))
del _envsync_activate

# Enter this environment in xonsh: `source @@BIN@@/activate.xsh`; `deactivate` leaves it.


def _envsync_activate(file):
    import os
    from xonsh.built_ins import XSH

    # Xonsh says where this file is, also after the environment was moved.
    root = os.path.dirname(os.path.dirname(os.path.abspath(file))) if file else ""
    if not os.path.isfile(os.path.join(root, "pyvenv.cfg")):
        root = @@ROOT@@
    environ = XSH.env
    missing = object()

    # Another environment is left first.
    if "_envsync_leave" in XSH.ctx:
        XSH.ctx["_envsync_leave"]()

    names = ("PATH", "PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")
    saved = {name: environ[name] if name in environ else missing for name in names}
    saved["PATH"] = list(environ.get("PATH", ()))

    def deactivate(arguments=()):
        for name, value in saved.items():
            if value is not missing:
                environ[name] = value
            elif name in environ:
                del environ[name]
        XSH.aliases.pop("deactivate", None)
        XSH.ctx.pop("_envsync_leave", None)

    environ["VIRTUAL_ENV"] = root
    # Xonsh's own prompt shows this name.
    environ["VIRTUAL_ENV_PROMPT"] = @@PROMPT@@
    environ["PATH"] = [os.path.join(root, "@@BIN@@"), *saved["PATH"]]
    if "PYTHONHOME" in environ:
        del environ["PYTHONHOME"]
    XSH.aliases["deactivate"] = deactivate
    XSH.ctx["_envsync_leave"] = deactivate


_envsync_activate(globals().get("__file__"))
del _envsync_activate

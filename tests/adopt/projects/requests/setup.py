#!/usr/bin/env python
import os
import sys
from codecs import open

from setuptools import setup

if sys.version_info < (3, 8):
    sys.exit(1)

requires = [
    "charset_normalizer>=2,<4",
    "idna>=2.5,<4",
    "urllib3>=1.21.1,<3",
    "certifi>=2017.4.17",
]
test_requirements = ["pytest-httpbin==2.1.0", "pytest-mock", "pytest>=3,<9"]

about = {}
here = os.path.abspath(os.path.dirname(__file__))
with open(os.path.join(here, "src", "requests", "__version__.py"), "r", "utf-8") as f:
    exec(f.read(), about)

setup(
    name="requests-like",
    version=about["__version__"],
    python_requires=">=3.8",
    install_requires=requires,
    tests_require=test_requirements,
    extras_require={
        "security": [],
        "socks": ["PySocks>=1.5.6, !=1.5.7"],
        "use_chardet_on_py3": ["chardet>=3.0.2,<6"],
    },
)

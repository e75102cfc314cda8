"""What pyproject.toml cannot say: `assets/` is installed as `interrogator/assets`."""

from setuptools import find_packages, setup

ASSETS = "interrogator.assets"

setup(
    packages=[*find_packages(include=["interrogator*", "matmul_demo*"]), ASSETS],
    package_dir={ASSETS: "assets"},
)

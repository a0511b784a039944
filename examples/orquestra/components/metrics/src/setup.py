import setuptools

setuptools.setup(
    name="metrics",
    version="1.0",
    packages=setuptools.find_namespace_packages(where="python"),
    package_dir={"": "python"},
)

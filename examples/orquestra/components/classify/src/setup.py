import setuptools

setuptools.setup(
    name="classify",
    version="1.0",
    packages=setuptools.find_namespace_packages(where="python"),
    package_dir={"": "python"},
)

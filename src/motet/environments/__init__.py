"""Python environments made of git components and requirements: pinned, cached by content, built once.

`spec` says what one is made of, `build.Environments` makes it, `sources.Sources` fetches the components.
"""

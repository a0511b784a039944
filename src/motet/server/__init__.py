"""The server: the store over HTTP. It reads the store, publishes requests, and starts processes that drive runs.

It reaches no engine, no voice, no user's code and no pickle, by whatever path. All that it answers stands in one table
of routes (`motet.server.table`), from which come permissions, checks of what is asked, and the API's own description.
"""

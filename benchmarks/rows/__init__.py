"""The rows of the budget: each module measures some, with functions that run in fresh processes."""

"""Finding flows again: in a file, in a module, by what a run recorded of them."""

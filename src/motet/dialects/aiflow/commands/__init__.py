"""The commands `aiflow` and `notification`, as their users know them."""

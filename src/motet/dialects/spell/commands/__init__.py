"""The command `spell`, as its users know it."""

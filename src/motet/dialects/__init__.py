"""The voices: each a dialect of its own, none knows another. Found by `motet.app`."""

"""The same workloads in Motet and in other systems, side by side."""

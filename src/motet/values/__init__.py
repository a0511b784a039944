"""Python values to bytes and back: results, errors, fingerprints of arguments."""

"""Where attempts run: in the caller, in threads, in processes of their own."""

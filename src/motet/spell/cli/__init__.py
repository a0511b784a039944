"""Names of the command line that other packages import."""

"""Python flows: functions become flows and tasks, plain calls run and give values, `.submit` gives futures."""

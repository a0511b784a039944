"""The pure heart: events fold into state, state says what is due. No clock, no I/O, no threads.

events       what happened, and its JSON form
transitions  which status follows which: one literal table
state        what is known of a run
fold         history folds into state (`apply`): `moves` of steps, elements of `maps`, `waits` for rules
decide       what is due now: events to record, commands to carry out; `limits` say who may start
inputs       what the world reports, judged: late news is dropped here
rules        the algebra of events, statuses, counts, sequences, silence
policy       retries, waits, timeouts, demands
program      what a voice is to the engine
checkpoint   the facts of a run as JSON
"""

"""The pure heart: events fold into state, state says what is due. No clock, no I/O, no threads.

events       what happened, and its JSON form
transitions  which status follows which: one literal table
state, fold  history folds into state (`apply`); `maps` for the elements of maps
decide       what is due now: events to record, commands to carry out
inputs       what the world reports, judged: late news is dropped here
rules        the algebra of events, statuses, counts, sequences, silence
policy       retries, waits, timeouts, demands
program      what a voice is to the engine
checkpoint   the facts of a run as JSON
"""

"""What a run takes over from others, for all voices: results kept under what was asked for, and steps of the run that
it was forked from. Voices ask for it before anything runs; the engine knows only an outcome that is there already.
"""

"""One run, driven by the engine's own loop, in a simulated world: crashes, pauses, takeovers, lost and repeated
reports, clocks that step.

plan          what is simulated under a seed: program or script, limits, executors, disturbances
drawing       from a seed to its plan
programs      declarative programs: graphs, growing ones, rules
scripts       programs that drive their session themselves, as Python flows do
world         virtual time, the queue of what happens next, disturbances, the trace
link          a process's way to the store, where it may crash, pause, or send twice
pools         executors that lose, delay, repeat and reorder reports
surroundings  what the engine's loop finds around it: virtual timers, a lock that is another thread's now and then
owner         a process that drives the run: the engine's own loop, with what it does looked at
ledger        what was committed, folded by simpler rules that judge it: `verdicts`, `hearing`, `spec`
checks        what must hold when attempts start, outcomes are told, runs end
faults        mistakes planted on purpose, all of which must be caught; `mistakes` are what stands in their places
simulate      one seed from beginning to end; `campaign` many of them
"""

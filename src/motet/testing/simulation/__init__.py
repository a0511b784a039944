"""One run in a simulated world: crashes, pauses, takeovers, lost and repeated reports, clocks that step.

plan       what is simulated under a seed: program or script, limits, executors, disturbances
drawing    from a seed to its plan
programs   declarative programs: graphs, growing ones, rules
scripts    programs that drive their session themselves, as Python flows do
world      virtual time, the queue of what happens next, disturbances, the trace
link       a process's way to the store, where it may crash, pause, or send twice
owner      a process that drives the run, on one thread: the contract of `engine.driver`
attempts   what it does about attempts; `pools` are executors that lose, delay, repeat and reorder reports
ledger     what was committed, folded by a second, simpler set of rules, which judge it: `verdicts`, `hearing`, `spec`
checks     what must hold when attempts start, outcomes are told, runs end
faults     mistakes planted on purpose, all of which must be caught; `mistakes` are what stands in their places
simulate   one seed from beginning to end; `campaign` many of them
"""

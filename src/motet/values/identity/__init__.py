"""What makes two steps, two values, two pieces of code the same: the rule, named once.

bytecode      what a code object does, whatever its layout
code          what a function or class is: its code and all that this reaches, the values that it reads
wrappers      what is code in other clothes: partials, cached functions, properties, tasks
modules       whose code it is: the user's own counts by what it does, packages by version; modules that functions
              import themselves
means         what is no value: loggers, locks, pools, clients
content       what an object is made of
fingerprints  the digest of values, and how one is told in the record of a step
"""

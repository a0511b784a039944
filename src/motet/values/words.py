"""The words that names of runs are made of."""

ADJECTIVES = [
    "able", "agile", "amber", "ample", "ancient", "apt", "ardent", "azure", "blithe", "bold", "brave",
    "bright", "brisk", "calm", "candid", "careful", "cheerful", "civil", "clear", "clever", "coral", "cosmic",
    "crisp", "curious", "daring", "deft", "distant", "eager", "early", "earnest", "easy", "elegant", "fair",
    "faithful", "famous", "fearless", "fine", "firm", "fleet", "fluent", "fond", "frank", "free", "fresh",
    "friendly", "gallant", "gentle", "gilded", "glad", "golden", "good", "graceful", "grand", "grateful",
    "hardy", "hearty", "honest", "humble", "ideal", "indigo", "jolly", "jovial", "just", "keen", "kind",
    "large", "lavish", "lively", "loyal", "lucid", "lucky", "lunar", "mellow", "merry", "mighty", "mild",
    "modest", "neat", "nimble", "noble", "novel", "olive", "open", "patient", "placid", "plucky", "polite",
    "prime", "proud", "prudent", "quick", "quiet", "radiant", "rapid", "ready", "regal", "robust", "rosy",
    "royal", "ruby", "sage", "scarlet", "serene", "sharp", "shiny", "silent", "silver", "simple", "smart",
    "smooth", "snowy", "sober", "solar", "solid", "sonic", "sound", "spry", "stable", "steady", "stellar",
    "stoic", "strong", "sturdy", "subtle", "sunny", "super", "sure", "swift", "tall", "tame", "tender",
    "thorough", "tidy", "tiny", "topaz", "tranquil", "true", "trusty", "upbeat", "urbane", "useful",
    "valiant", "vast", "velvet", "versed", "violet", "vivid", "warm", "wary", "wise", "witty", "young",
    "zealous", "zesty",
]  # fmt: skip
"""What they are like."""

ANIMALS = [
    "addax", "albatross", "alpaca", "anchovy", "antelope", "auk", "avocet", "badger", "barracuda", "bat",
    "bear", "beaver", "bee", "bison", "bittern", "boar", "bobcat", "bonobo", "buffalo", "bulldog",
    "bullfinch", "bumblebee", "bunting", "butterfly", "caribou", "cat", "catfish", "chameleon", "chamois",
    "cheetah", "chickadee", "chinchilla", "cicada", "civet", "clam", "cobra", "cod", "condor", "coot",
    "coral", "cormorant", "cougar", "coyote", "crab", "crane", "cricket", "crow", "cuckoo", "curlew", "deer",
    "dingo", "dolphin", "dormouse", "dove", "dragonfly", "duck", "dunlin", "eagle", "eel", "egret", "eland",
    "elephant", "elk", "emu", "ermine", "falcon", "fennec", "ferret", "finch", "firefly", "flamingo", "fox",
    "frog", "gannet", "gazelle", "gecko", "gerbil", "gibbon", "giraffe", "gnu", "goat", "godwit", "goldfinch",
    "goose", "gorilla", "goshawk", "grebe", "grouse", "guanaco", "gull", "hamster", "hare", "harrier", "hawk",
    "hedgehog", "heron", "herring", "hippo", "hornet", "horse", "hoopoe", "hound", "hyrax", "ibex", "ibis",
    "iguana", "impala", "jackal", "jaguar", "jay", "jerboa", "kestrel", "kingfisher", "kite", "kiwi", "koala",
    "kudu", "lark", "lemming", "lemur", "leopard", "limpet", "linnet", "lion", "lizard", "llama", "lobster",
    "loon", "lynx", "macaw", "magpie", "mallard", "manatee", "mantis", "marlin", "marmot", "marten",
    "meerkat", "mink", "mole", "mongoose", "moose", "moth", "mouse", "mule", "mussel", "narwhal", "newt",
    "nightjar", "ocelot", "octopus", "okapi", "orca", "oriole", "oryx", "osprey", "otter", "owl", "oyster",
    "panda", "panther", "parrot", "partridge", "peacock", "pelican", "penguin", "petrel", "pheasant",
    "pigeon", "pike", "plover", "polecat", "pony", "porpoise", "possum", "puffin", "puma", "python", "quail",
    "quokka", "rabbit", "raccoon", "ram", "raven", "reindeer", "robin", "salmon", "sandpiper", "sardine",
    "seal", "shark", "shrew", "shrike", "skua", "skunk", "sloth", "snail", "snipe", "sparrow", "spider",
    "squid", "squirrel", "stag", "starling", "stoat", "stork", "sturgeon", "swallow", "swan", "swift",
    "tapir", "tern", "thrush", "tiger", "toad", "tortoise", "toucan", "trout", "tuna", "turbot", "turtle",
    "viper", "vole", "vulture", "wagtail", "wallaby", "walrus", "warbler", "weasel", "whale", "whelk", "wolf",
    "wombat", "woodcock", "woodpecker", "wren", "yak", "zebra",
]  # fmt: skip
"""What they are."""

-- Two runs that a store of version 1 held: each failed at its last step. {FOLDER} stands for where flows.py was.
BEGIN TRANSACTION;
CREATE TABLE aliases (
    voice TEXT NOT NULL,
    name  TEXT NOT NULL,
    run   TEXT NOT NULL,
    PRIMARY KEY (voice, name)
) WITHOUT ROWID;
CREATE TABLE checkpoints (
    run   INTEGER PRIMARY KEY,
    seq   INTEGER NOT NULL,
    state TEXT
);
CREATE TABLE documents (
    voice   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    version INTEGER NOT NULL,
    body    TEXT,
    PRIMARY KEY (voice, kind, key)
);
CREATE TABLE listeners (
    name   TEXT PRIMARY KEY,
    offset INTEGER NOT NULL,
    until  REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE records (
    last_offset INTEGER PRIMARY KEY,
    count       INTEGER NOT NULL,
    run         INTEGER NOT NULL,
    last_seq    INTEGER,
    body        TEXT,
    steps       TEXT,
    about       TEXT,
    key         TEXT,
    namespace   TEXT,
    sender      TEXT,
    at          REAL,
    client_key  TEXT
);
INSERT INTO "records" VALUES(1,1,1,1,'[{"event":"run.started","at":1796034140.317877,"epoch":1,"owner":"24575@host"}]',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(6,5,1,6,'[{"event":"step.added","at":1796034140.3246336,"key":"main","task":"main","form":"flow","needs":[],"after":[],"fingerprint":"2b9e18d4850d3c334092a39e67d2b64c"},{"event":"step.started","at":1796034140.3246336,"key":"main"},{"event":"step.added","at":1796034140.3249624,"key":"main/load-0","task":"load","parent":"main","fingerprint":"df912389d2feb8599ff389e75617de62","call":{"code":"390f9fff4c6d370e"}},{"event":"step.started","at":1796034140.3249624,"key":"main/load-0"},{"event":"step.succeeded","at":1796034140.3326702,"key":"main/load-0","attempt":1,"result":{"pickle":"gAWVIwAAAAAAAACMCF9fbWFpbl9flIwFUG9pbnSUk5QpgZR9lIwBeJRLAnNiLg=="}}]','[["main","main","flow","running","","",1,1796034140.3246336,1796034140.3246336,null,false,[],null,0,null,null],["main/load-0","load","call","succeeded","main","",1,1796034140.3249624,1796034140.3249624,1796034140.3326702,false,[],null,0,null,{"pickle":"gAWVIwAAAAAAAACMCF9fbWFpbl9flIwFUG9pbnSUk5QpgZR9lIwBeJRLAnNiLg=="}]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(9,3,1,9,'[{"event":"step.added","at":1796034140.3331044,"key":"main/use-0","task":"use","parent":"main","needs":["main/load-0"],"after":[],"fingerprint":"12acc380dc67131ee89d3ac46d96fb04","call":{"code":"09b0401367240ebe"}},{"event":"step.started","at":1796034140.3331044,"key":"main/use-0"},{"event":"step.succeeded","at":1796034140.3333273,"key":"main/use-0","attempt":1,"result":8}]','[["main/use-0","use","call","succeeded","main","",1,1796034140.3331044,1796034140.3331044,1796034140.3333273,false,["main/load-0"],null,0,null,8]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(12,3,1,12,'[{"event":"step.added","at":1796034140.3360975,"key":"main/scale-0","task":"scale","form":"map","parent":"main","needs":[],"after":[],"each":[],"size":3,"policy":{"demands":{"executor:threads":1.0},"executor":"threads"},"fingerprint":"71a5bee470c53eb987e1c96246575182","call":{"code":"f2eca5055d58c048"}},{"event":"step.started","at":1796034140.3360975,"key":"main/scale-0"},{"event":"elements.succeeded","at":1796034140.3801339,"key":"main/scale-0","indices":[0],"results":[10]}]','[["main/scale-0","scale","map","running","main","",1,1796034140.3360975,1796034140.3360975,null,false,[],3,1,null,null]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(13,1,1,13,'[{"event":"elements.succeeded","at":1796034140.380539,"key":"main/scale-0","indices":[2],"results":[30]}]','[["main/scale-0","scale","map","running","main","",1,1796034140.3360975,1796034140.3360975,null,false,[],3,2,null,null]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(15,2,1,15,'[{"event":"elements.succeeded","at":1796034140.3807445,"key":"main/scale-0","indices":[1],"results":[20]},{"event":"step.succeeded","at":1796034140.3807445,"key":"main/scale-0","attempt":1}]','[["main/scale-0","scale","map","succeeded","main","",1,1796034140.3360975,1796034140.3360975,1796034140.3807445,false,[],3,3,null,null]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(20,5,1,20,'[{"event":"step.added","at":1796034140.3810363,"key":"main/below-0","task":"below","form":"flow","parent":"main","needs":[],"after":[],"fingerprint":"ab00c8cd2583acfb2698477769511f3d"},{"event":"step.started","at":1796034140.3810363,"key":"main/below-0"},{"event":"step.added","at":1796034140.381173,"key":"main/below-0/scale-0","task":"scale","parent":"main/below-0","fingerprint":"fcfaf60e4c72dae326c881a46e01d141","call":{"code":"f2eca5055d58c048"}},{"event":"step.started","at":1796034140.381173,"key":"main/below-0/scale-0"},{"event":"step.succeeded","at":1796034140.381484,"key":"main/below-0/scale-0","attempt":1,"result":40}]','[["main/below-0","below","flow","running","main","",1,1796034140.3810363,1796034140.3810363,null,false,[],null,0,null,null],["main/below-0/scale-0","scale","call","succeeded","main/below-0","",1,1796034140.381173,1796034140.381173,1796034140.381484,false,[],null,0,null,40]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(21,1,1,21,'[{"event":"step.succeeded","at":1796034140.381678,"key":"main/below-0","attempt":1,"result":40}]','[["main/below-0","below","flow","succeeded","main","",1,1796034140.3810363,1796034140.3810363,1796034140.381678,false,[],null,0,null,40]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(24,3,1,24,'[{"event":"step.added","at":1796034140.381949,"key":"main/last-0","task":"last","parent":"main","fingerprint":"b72d84e58d87747df409aef74ff3e9ce","call":{"code":"8fab0b269c0117b5"}},{"event":"step.started","at":1796034140.381949,"key":"main/last-0"},{"event":"step.failed","at":1796034140.3931315,"key":"main/last-0","attempt":1,"error":{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="}}]','[["main/last-0","last","call","failed","main","",1,1796034140.381949,1796034140.381949,1796034140.3931315,false,[],null,0,{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="},null]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(26,2,1,26,'[{"event":"step.failed","at":1796034140.3938005,"key":"main","attempt":1,"error":{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 56, in main\n    return last(used + sum(scaled) + below(4))\n           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="}},{"event":"run.finished","at":1796034140.3938365,"status":"failed","error":{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 56, in main\n    return last(used + sum(scaled) + below(4))\n           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="}}]','[["main","main","flow","failed","","",1,1796034140.3246336,1796034140.3246336,1796034140.3938005,false,[],null,0,{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 56, in main\n    return last(used + sum(scaled) + below(4))\n           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="},null]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(27,1,2,1,'[{"event":"run.started","at":1796034140.817803,"epoch":1,"owner":"24639@host"}]',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(32,5,2,6,'[{"event":"step.added","at":1796034140.8724306,"key":"sweep","task":"sweep","form":"flow","needs":[],"after":[],"fingerprint":"2b9e18d4850d3c334092a39e67d2b64c"},{"event":"step.started","at":1796034140.8724306,"key":"sweep"},{"event":"step.added","at":1796034140.8728652,"key":"sweep/load-0","task":"load","parent":"sweep","fingerprint":"df912389d2feb8599ff389e75617de62","call":{"code":"390f9fff4c6d370e"}},{"event":"step.started","at":1796034140.8728652,"key":"sweep/load-0"},{"event":"step.succeeded","at":1796034140.9418178,"key":"sweep/load-0","attempt":1,"result":{"pickle":"gAWVIwAAAAAAAACMCF9fbWFpbl9flIwFUG9pbnSUk5QpgZR9lIwBeJRLAnNiLg=="}}]','[["sweep","sweep","flow","running","","",1,1796034140.8724306,1796034140.8724306,null,false,[],null,0,null,null],["sweep/load-0","load","call","succeeded","sweep","",1,1796034140.8728652,1796034140.8728652,1796034140.9418178,false,[],null,0,null,{"pickle":"gAWVIwAAAAAAAACMCF9fbWFpbl9flIwFUG9pbnSUk5QpgZR9lIwBeJRLAnNiLg=="}]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(35,3,2,9,'[{"event":"step.added","at":1796034140.9423606,"key":"sweep/use-0","task":"use","parent":"sweep","needs":["sweep/load-0"],"after":[],"fingerprint":"947840c8525e8d19031e2e7c51eef9b5","call":{"code":"09b0401367240ebe"}},{"event":"step.started","at":1796034140.9423606,"key":"sweep/use-0"},{"event":"step.succeeded","at":1796034140.9426367,"key":"sweep/use-0","attempt":1,"result":8}]','[["sweep/use-0","use","call","succeeded","sweep","",1,1796034140.9423606,1796034140.9423606,1796034140.9426367,false,["sweep/load-0"],null,0,null,8]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(38,3,2,12,'[{"event":"step.added","at":1796034140.9433212,"key":"sweep/scale-0","task":"scale","form":"map","parent":"sweep","needs":[],"after":[],"each":[],"size":3,"policy":{"demands":{"executor:threads":1.0},"executor":"threads"},"fingerprint":"71a5bee470c53eb987e1c96246575182","call":{"code":"f2eca5055d58c048"}},{"event":"step.started","at":1796034140.9433212,"key":"sweep/scale-0"},{"event":"elements.succeeded","at":1796034140.9996936,"key":"sweep/scale-0","indices":[0,1],"results":[10,20]}]','[["sweep/scale-0","scale","map","running","sweep","",1,1796034140.9433212,1796034140.9433212,null,false,[],3,2,null,null]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(40,2,2,14,'[{"event":"elements.succeeded","at":1796034141.0002556,"key":"sweep/scale-0","indices":[2],"results":[30]},{"event":"step.succeeded","at":1796034141.0002556,"key":"sweep/scale-0","attempt":1}]','[["sweep/scale-0","scale","map","succeeded","sweep","",1,1796034140.9433212,1796034140.9433212,1796034141.0002556,false,[],3,3,null,null]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(45,5,2,19,'[{"event":"step.added","at":1796034141.000556,"key":"sweep/below-0","task":"below","form":"flow","parent":"sweep","needs":[],"after":[],"fingerprint":"ab00c8cd2583acfb2698477769511f3d"},{"event":"step.started","at":1796034141.000556,"key":"sweep/below-0"},{"event":"step.added","at":1796034141.020027,"key":"sweep/below-0/scale-0","task":"scale","parent":"sweep/below-0","fingerprint":"fcfaf60e4c72dae326c881a46e01d141","call":{"code":"f2eca5055d58c048"}},{"event":"step.started","at":1796034141.020027,"key":"sweep/below-0/scale-0"},{"event":"step.succeeded","at":1796034141.0204341,"key":"sweep/below-0/scale-0","attempt":1,"result":40}]','[["sweep/below-0","below","flow","running","sweep","",1,1796034141.000556,1796034141.000556,null,false,[],null,0,null,null],["sweep/below-0/scale-0","scale","call","succeeded","sweep/below-0","",1,1796034141.020027,1796034141.020027,1796034141.0204341,false,[],null,0,null,40]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(46,1,2,20,'[{"event":"step.succeeded","at":1796034141.0206983,"key":"sweep/below-0","attempt":1,"result":40}]','[["sweep/below-0","below","flow","succeeded","sweep","",1,1796034141.000556,1796034141.000556,1796034141.0206983,false,[],null,0,null,40]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(49,3,2,23,'[{"event":"step.added","at":1796034141.0208778,"key":"sweep/last-0","task":"last","parent":"sweep","fingerprint":"b72d84e58d87747df409aef74ff3e9ce","call":{"code":"8fab0b269c0117b5"}},{"event":"step.started","at":1796034141.0208778,"key":"sweep/last-0"},{"event":"step.failed","at":1796034141.0234654,"key":"sweep/last-0","attempt":1,"error":{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="}}]','[["sweep/last-0","last","call","failed","sweep","",1,1796034141.0208778,1796034141.0208778,1796034141.0234654,false,[],null,0,{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="},null]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(51,2,2,25,'[{"event":"step.failed","at":1796034141.0524065,"key":"sweep","attempt":1,"error":{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 56, in main\n    return last(used + sum(scaled) + below(4))\n           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="}},{"event":"run.finished","at":1796034141.0524437,"status":"failed","error":{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 56, in main\n    return last(used + sum(scaled) + below(4))\n           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="}}]','[["sweep","sweep","flow","failed","","",1,1796034140.8724306,1796034140.8724306,1796034141.0524065,false,[],null,0,{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 56, in main\n    return last(used + sum(scaled) + below(4))\n           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="},null]]',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE runs (
    number       INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    workflow     TEXT NOT NULL,
    program      TEXT,
    params       TEXT,
    parent       TEXT NOT NULL,
    tags         TEXT,
    status       TEXT NOT NULL,
    epoch        INTEGER NOT NULL DEFAULT 0,
    after_offset INTEGER NOT NULL,
    created_at   REAL NOT NULL,
    started_at   REAL,
    ended_at     REAL,
    result       TEXT,
    error        TEXT,
    counts       TEXT,
    owner        TEXT,
    lease_until  REAL,
    folded_seq   INTEGER NOT NULL DEFAULT 0
);
INSERT INTO "runs" VALUES(1,'01m8nzm64wa1hv4afs8p','plain','main','{"voice":"python","module":"__main__","qualname":"main","cwd":"{FOLDER}","file":"{FOLDER}/flows.py","path":"{FOLDER}"}','{"x":1}','','[]','failed',1,0,1.79603414031698417662e+09,1.79603414031787705419e+09,1.79603414039383649822e+09,NULL,'{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 56, in main\n    return last(used + sum(scaled) + below(4))\n           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="}','{"succeeded":5,"failed":2}',NULL,NULL,0);
INSERT INTO "runs" VALUES(2,'01m8nzm6mg98sjmkja8w','other','sweep','{"voice":"python","module":"__main__","qualname":"main","cwd":"{FOLDER}","file":"{FOLDER}/flows.py","path":"{FOLDER}"}','{"x":1}','','[]','failed',1,26,1.79603414081699824331e+09,1.79603414081780290599e+09,1.7960341410524437427e+09,NULL,'{"type":"ValueError","module":"builtins","message":"not yet","traceback":"Traceback (most recent call last):\n  File \"{FOLDER}/flows.py\", line 56, in main\n    return last(used + sum(scaled) + below(4))\n           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"{FOLDER}/flows.py\", line 42, in last\n    raise ValueError(\"not yet\")\nValueError: not yet","pickle":"gAWVKQAAAAAAAACMCGJ1aWx0aW5zlIwKVmFsdWVFcnJvcpSTlIwHbm90IHlldJSFlFKULg=="}','{"succeeded":5,"failed":2}',NULL,NULL,0);
CREATE TABLE sequences (
    voice  TEXT NOT NULL,
    name   TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (voice, name)
) WITHOUT ROWID;
CREATE TABLE steps (
    number     INTEGER PRIMARY KEY,
    run        INTEGER NOT NULL,
    key        TEXT NOT NULL,
    task       TEXT NOT NULL,
    form       TEXT NOT NULL,
    status     TEXT NOT NULL,
    parent     TEXT NOT NULL,
    name       TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    added_at   REAL NOT NULL,
    started_at REAL,
    ended_at   REAL,
    cached     INTEGER NOT NULL,
    needs      TEXT,
    size       INTEGER,
    done       INTEGER NOT NULL,
    error      TEXT,
    result     TEXT
);
CREATE INDEX runs_by_name ON runs (name);
CREATE INDEX runs_by_age ON runs (created_at);
CREATE UNIQUE INDEX records_by_run ON records (run, last_seq);
CREATE INDEX records_by_about ON records (about) WHERE about IS NOT NULL;
CREATE UNIQUE INDEX records_by_client_key ON records (client_key) WHERE client_key IS NOT NULL;
CREATE UNIQUE INDEX steps_by_key ON steps (run, key);
CREATE INDEX aliases_by_run ON aliases (run);
COMMIT;

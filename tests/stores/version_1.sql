-- A store of version 1 as this version wrote it. Never changed: stores like it are on users' disks.
BEGIN TRANSACTION;
CREATE TABLE aliases (
    voice TEXT NOT NULL,
    name  TEXT NOT NULL,
    run   TEXT NOT NULL,
    PRIMARY KEY (voice, name)
) WITHOUT ROWID;
INSERT INTO "aliases" VALUES('spell','1','r1');
CREATE TABLE checkpoints (
    run   INTEGER PRIMARY KEY,
    seq   INTEGER NOT NULL,
    state TEXT
);
INSERT INTO "checkpoints" VALUES(1,4,'{"steps":{"load-0":"succeeded"}}');
CREATE TABLE documents (
    voice   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    version INTEGER NOT NULL,
    body    TEXT,
    PRIMARY KEY (voice, kind, key)
);
INSERT INTO "documents" VALUES('aiflow','namespace','default',1,'{"a":[1,2]}');
CREATE TABLE listeners (
    name   TEXT PRIMARY KEY,
    offset INTEGER NOT NULL,
    until  REAL NOT NULL
) WITHOUT ROWID;
INSERT INTO "listeners" VALUES('page',5,1800000000.0);
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
INSERT INTO "records" VALUES(1,1,1,1,'[{"event":"run.started","at":1700000000.5,"epoch":1}]',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(3,2,1,3,'[{"event":"step.added","at":1700000001.0,"key":"load-0","task":"load"},{"event":"step.started","at":1700000001.0,"key":"load-0"}]','[["load-0","load","call","running","","",1,1700000001.0,1700000001.0,null,false,[],null,0,null,null]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(4,1,1,4,'[{"event":"step.succeeded","at":1700000002.0,"key":"load-0","attempt":1,"result":{"json":"gr\u00fcn"}}]','[["load-0","load","call","succeeded","","",1,1700000001.0,1700000001.0,1700000002.0,false,[],null,0,null,{"json":"gr\u00fcn"}]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(5,1,1,5,'[{"event":"step.added","at":1700000003.0,"key":"fit[0]","task":"fit"}]','[["fit[0]","fit","call","ready","","",0,1700000003.0,null,null,false,["load-0"],null,0,null,null]]',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "records" VALUES(6,1,0,NULL,'{"rows":10}',NULL,NULL,'data_ready','ns','me',1700000004.0,'key-1');
INSERT INTO "records" VALUES(7,1,0,NULL,NULL,NULL,'r1','stop','motet','cli',1700000005.0,NULL);
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
INSERT INTO "runs" VALUES(1,'r1','amber-fox','train','{"voice":"python","target":"flow.py:main"}','{"n":3}','','["nightly"]','running',1,0,1700000000.0,1700000000.5,NULL,NULL,NULL,NULL,'{"host":"host","boot":"boot","pid":42,"started":7}',1700000010.0,4);
INSERT INTO "runs" VALUES(2,'r2','blue-ox','w','{"voice":"program"}',NULL,'','[]','pending',0,7,1700000006.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE sequences (
    voice  TEXT NOT NULL,
    name   TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (voice, name)
) WITHOUT ROWID;
INSERT INTO "sequences" VALUES('spell','runs',1);
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
INSERT INTO "steps" VALUES(1,1,'load-0','load','call','succeeded','','',1,1700000001.0,1700000001.0,1700000002.0,0,NULL,NULL,0,NULL,'{"json":"gr\u00fcn"}');
CREATE INDEX runs_by_name ON runs (name);
CREATE INDEX runs_by_age ON runs (created_at);
CREATE UNIQUE INDEX records_by_run ON records (run, last_seq);
CREATE INDEX records_by_about ON records (about) WHERE about IS NOT NULL;
CREATE UNIQUE INDEX records_by_client_key ON records (client_key) WHERE client_key IS NOT NULL;
CREATE UNIQUE INDEX steps_by_key ON steps (run, key);
CREATE INDEX aliases_by_run ON aliases (run);
COMMIT;

-- What the kernel's facts add up to, for those who look from outside a plan. All times: microseconds UTC.
-- Ids are random: rows of plans and decisions lie in the order they came in, so that those in use lie side by side.
CREATE TABLE plan (
    id TEXT PRIMARY KEY,
    playbook TEXT NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL,           -- proposed approved running completed failed cancelled expired undoing undone
    parent TEXT NOT NULL,           -- "plan/path" of the step it belongs to, or empty
    proposed_at_us INTEGER NOT NULL,
    started_at_us INTEGER,
    ended_at_us INTEGER,            -- NULL again while it is being undone
    expires_at_us INTEGER,
    parked INTEGER NOT NULL,        -- 1: nothing to do until something arrives
    last_position INTEGER NOT NULL, -- of the last fact about its status or that woke it
    keys TEXT NOT NULL,             -- a JSON list: the limits across plans it takes a place of
    priority INTEGER NOT NULL,
    approved_at_us INTEGER,
    paused_at_us INTEGER,           -- NULL while it is not paused
    cost_usd_micros INTEGER NOT NULL,
    ending TEXT NOT NULL,           -- the name of its business ending, or empty
    fork_of TEXT NOT NULL           -- the plan that it runs again, or empty
) STRICT;
-- Plans that may have work; the same words stand in queries.LIVE_PLANS.
CREATE INDEX plan_live ON plan (id) WHERE parked = 0 AND status NOT IN ('proposed', 'completed', 'undone');
-- Plans that wait for a place.
CREATE INDEX plan_approved ON plan (approved_at_us) WHERE status = 'approved';
CREATE INDEX plan_playbook ON plan (playbook, ended_at_us) WHERE parent = '';
CREATE INDEX plan_proposed ON plan (proposed_at_us, id) WHERE parent = '';
-- The few that have not ended, however many have; and those that have, in the order in which they did.
CREATE INDEX plan_open ON plan (proposed_at_us, id, parent, ended_at_us, status, paused_at_us) WHERE ended_at_us IS NULL;
CREATE INDEX plan_ended ON plan (last_position) WHERE parent = '' AND ended_at_us IS NOT NULL;
CREATE INDEX plan_parent ON plan (parent) WHERE parent <> '';
CREATE INDEX plan_fork ON plan (fork_of) WHERE fork_of <> '';

CREATE TABLE decision (
    id TEXT PRIMARY KEY,
    plan TEXT NOT NULL,
    kind TEXT NOT NULL,             -- ask effect batch stuck settle confirm
    asked_at_us INTEGER NOT NULL,
    due_at_us INTEGER,
    rule TEXT NOT NULL,
    why TEXT NOT NULL,
    headline TEXT NOT NULL,
    paths TEXT NOT NULL,            -- a JSON list
    receiver TEXT NOT NULL,         -- who is asked
    status TEXT NOT NULL,           -- open ruled expired voided
    choice TEXT NOT NULL,
    ruled_by TEXT NOT NULL,
    ruled_at_us INTEGER,
    snoozed_until_us INTEGER,       -- it is not shown before
    escalates_at_us INTEGER,        -- from then on it comes before all others
    playbook TEXT NOT NULL,
    step TEXT NOT NULL              -- whose question it is, without item or number
) STRICT;
CREATE INDEX decision_open ON decision (asked_at_us, id) WHERE status = 'open';
CREATE INDEX decision_escalates ON decision (escalates_at_us) WHERE status = 'open' AND escalates_at_us IS NOT NULL;
CREATE INDEX decision_snoozed ON decision (snoozed_until_us) WHERE status = 'open' AND snoozed_until_us IS NOT NULL;
CREATE INDEX decision_asked ON decision (asked_at_us);
CREATE INDEX decision_ruled ON decision (ruled_at_us) WHERE status = 'ruled';
CREATE INDEX decision_alike ON decision (playbook, step, ruled_at_us) WHERE status = 'ruled';
CREATE INDEX decision_stuck ON decision (asked_at_us, id) WHERE status = 'open' AND kind IN ('stuck', 'settle', 'confirm');
CREATE INDEX decision_plan ON decision (plan, status);

-- What a plan sleeps for. `path` is a step's path, a decision's id (due, remind) or empty (expiry).
CREATE TABLE timer (
    due_at_us INTEGER NOT NULL,
    kind TEXT NOT NULL,             -- retry due remind wait expiry settle dispatch confirm retry_online settle_online
    plan TEXT NOT NULL,
    path TEXT NOT NULL,
    generation INTEGER NOT NULL,    -- the failed attempt (retry), the number of the reminder (remind), else 0
    PRIMARY KEY (plan, path, kind, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due_at_us);
-- The few that are asked for by their kind; the same words stand in queries.
CREATE INDEX timer_leaving ON timer (due_at_us, plan, path) WHERE kind = 'dispatch';
CREATE INDEX timer_online ON timer (plan) WHERE kind IN ('retry_online', 'settle_online');

-- Steps that wait for a remedy, and effects nobody knows the outcome of.
CREATE TABLE stuck (
    plan TEXT NOT NULL,
    path TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    error_class TEXT NOT NULL,
    message TEXT NOT NULL,
    remedy TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (plan, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE uncertain (
    plan TEXT NOT NULL,
    path TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    error_class TEXT NOT NULL,
    message TEXT NOT NULL,
    remedy TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (plan, path)
) STRICT, WITHOUT ROWID;

-- What plans wait for from outside. `value` is a keyed digest; both it and `field` are empty where any may be meant.
CREATE TABLE awaited (
    plan TEXT NOT NULL,
    path TEXT NOT NULL,
    event TEXT NOT NULL,            -- "mail.received"
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (plan, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX awaited_event ON awaited (event, field, value);

-- What came from outside, each once; the rows outlive what is archived.
CREATE TABLE occurrence (
    id TEXT PRIMARY KEY,            -- a keyed digest
    event TEXT NOT NULL,
    source TEXT NOT NULL,
    position INTEGER NOT NULL,
    at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX occurrence_event ON occurrence (event, position);

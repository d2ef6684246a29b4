"""What others ask of the projections, for `Ledger.rows`. Each constant says what it gives and what it takes.

Lists go in as one JSON parameter, so that a query has one text whatever their length.
"""

from __future__ import annotations

# --- plans

_PLAN = """
SELECT id, playbook, title, status, parent, proposed_at_us, started_at_us, ended_at_us, expires_at_us, parked,
       last_position, paused_at_us, ending FROM plan """

# Ids of the plans that may have work, oldest first; ended ones too, where effects are still followed. Those that wait
# for a place of a limit have none: they are started by whoever leaves it. ()
LIVE_PLANS = """
SELECT id FROM plan WHERE parked = 0 AND status NOT IN ('proposed', 'completed', 'undone')
AND status <> 'approved' ORDER BY last_position"""
# Ids of the plans that have not ended, or whose effects may not have: all that a copied history can't be sure of. ()
PLANS_IN_DOUBT = """
SELECT id FROM plan WHERE id IN (
    SELECT id FROM plan WHERE ended_at_us IS NULL
    UNION ALL SELECT id FROM plan WHERE parked = 0 AND status NOT IN ('proposed', 'completed', 'undone')
    UNION ALL SELECT plan FROM decision WHERE status = 'open' AND kind = 'settle'
    UNION ALL SELECT plan FROM timer WHERE kind IN ('settle', 'settle_online')
) ORDER BY proposed_at_us, id"""
# What those that have not ended started under: id, version and body of that fact, which stands among the first. ()
STARTED = """
SELECT p.id, e.version, e.body FROM plan p JOIN stream s ON s.name = 'plan:' || p.id
JOIN event e ON e.stream = s.id AND e.sequence < 200 AND e.kind = 'PlanStarted'
WHERE p.ended_at_us IS NULL ORDER BY +p.id"""
# Ids of those whose ids begin so: "plan-" gives the child plans, and theirs. (prefix, prefix)
LIVE_UNDER = """
SELECT id FROM plan WHERE id >= ? AND id < ? || char(0x10ffff) AND parked = 0
AND status NOT IN ('proposed', 'completed', 'undone') AND status <> 'approved'"""
# All plans that belong to no other, the newest first. (limit, offset)
PLANS = _PLAN + "WHERE parent = '' ORDER BY proposed_at_us DESC, id DESC LIMIT ? OFFSET ?"
# Those of them that have not ended, the newest first. The plus has them found among the open ones. (limit, offset)
OPEN_PLANS = _PLAN + "WHERE +parent = '' AND ended_at_us IS NULL ORDER BY proposed_at_us DESC, id DESC LIMIT ? OFFSET ?"
# Plans that are asked for and belong to no other, the newest first: those after a place in that order, begun at a time
# or later, of some statuses and playbooks; an empty list means all. (time, id, from, statuses, playbooks, limit)
FOUND_PLANS = f"""{_PLAN}
WHERE parent = '' AND (proposed_at_us, id) < (?1, ?2) AND proposed_at_us >= ?3
AND (?4 = '[]' OR status IN (SELECT value FROM json_each(?4)))
AND (?5 = '[]' OR playbook IN (SELECT value FROM json_each(?5))) ORDER BY proposed_at_us DESC, id DESC LIMIT ?6"""  # noqa: S608 - a constant
# The same of those that have not ended: they are few, however many there are. (time, id, from, playbooks, limit)
FOUND_OPEN_PLANS = f"""{_PLAN}
WHERE +parent = '' AND ended_at_us IS NULL AND (proposed_at_us, id) < (?1, ?2) AND proposed_at_us >= ?3
AND (?4 = '[]' OR playbook IN (SELECT value FROM json_each(?4))) ORDER BY proposed_at_us DESC, id DESC LIMIT ?5"""  # noqa: S608 - a constant
# Plans whose ids begin so, parts of others left out. (prefix, prefix, limit)
PLANS_LIKE = _PLAN + "WHERE id >= ?1 AND id < ?2 || char(0x10ffff) AND parent = '' ORDER BY id LIMIT ?3"
# Every playbook that a plan was ever of, with the title that the last one had. It jumps from name to name. ()
PLAYBOOKS_RUN = """
WITH RECURSIVE name(playbook) AS (
    SELECT min(playbook) FROM plan WHERE parent = ''
    UNION ALL
    SELECT (SELECT min(p.playbook) FROM plan AS p WHERE p.parent = '' AND p.playbook > name.playbook)
    FROM name WHERE name.playbook IS NOT NULL)
SELECT playbook, (SELECT p.title FROM plan AS p WHERE p.parent = '' AND p.playbook = name.playbook
                  ORDER BY p.ended_at_us DESC LIMIT 1)
FROM name WHERE playbook IS NOT NULL"""
# Ids of those that are under way and wait for nobody's answer, not even a child plan of theirs. ()
UNASKED_PLANS = """
SELECT id FROM plan WHERE +parent = '' AND ended_at_us IS NULL AND paused_at_us IS NULL
AND status NOT IN ('proposed', 'approved')
AND NOT EXISTS (SELECT 1 FROM decision AS d WHERE d.status = 'open' AND d.plan = plan.id)
AND NOT EXISTS (SELECT 1 FROM decision AS d
                WHERE d.status = 'open' AND d.plan >= plan.id || '-' AND d.plan < plan.id || '.')"""
# One plan by its whole id. (id)
PLAN = _PLAN + "WHERE id = ?"
# Plans whose id begins so, at most two: one is meant, two are not clear. Child plans only when one is named: their ids
# have a dash. (prefix, prefix)
PLANS_BY_PREFIX = (
    _PLAN + "WHERE id >= ?1 AND id < ?2 || char(0x10ffff) AND (parent = '' OR instr(?1, '-')) ORDER BY id LIMIT 2"
)

# Approved plans that wait for a place: id, limits as JSON, priority, time of approval. ()
PLANS_WAITING = "SELECT id, keys, priority, approved_at_us FROM plan WHERE status = 'approved' AND keys <> '[]'"
# The last of a limit's streams. (name, name)
LAST_STREAM = """
SELECT name FROM stream WHERE name = ?1 OR (name > ?1 || '#' AND name < ?1 || '$') ORDER BY name DESC LIMIT 1"""
# Ids of the plans of a playbook that have not ended and belong to no other. (playbook)
OPEN_PLANS_OF = "SELECT id FROM plan WHERE playbook = ? AND parent = '' AND ended_at_us IS NULL"
# Ids of those of them that are paused. (playbook)
PAUSED_PLANS_OF = OPEN_PLANS_OF + " AND paused_at_us IS NOT NULL"
# Names of streams, in order. (from, to)
STREAMS_BETWEEN = "SELECT name FROM stream WHERE name >= ? AND name < ? ORDER BY name"
# The position of the fact of a kind before so many others of it, past a position. (kind, position, how many)
BEFORE_LAST_OF_KIND = """
SELECT position FROM event WHERE kind = ? AND position > ? ORDER BY position DESC LIMIT 1 OFFSET ?"""
# Positions of the facts of some kinds past a position, in order. (position, JSON list of kinds)
POSITIONS_OF_KINDS = """
SELECT position FROM event WHERE position > ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY position"""
# How many facts of a kind there are in each of some streams: name, count. (from, to, kind)
COUNTED_IN_STREAMS = """
SELECT s.name, count(*) FROM stream s JOIN event e ON e.stream = s.id
WHERE s.name >= ? AND s.name < ? AND e.kind = ? GROUP BY s.name"""
# How many facts a stream holds. (name)
STREAM_LENGTH = """
SELECT coalesce(max(e.sequence), 0) FROM stream s JOIN event e ON e.stream = s.id WHERE s.name = ?"""
# Ids of the plans that have not ended and have a stream whose name begins so, the newest first. (prefix, limit)
PLANS_WITH_STREAM = """
SELECT p.id FROM plan p JOIN stream s ON s.name = ? || p.id WHERE p.ended_at_us IS NULL AND p.parent = ''
ORDER BY p.proposed_at_us DESC LIMIT ?"""
# How long the last runs of a playbook took and what they cost: microseconds, micro-dollars. (name, limit)
LAST_RUNS = """
SELECT ended_at_us - started_at_us, cost_usd_micros FROM plan
WHERE playbook = ? AND parent = '' AND status = 'completed' AND started_at_us IS NOT NULL
ORDER BY ended_at_us DESC LIMIT ?"""

# Plans of a playbook that have not ended, or ended at a time or later. (playbook, time)
PLANS_SINCE = """
SELECT id FROM plan WHERE playbook = ?1 AND parent = '' AND (ended_at_us IS NULL OR ended_at_us >= ?2)"""

# The plan of a playbook that ended last; one that has not where none did. (playbook)
LAST_ENDED_OF = "SELECT id FROM plan WHERE playbook = ? AND parent = '' ORDER BY ended_at_us DESC LIMIT 1"

# How many plans of a playbook have not ended. (playbook)
OPEN_OF_PLAYBOOK = "SELECT count(*) FROM plan WHERE playbook = ? AND parent = '' AND ended_at_us IS NULL"

# Plans that run a plan again, the first one first. (plan)
FORKS_OF = "SELECT id FROM plan WHERE fork_of = ? AND fork_of <> '' ORDER BY proposed_at_us, id"

# Ids of the child plans of a plan, and theirs, of which something was to be taken back. (plan)
UNDONE_PARTS = """
SELECT DISTINCT substr(s.name, 6) FROM stream s JOIN event e ON e.stream = s.id
WHERE s.name >= 'plan:' || ?1 || '-' AND s.name < 'plan:' || ?1 || '.' AND e.kind = 'UndoStarted'"""

# --- decisions

_DECISION = """
SELECT id, plan, kind, asked_at_us, due_at_us, rule, why, headline, paths, receiver, status, choice, ruled_by,
       ruled_at_us, snoozed_until_us, escalates_at_us FROM decision """

# Questions that wait for an answer, the oldest first. (limit, offset)
OPEN_DECISIONS = _DECISION + "WHERE status = 'open' ORDER BY asked_at_us, id LIMIT ? OFFSET ?"
# How many there are. ()
OPEN_COUNT = "SELECT count(*) FROM decision WHERE status = 'open'"
# Those of them that nobody answered for too long, but for what was put off: they come first. (now, limit)
ESCALATED_DECISIONS = (
    _DECISION
    + """
WHERE status = 'open' AND escalates_at_us <= ?1 AND (snoozed_until_us IS NULL OR snoozed_until_us <= ?1)
ORDER BY escalates_at_us, id LIMIT ?2"""
)
# The others of them that are to be shown now, the oldest first. (now, limit)
SHOWN_DECISIONS = (
    _DECISION
    + """
WHERE status = 'open' AND (escalates_at_us IS NULL OR escalates_at_us > ?1)
AND (snoozed_until_us IS NULL OR snoozed_until_us <= ?1) ORDER BY asked_at_us, id LIMIT ?2"""
)
# What their cards depend on: id, the last record of their plan, since when the plan it is part of is paused, playbook
# and step. (JSON list of ids)
CARDS_AS_OF = """
SELECT d.id, p.last_position, root.paused_at_us, d.playbook, d.step FROM json_each(?) AS given
CROSS JOIN decision AS d ON d.id = given.value JOIN plan AS p ON p.id = d.plan
LEFT JOIN plan AS root ON root.id = substr(d.plan, 1, instr(d.plan || '-', '-') - 1)"""
# How the latest questions of a step were answered, in all plans of its playbook: answer, when, question and its kind,
# the latest first. Of a playbook, a step, so many.
ANSWERS_ALIKE = """
SELECT choice, ruled_at_us, id, kind FROM decision WHERE status = 'ruled' AND playbook = ? AND step = ?
AND kind <> 'stuck' ORDER BY ruled_at_us DESC LIMIT ?"""
# How many were put off, and until when the first of them. (now)
SNOOZED = "SELECT count(*), min(snoozed_until_us) FROM decision WHERE status = 'open' AND snoozed_until_us > ?"
# Those that come back first: id, what it says, its plan's title, until when. (now, limit)
SNOOZED_FIRST = """
SELECT d.id, d.headline, p.title, d.snoozed_until_us FROM decision AS d JOIN plan AS p ON p.id = d.plan
WHERE d.status = 'open' AND d.snoozed_until_us > ? ORDER BY d.snoozed_until_us, d.id LIMIT ?"""
# Those of them whose ids begin so, at most two: one is meant, two are not clear. (prefix, prefix)
OPEN_BY_PREFIX = "SELECT id FROM decision WHERE id >= ? AND id < ? || char(0x10ffff) AND status = 'open' LIMIT 2"
# Those of them that are about something stuck, the oldest first, -1 for all; and how many. (limit), ()
OPEN_STUCK = (
    _DECISION + "WHERE status = 'open' AND kind IN ('stuck', 'settle', 'confirm') ORDER BY asked_at_us, id LIMIT ?"
)
STUCK_COUNT = "SELECT count(*) FROM decision WHERE status = 'open' AND kind IN ('stuck', 'settle', 'confirm')"
# Some of them, the oldest first. (JSON list of ids)
THESE_OPEN = (
    _DECISION + "WHERE status = 'open' AND id IN (SELECT value FROM json_each(?)) ORDER BY asked_at_us, id"  # noqa: S608 - a constant
)
# Of some of them that are stuck what was said of it: id, message. (JSON list of ids)
STUCK_SAYING = """
SELECT d.id, s.message FROM json_each(?) AS given CROSS JOIN decision AS d ON d.id = given.value
JOIN stuck AS s ON s.plan = d.plan AND s.path = d.paths ->> 0 WHERE d.status = 'open' AND d.kind = 'stuck'"""
# Those about actions before they happen that a rule asks, the oldest first. (rule, limit)
OPEN_UNDER_RULE = (
    "SELECT id FROM decision WHERE status = 'open' AND kind = 'effect' AND rule = ? ORDER BY asked_at_us LIMIT ?"
)
# All questions of a plan, in order. (plan)
DECISIONS_OF_PLAN = _DECISION + "WHERE plan = ? ORDER BY asked_at_us, id"
# All questions of a plan and its child plans. (plan)
DECISIONS_OF_FAMILY = _DECISION + "WHERE plan = ?1 OR (plan >= ?1 || '-' AND plan < ?1 || '.') ORDER BY asked_at_us, id"

# --- time

# What is due: due time, kind, plan, path, generation; the earliest first. What would close a question or end a plan
# is left out when it was due before the second time; what would let an action leave, or look one up, before the third.
# (now, held before, early before, limit)
TIMERS_DUE = """
SELECT due_at_us, kind, plan, path, generation FROM timer
WHERE due_at_us <= ?1 AND (kind NOT IN ('due', 'expiry') OR due_at_us >= ?2)
AND (kind NOT IN ('dispatch', 'settle') OR due_at_us >= ?3) ORDER BY due_at_us, kind, plan LIMIT ?4"""
# When something is due after a time; NULL when nothing is. (time)
NEXT_DUE_AFTER = "SELECT min(due_at_us) FROM timer WHERE due_at_us > ?"
# Approved actions that leave at a time: the time, plan, path; the first to leave first. ()
TIMERS_DISPATCH = "SELECT due_at_us, plan, path FROM timer WHERE kind = 'dispatch' ORDER BY due_at_us, plan, path"
# The waits of a plan: due_us, path. (plan)
TIMERS_WAIT = "SELECT due_at_us, path FROM timer WHERE plan = ? AND kind = 'wait'"
# The last fact of some streams together, by their names: kind, time. (from, to)
LAST_OF_STREAMS = """
SELECT e.kind, e.recorded_at_us FROM stream s JOIN event e ON e.stream = s.id WHERE s.name >= ? AND s.name < ?
ORDER BY e.position DESC LIMIT 1"""
# What waits for a network: kind, plan, path, generation. ()
TIMERS_ONLINE = "SELECT kind, plan, path, generation FROM timer WHERE kind IN ('retry_online', 'settle_online')"
# What a plan and its child plans sleep for: due time, kind, path, generation. (plan)
TIMERS_OF_FAMILY = """
SELECT due_at_us, kind, path, generation FROM timer
WHERE plan = ?1 OR (plan >= ?1 || '-' AND plan < ?1 || '.') ORDER BY due_at_us"""

# --- what comes from outside

# Whether something came before: one row or none. (occurrence)
OCCURRENCE = "SELECT position FROM occurrence WHERE id = ?"
# Which steps an event may be meant for: plan and path. (event, JSON list of [field, keyed digest of its value])
AWAITED = """
SELECT plan, path FROM awaited WHERE event = ?1 AND field = '' UNION
SELECT a.plan, a.path FROM json_each(?2) AS given CROSS JOIN awaited AS a
ON a.event = ?1 AND a.field = given.value ->> 0 AND a.value = given.value ->> 1 ORDER BY plan, path"""
# Which kinds of events somebody waits for. ()
AWAITED_EVENTS = "SELECT DISTINCT event FROM awaited"
# What came of a kind past a position, in order: occurrence and position. (event, position)
OCCURRENCES_SINCE = "SELECT id, position FROM occurrence WHERE event = ? AND position > ? ORDER BY position"
# Plans that ended past a position, those of others' steps left out: id, playbook, status, ending. (position)
ENDED_SINCE = """
SELECT id, playbook, status, ending FROM plan
WHERE parent = '' AND ended_at_us IS NOT NULL AND last_position > ? ORDER BY last_position"""

# --- books

_PAYMENT = """
SELECT id, invoice, line_id, amount_minor, currency, kind, booked_on, plan, path, entry, listed_minor
FROM book_payment WHERE removed = 0 """

# Bookings that stand, of some bank lines. (JSON list of line ids)
PAYMENTS_OF_LINES = _PAYMENT + "AND line_id IN (SELECT value FROM json_each(?)) ORDER BY id"  # noqa: S608 - two constants
# Bookings that stand, of some days. (JSON list of days)
PAYMENTS_OF_DAYS = _PAYMENT + "AND booked_on IN (SELECT value FROM json_each(?)) ORDER BY id"  # noqa: S608 - two constants
# Bookings that stand, of some invoices. (JSON list of invoice numbers)
PAYMENTS_OF_INVOICES = _PAYMENT + "AND invoice IN (SELECT value FROM json_each(?)) ORDER BY id"  # noqa: S608 - two constants
# When the last reminder of each of some invoices was sent. (JSON list of invoice numbers)
LAST_REMINDERS = """
SELECT invoice, MAX(at_us) FROM book_reminder WHERE invoice IN (SELECT value FROM json_each(?)) GROUP BY invoice"""
# Bookings by their ids, those that were taken back too; `removed` is the last column. (JSON list of ids)
PAYMENTS_BY_ID = """
SELECT id, invoice, line_id, amount_minor, currency, kind, booked_on, plan, path, entry, listed_minor, removed
FROM book_payment WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"""
_OF_PLAN = "AND (plan = ?1 OR (plan >= ?1 || '-' AND plan < ?1 || '.'))"
# Bookings that stand, of a plan and its child plans, in the order of their days. (plan)
PAYMENTS_OF_PLAN = f"{_PAYMENT} {_OF_PLAN} ORDER BY booked_on, id"
# How many they are. (plan)
COUNT_OF_PLAN = f"SELECT count(*) FROM book_payment WHERE removed = 0 {_OF_PLAN}"  # noqa: S608 - constants

# The last number of a series of documents, None when it has none. (series)
LAST_SERIAL = "SELECT MAX(serial) FROM book_document WHERE series = ?"
# A document whose series is like this, if there is any. (pattern)
SERIES_OF_PREFIX = "SELECT 1 FROM book_document WHERE series GLOB ? LIMIT 1"
# The credit note that takes an invoice back: number, series, serial, day. (number of the invoice)
CREDIT_OF = "SELECT number, series, serial, issued_on FROM book_document WHERE credits = ?"

# --- what was learned

# Records of a kind that stand, as JSON. (kind)
KNOWN_RECORDS = "SELECT record FROM known_record WHERE kind = ? AND removed = 0 ORDER BY id"

# --- versions

# Streams of all artefacts that ever had a version: "version:playbook:offer". ()
VERSION_STREAMS = "SELECT name FROM stream WHERE name >= 'version:' AND name < 'version;' ORDER BY name"
# How the plans that have not ended began, but parts of others: kind, version, body and stream of their first fact. ()
OPEN_PROPOSALS = """
SELECT e.kind, e.version, e.body, s.name FROM plan p JOIN stream s ON s.name = 'plan:' || p.id
JOIN event e ON e.stream = s.id AND e.sequence = 1 WHERE p.ended_at_us IS NULL AND +p.parent = ''"""

# --- attention

# The last day on which the operator was told something unasked: name of its stream. ()
LAST_TOLD = "SELECT name FROM stream WHERE name >= 'attention:' AND name < 'attention;' ORDER BY name DESC LIMIT 1"
_ALIKE = """
SELECT kind, playbook, step, rule, count(*), min(id), min(headline), min(due_at_us) FROM decision WHERE id IN (
"""
_ALIKE_END = ") GROUP BY kind, playbook, step, rule ORDER BY count(*) DESC, playbook, step, kind, rule"
# Questions that came in a time, or are back after they were put off, those left out that a no by silence is near for:
# kind, playbook, step, rule, how many, one of them, its headline, when the first is due. (from, to, soon)
CAME = f"""{_ALIKE}
SELECT id FROM decision WHERE status = 'open' AND asked_at_us > ?1 AND asked_at_us <= ?2
AND kind NOT IN ('stuck', 'settle', 'confirm') AND (snoozed_until_us IS NULL OR snoozed_until_us <= ?2)
AND (due_at_us IS NULL OR due_at_us > ?3)
UNION
SELECT id FROM decision WHERE status = 'open' AND snoozed_until_us > ?1 AND snoozed_until_us <= ?2
{_ALIKE_END}"""  # noqa: S608 - constants
# Those that in a time became such as nobody answered for too long; the same columns. (from, to)
CAME_FIRST = f"""{_ALIKE}
SELECT id FROM decision WHERE status = 'open' AND escalates_at_us > ?1 AND escalates_at_us <= ?2
AND (snoozed_until_us IS NULL OR snoozed_until_us <= ?2)
UNION
SELECT id FROM decision WHERE status = 'open' AND snoozed_until_us > ?1 AND snoozed_until_us <= ?2
AND escalates_at_us <= ?2 {_ALIKE_END}"""  # noqa: S608 - constants
# Those for which silence will mean no within some time, put off or not; the same columns. (from, to, that time)
CAME_CLOSE = f"""{_ALIKE}
SELECT path FROM timer WHERE kind = 'due' AND due_at_us > ?1 + ?3 AND due_at_us <= ?2 + ?3
UNION
SELECT id FROM decision WHERE status = 'open' AND asked_at_us > ?1 AND asked_at_us <= ?2 AND due_at_us <= ?2 + ?3
{_ALIKE_END}"""  # noqa: S608 - constants
# Those of some questions that still wait; the same columns. (JSON list of ids)
STILL_OPEN = f"""{_ALIKE}
SELECT id FROM decision WHERE status = 'open' AND id IN (SELECT value FROM json_each(?1))
{_ALIKE_END}"""  # noqa: S608 - constants
# All that are to be shown now; the same columns. (now)
WAIT_ALIKE = f"""{_ALIKE}
SELECT id FROM decision WHERE status = 'open' AND (snoozed_until_us IS NULL OR snoozed_until_us <= ?1)
{_ALIKE_END}"""  # noqa: S608 - constants
_TROUBLE = """
SELECT d.kind, d.playbook, d.step, coalesce(s.error_class, u.error_class, ''),
       coalesce(s.message, u.message, nullif(d.headline, ''), d.why), coalesce(s.remedy, u.remedy, ''),
       count(*), min(d.id), count(DISTINCT d.plan)
FROM decision AS d LEFT JOIN stuck AS s ON s.plan = d.plan AND s.path = d.paths ->> 0
LEFT JOIN uncertain AS u ON u.plan = d.plan AND u.path = d.paths ->> 0
WHERE d.status = 'open' AND d.kind IN ('stuck', 'settle', 'confirm') """
# What got stuck in a time, by what was said of it: kind, playbook, step, class, message, remedy, how many, one of
# them, in how many plans. (from, to)
STUCK_ALIKE = _TROUBLE + "AND d.asked_at_us > ? AND d.asked_at_us <= ? GROUP BY 1, 2, 3, 4, 5 ORDER BY 7 DESC"

# --- metrics

# The position and time of the first record at or after a position. (position)
RECORDED_FROM = "SELECT position, recorded_at_us FROM event WHERE position >= ? ORDER BY position LIMIT 1"
# Plans that acted or asked since a moment, which lies at a position: id, playbook, week since that moment, how many
# actions happened, whether it asked. The records are read once. (moment, week, position)
ACTED_OR_ASKED = """
SELECT e.plan, p.playbook, (e.recorded_at_us - ?1) / ?2, sum(e.kind = 'EffectDone'), max(e.kind = 'DecisionAsked')
FROM event AS e JOIN plan AS p ON p.id = e.plan
WHERE e.position >= ?3 AND e.recorded_at_us >= ?1 AND e.kind IN ('EffectDone', 'DecisionAsked') GROUP BY 1, 3"""
# Questions of some plans that were asked since a moment: playbook, rule, week, how many, how many of
# them no trouble and answered, and of those how many with a yes. (moment, week, JSON list of plans)
QUESTIONS_ASKED = """
SELECT playbook, rule, (asked_at_us - ?1) / ?2, count(*),
       sum(status = 'ruled' AND kind IN ('ask', 'effect', 'batch')),
       sum(status = 'ruled' AND kind IN ('ask', 'effect', 'batch') AND choice = 'approve')
FROM decision WHERE asked_at_us >= ?1
AND plan IN (SELECT value FROM json_each(?3)) GROUP BY 1, 2, 3"""
# Questions about actions that were asked since a moment and answered with a yes: plan, id. (moment, JSON list of plans)
APPROVED_ACTIONS = """
SELECT plan, id FROM decision WHERE asked_at_us >= ?1 AND status = 'ruled' AND choice = 'approve'
AND kind IN ('effect', 'batch') AND plan IN (SELECT value FROM json_each(?2)) ORDER BY plan"""
# How long the answers took of those questions, the shortest first, microseconds: the one in the middle, and how many
# there are. (moment, JSON list of plans)
ANSWER_TIMES = """
WITH answered AS MATERIALIZED (
    SELECT ruled_at_us - asked_at_us AS took FROM decision WHERE asked_at_us >= ?1 AND status = 'ruled'
    AND plan IN (SELECT value FROM json_each(?2)))
SELECT took, (SELECT count(*) FROM answered) FROM answered
ORDER BY took LIMIT 1 OFFSET (SELECT (count(*) - 1) / 2 FROM answered)"""
# What the operator was told unasked since a day: name of the stream. (name)
TOLD_SINCE = "SELECT name FROM stream WHERE name >= ? AND name < 'attention;' ORDER BY name"

# Answers since a moment, in their order: question, kind, plan, playbook, when it was asked and answered. (moment)
ANSWERED_SINCE = """
SELECT id, kind, plan, playbook, asked_at_us, ruled_at_us FROM decision
WHERE status = 'ruled' AND ruled_at_us >= ? ORDER BY ruled_at_us, id"""
# When the answer before so many others was given, the last ones; the same of plans that ended. (how many)
LAST_ANSWERS = "SELECT ruled_at_us FROM decision WHERE status = 'ruled' ORDER BY ruled_at_us DESC LIMIT 1 OFFSET ?"
LAST_ENDS = """
SELECT ended_at_us FROM plan WHERE parent = '' AND ended_at_us IS NOT NULL
ORDER BY last_position DESC LIMIT 1 OFFSET ?"""
# Plans that ended since a moment, but parts of others, by playbook and week: how many, how many completed, what models
# cost, and the last of them with its end. (moment, week, position of that moment)
ENDED_BY_WEEK = """
SELECT playbook, (ended_at_us - ?1) / ?2, count(*), sum(status = 'completed'), sum(cost_usd_micros),
       id, max(ended_at_us)
FROM plan WHERE parent = '' AND ended_at_us IS NOT NULL AND last_position >= ?3 AND ended_at_us >= ?1 GROUP BY 1, 2"""
# In how many plans of each playbook something was asked since a moment. (moment)
ASKED_IN = "SELECT playbook, count(DISTINCT plan) FROM decision WHERE asked_at_us >= ? GROUP BY 1"
# Questions about actions that were always answered with a yes since a moment, at least so often: playbook, step, rule,
# one's headline, how many, and their ids with plans as JSON. (moment, how often)
ALWAYS_APPROVED = """
SELECT +playbook, step, rule, min(headline), count(*), json_group_array(json_array(id, plan)) FROM decision
WHERE status = 'ruled' AND ruled_at_us >= ?1 AND kind IN ('effect', 'batch')
GROUP BY 1, 2, 3 HAVING count(*) >= ?2 AND sum(choice <> 'approve') = 0 ORDER BY 5 DESC, 1, 2, 3 LIMIT 20"""
# Playbooks of which a plan began since a moment. (moment)
BEGUN_PLAYBOOKS = "SELECT DISTINCT +playbook FROM plan WHERE parent = '' AND proposed_at_us >= ?"
# Rules that asked anything since a moment. (moment)
RULES_ASKED = "SELECT DISTINCT rule FROM decision WHERE asked_at_us >= ?"

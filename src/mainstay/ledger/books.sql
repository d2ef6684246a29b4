-- Mainstay's own books: which bank line paid which invoice. Nothing is deleted; what was taken back says so.
CREATE TABLE book_payment (
    id TEXT PRIMARY KEY,
    invoice TEXT NOT NULL,
    line_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    kind TEXT NOT NULL,       -- payment write_off fee discount
    booked_on TEXT NOT NULL,  -- YYYY-MM-DD
    plan TEXT NOT NULL,
    path TEXT NOT NULL,
    removed INTEGER NOT NULL,
    entry BLOB NOT NULL,      -- what its line looks like in any format: a records.Entry as recorded, '' when not known
    listed_minor INTEGER      -- what the invoice's file said was open then, in the same currency
) STRICT, WITHOUT ROWID;
CREATE INDEX book_payment_day ON book_payment (booked_on);
CREATE UNIQUE INDEX book_payment_once ON book_payment (line_id, invoice, kind) WHERE removed = 0;
CREATE INDEX book_payment_invoice ON book_payment (invoice);
CREATE INDEX book_payment_plan ON book_payment (plan) WHERE removed = 0;
-- Which mail reminded of which invoice. A mail can't be called back, so an undo changes nothing here.
CREATE TABLE book_reminder (
    invoice TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    plan TEXT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (invoice, at_us, plan, path)
) STRICT, WITHOUT ROWID;
-- Invoices and credit notes of the operator's own. Numbers of a series follow each other; nothing is ever removed.
CREATE TABLE book_document (
    series TEXT NOT NULL,     -- prefix and year
    serial INTEGER NOT NULL,
    number TEXT NOT NULL,
    credits TEXT NOT NULL,    -- of a credit note: the number of the invoice it takes back
    issued_on TEXT NOT NULL,  -- YYYY-MM-DD
    plan TEXT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (series, serial)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX book_document_credit ON book_document (credits) WHERE credits <> '';

-- Whether the node takes tasks in its present life: one without the role does not, and one that stops does not any more.
-- `enabled` is what people say of the instance; passes go by both.
ALTER TABLE {schema}.instance ADD COLUMN takes_work boolean NOT NULL DEFAULT true;

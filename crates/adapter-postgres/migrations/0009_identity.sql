-- Which control plane this is: messages name it, so that two that share a broker are told apart. One row, made here and kept.
CREATE TABLE {schema}.control_plane (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id  uuid    NOT NULL DEFAULT pg_catalog.gen_random_uuid()
);
INSERT INTO {schema}.control_plane DEFAULT VALUES;

#![forbid(unsafe_code)]
//! The control plane's store on PostgreSQL.

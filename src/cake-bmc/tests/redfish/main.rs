//! Redfish against a machine made by the schema, hostile servers, OpenStack's emulator and published sample documents.

mod control;
mod corpus;
mod hostile;
mod machine;
mod reading;
mod server;
mod sushy;

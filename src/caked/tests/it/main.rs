//! The whole daemon in process, on a free port, with a Store of its own and a node that is a model.

mod access;
mod alerts;
mod backup;
mod bad_input;
mod bin;
mod certificate;
mod console;
mod contract;
mod convergence;
mod drives;
mod events;
mod fetch;
mod imports;
mod network;
mod screen;
mod search;
mod setup;
mod support;
mod support_bundle;
mod tasks;
mod trust;
mod usage;
mod vms;
mod volumes;
mod watch;

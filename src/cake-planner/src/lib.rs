//! Decisions as pure functions

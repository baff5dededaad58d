//! The hypervisor engine

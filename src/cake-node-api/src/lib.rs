//! The node API: apply, remove, do, observe and streams

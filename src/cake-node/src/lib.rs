//! The root agent of one server and its workers

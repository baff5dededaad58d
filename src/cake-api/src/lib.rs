//! The HTTP contract and its handlers

//! The cake command

fn main() {}

//! The simulator, tried from outside.

mod foreign;
mod hostile;
mod own;
mod program;
mod reader;
mod support;

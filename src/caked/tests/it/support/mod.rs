//! A daemon and a model of a node, and somebody who asks.

mod app;
mod node;
pub mod office;
pub mod receiver;

pub use app::{Answer, App, PASSWORD, Visitor, answers, items, key, trust, vm};
pub use node::install::disk as install_disk;
pub use node::{EXPORT, IMAGE, KERNEL};

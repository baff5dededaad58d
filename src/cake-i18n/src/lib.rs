//! The words that a person can see, in every language. Languages are data: a folder of Fluent files each.
//!
//! Start from [`Catalogue::get`], which gives the [`Words`] of a language:
//!
//! ```
//! use cake_i18n::Catalogue;
//! use cake_types::Language;
//!
//! let words = Catalogue::get(Language::English);
//! assert_eq!(words.text("state-running"), "Running");
//! assert_eq!(words.text_with("count-vms", &[("count", "3")]), "3 VMs");
//! ```
//!
//! ```text
//!  locales/en/*.ftl ──────────┐ embedded        one sorted table of                text(id)       → &'static str
//!  locales/zh-Hant-TW/*.ftl ──┴──────────► (id, pattern) per language, ────► text_with(id, …) → String
//!                                           made at first use
//! ```
//!
//! The files are Fluent (projectfluent.org), of which this crate resolves what they use: messages, terms of more than one
//! line, `{ $variable }`, `{ "text" }` and selectors on numbers and words. Its own resolver borrows every pattern from the
//! program file, so that a language costs a few tens of kilobytes; a test renders every message with `fluent-bundle` too and
//! compares. This crate does not know HTTP, pages, or which language somebody prefers.

mod catalogue;
mod causes;
pub mod format;
pub mod letter;
mod pattern;
mod pseudo;
mod week;
pub mod words;

pub use catalogue::{Catalogue, Words};

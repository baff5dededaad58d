//! Whether a root has what cake needs: `image/contract.toml` says what that is, this crate looks.
//!
//! ```text
//!                          ┌─ root        a tree of Debian packages: programs, units, files, modules, firmware, versions
//!   contract ──► needs ────┤
//!   (image/contract.toml)  └─ buildroot   a defconfig, expanded: does each symbol survive, which package meets which need
//!                 │
//!                 └─► fragment            the kernel options of a Buildroot root, written from the same file
//! ```
//!
//! Start from [`Contract`]. Every check tells of all misses at once.
//!
//! This crate deliberately does not know: cake's other crates, how a root is made, the network.

pub mod buildroot;
pub mod contract;
pub mod fragment;
pub mod kconfig;
pub mod miss;
pub mod root;
mod tree;
pub mod version;

pub use contract::Contract;
pub use miss::Miss;

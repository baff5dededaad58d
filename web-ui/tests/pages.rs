//! Every page, rendered by the real router over a rack in memory.

mod common;

mod suites {
    pub mod access;
    pub mod browser;
    pub mod find;
    pub mod language;
    pub mod live;
    pub mod markup;
    pub mod safety;
    pub mod servers;
    pub mod sites;
    pub mod truth;
    pub mod update;
}

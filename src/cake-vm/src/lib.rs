pub mod argv;
pub mod exec;
pub mod folder;
pub mod machine;
pub mod plan;
pub mod request;

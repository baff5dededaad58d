mod error;
mod pool;
pub mod seed;
pub mod volume;
pub use error::StorageError;
pub use pool::Pool;

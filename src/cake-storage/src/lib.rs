mod error;
pub mod images;
pub mod inspect;
mod pool;
pub mod seed;
pub mod volume;
pub mod worker;
pub use error::StorageError;
pub use pool::Pool;

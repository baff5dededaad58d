//! Words of the kernel, passed on by a thread that waits for them.

use std::io;
use std::sync::Arc;
use tokio::sync::Notify;

/// It does nothing but wait.
const STACK: usize = 64 * 1024;

/// Tells each time that `wait` returns, until it fails.
pub fn listen(name: &str, wait: impl Fn() -> io::Result<()> + Send + 'static) -> io::Result<Arc<Notify>> {
    let changed = Arc::new(Notify::new());
    let tell = changed.clone();
    let listen = move || {
        while let Ok(()) = wait() {
            tell.notify_one();
        }
    };
    std::thread::Builder::new().name(name.into()).stack_size(STACK).spawn(listen)?;
    Ok(changed)
}

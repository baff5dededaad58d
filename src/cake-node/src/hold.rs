//! What files are made under, by threads that can't be stopped from outside: once whoever gives the work up has had the lock, none is
//! made any more, and what there is can be removed.

use crate::converter::{failure, run_blocking};
use cake_types::{Failure, FailureCode};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub struct Hold {
    unwanted: AtomicBool,
    /// Held while writing.
    writing: Mutex<()>,
}

impl Hold {
    /// Runs what makes files, unless they are not wanted any more.
    pub async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let hold = self.clone();
        run_blocking(move || {
            let _writing = hold.still();
            if hold.is_unwanted() {
                return Err(failure(FailureCode::Internal, "it is not wanted any more"));
            }
            work(&hold)
        })
        .await
    }

    /// Gives the work up, if there is some, and removes its files once none of them is written any more.
    pub async fn clear(
        hold: Option<Arc<Self>>,
        remove: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        if let Some(hold) = &hold {
            hold.give_up();
        }
        let removed = tokio::task::spawn_blocking(move || {
            let _still = hold.as_ref().map(|hold| hold.still());
            remove()
        });
        removed.await.unwrap_or_else(|ended| Err(io::Error::other(ended)))
    }

    pub fn is_unwanted(&self) -> bool {
        self.unwanted.load(Ordering::SeqCst)
    }

    /// From now on nothing is begun; what is being written is still written.
    pub fn give_up(&self) {
        self.unwanted.store(true, Ordering::SeqCst);
    }

    /// Nothing is written for as long as this is held.
    fn still(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

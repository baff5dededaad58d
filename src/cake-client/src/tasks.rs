//! Tasks: long work, and waiting for its end.

use crate::core::NO_BODY;
use crate::wire::Task;
use crate::{Client, Error, ItemsSeen, Seen};
use uuid::Uuid;

impl Client {
    pub async fn tasks(&self, limit: Option<usize>) -> Result<ItemsSeen<Task>, Error> {
        self.list("/v1/tasks", limit).await
    }

    pub async fn task(&self, id: Uuid) -> Result<Seen<Task>, Error> {
        self.get(&format!("/v1/tasks/{id}")).await
    }

    pub async fn cancel_task(&self, id: Uuid) -> Result<Seen<Task>, Error> {
        self.post(&format!("/v1/tasks/{id}/cancel"), NO_BODY).await
    }

    /// Waits for the end of a task; `seen` is told each time it has moved.
    ///
    /// The watch is opened before the task is read, so that no change can fall between. When the watch breaks (caked was
    /// restarted), it is opened again and the task is read again.
    pub async fn wait_task(&self, id: Uuid, mut seen: impl FnMut(&Task) + Send) -> Result<Seen<Task>, Error> {
        loop {
            let mut watch = self.watch(None).await?;
            loop {
                let task = self.task(id).await?;
                seen(&task);
                if task.has_ended() {
                    return Ok(task);
                }
                if !watch.next_about(id, task.subject.id).await? {
                    break;
                }
            }
        }
    }
}

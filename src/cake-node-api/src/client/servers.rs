//! What is asked of a node about servers and other devices.

use super::{ClientError, NodeClient};
use crate::ServerLog;
use crate::model::{Answer, Request};
use cake_types::{Device, DeviceId, Epoch, OperationId, Part, Server, ServerId, ServerVerb, Stamp};

impl NodeClient {
    pub async fn apply_server(&self, stamp: Stamp, server: Server) -> Result<(), ClientError> {
        self.accepted(Request::ApplyServer { stamp, server: Box::new(server) }).await
    }

    pub async fn remove_server(&self, id: ServerId, stamp: Stamp) -> Result<(), ClientError> {
        self.accepted(Request::RemoveServer { id, stamp }).await
    }

    pub async fn apply_device(&self, stamp: Stamp, device: Device) -> Result<(), ClientError> {
        self.accepted(Request::ApplyDevice { stamp, device: Box::new(device) }).await
    }

    pub async fn remove_device(&self, id: DeviceId, stamp: Stamp) -> Result<(), ClientError> {
        self.accepted(Request::RemoveDevice { id, stamp }).await
    }

    pub async fn operate_server(
        &self,
        epoch: Epoch,
        operation: OperationId,
        server: ServerId,
        order: ServerVerb,
    ) -> Result<(), ClientError> {
        self.accepted(Request::DoServer { epoch, operation, server, order }).await
    }

    /// Takes as long as the BMC does.
    pub async fn server_log(&self, id: ServerId, after: Option<String>) -> Result<ServerLog, ClientError> {
        match self.call(Request::ServerLog { id, after }).await? {
            (Answer::ServerLog(log), _) => Ok(*log),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// As long as that.
    pub async fn server_parts(&self, id: ServerId) -> Result<Vec<Part>, ClientError> {
        match self.call(Request::ServerParts { id }).await? {
            (Answer::ServerParts(parts), _) => Ok(parts),
            _ => Err(ClientError::Unexpected),
        }
    }
}

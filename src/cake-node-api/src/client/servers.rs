//! What is asked of a node about servers and other devices.

use super::{ClientError, NodeClient};
use crate::model::{Answer, Request};
use crate::{ServerLog, StreamTicket};
use cake_types::{
    Device, DeviceId, Epoch, OperationId, Part, PublicKey, ScanRange, Sealed, SensorHistory, Server, ServerAnswer,
    ServerAsk, ServerEnergy, ServerId, ServerVerb, Span, Stamp,
};

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

    pub async fn scan(&self, operation: OperationId, range: ScanRange) -> Result<(), ClientError> {
        self.accepted(Request::Scan { operation, range }).await
    }

    pub async fn stop_scan(&self, operation: OperationId) -> Result<(), ClientError> {
        self.accepted(Request::StopScan { operation }).await
    }

    /// A strong password for a BMC, sealed to `keys`.
    pub async fn new_password(&self, keys: Vec<PublicKey>) -> Result<Sealed<String>, ClientError> {
        match self.call(Request::NewPassword { keys }).await? {
            (Answer::Sealed(password), _) => Ok(password),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Takes as long as the BMC does.
    pub async fn server_log(&self, id: ServerId, after: Option<String>) -> Result<ServerLog, ClientError> {
        match self.call(Request::ServerLog { id, after }).await? {
            (Answer::ServerLog(log), _) => Ok(*log),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Without `sensor` the curves of all, with few points each; `after` (seconds since 1970): only what is newer, of one.
    pub async fn sensor_history(
        &self,
        id: ServerId,
        sensor: Option<String>,
        span: Span,
        after: Option<i64>,
    ) -> Result<SensorHistory, ClientError> {
        match self.call(Request::SensorHistory { id, sensor, span, after }).await? {
            (Answer::SensorHistory(history), _) => Ok(*history),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// What each server drew in some times (seconds since 1970), as far as it is known.
    pub async fn energy(&self, periods: Vec<(i64, i64)>) -> Result<Vec<ServerEnergy>, ClientError> {
        match self.call(Request::Energy { periods }).await? {
            (Answer::Energy(energy), _) => Ok(energy),
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

    /// As long as the BMC takes.
    pub async fn ask_server(&self, server: ServerId, what: ServerAsk) -> Result<ServerAnswer, ClientError> {
        match self.call(Request::AskServer { server, what }).await? {
            (Answer::Server(answer), _) => Ok(*answer),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// For a server's serial console; [`NodeClient::open`] trades it.
    pub async fn server_ticket(&self, server: ServerId, take: bool) -> Result<StreamTicket, ClientError> {
        match self.call(Request::ServerTicket { server, take }).await? {
            (Answer::Ticket(ticket), _) => Ok(ticket),
            _ => Err(ClientError::Unexpected),
        }
    }
}

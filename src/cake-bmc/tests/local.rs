//! The local device where there is none, and what passes it on.

use async_trait::async_trait;
use cake_bmc::local::Device;
use cake_bmc::local::relay::{Relayed, serve};
use cake_bmc::message::net_fn;
use cake_bmc::{Completion, Request, Response, Transport, TransportError};
use std::path::Path;

#[tokio::test]
async fn a_machine_without_a_bmc_says_so() {
    let missing = Device::open(Path::new("/dev/no-such-ipmi"));
    assert!(matches!(missing.map(drop), Err(TransportError::NoDevice)));
    // Something else under that name answers nothing, and the thread goes on.
    let device = Device::open(Path::new("/dev/null")).expect("opened");
    for _ in 0..2 {
        let answer = device.send(&Request::new(net_fn::APP, 0x01, [])).await;
        assert!(matches!(answer, Err(TransportError::Io(_))), "{answer:?}");
    }
}

/// Gives back what it was asked; what is not for it fails.
struct Echo;

#[async_trait]
impl Transport for Echo {
    async fn send(&self, request: &Request) -> Result<Response, TransportError> {
        match request.command {
            0x01 => Ok(Response { completion: Completion(request.lun), data: request.data.clone() }),
            0x25 => Err(TransportError::Silent),
            _ => Err(TransportError::NoDevice),
        }
    }
}

#[tokio::test]
async fn what_is_passed_on_comes_back() {
    let (ours, theirs) = tokio::io::duplex(64);
    let serving = tokio::spawn(async move { serve(&Echo, ours).await });
    let relayed = Relayed::over(theirs);
    let long: Vec<u8> = (0..=255).collect();
    for data in [&[][..], &[7], &long] {
        let request = Request { net_fn: net_fn::APP, lun: 2, command: 0x01, data: data.to_vec() };
        let answer = relayed.send(&request).await.expect("an answer");
        assert_eq!(answer, Response { completion: Completion(2), data: data.to_vec() });
    }
    // One that is given up leaves nothing half said.
    let given_up = Request { net_fn: net_fn::APP, lun: 1, command: 0x01, data: long };
    tokio::select! {
        biased;
        _ = relayed.send(&given_up) => unreachable!("the other end was not polled yet"),
        () = std::future::ready(()) => {}
    }
    let silent = relayed.send(&Request::new(net_fn::APP, 0x25, [])).await;
    assert!(matches!(silent, Err(TransportError::Silent)), "{silent:?}");
    let failed = relayed.send(&Request::new(net_fn::APP, 0x37, [])).await;
    assert!(matches!(failed, Err(TransportError::Io(_))), "{failed:?}");
    // Set User Password, and a command of somebody's firmware.
    for request in [Request::new(net_fn::APP, 0x47, [2, 2]), Request::new(0x08, 0x01, [])] {
        let refused = relayed.send(&request).await.expect("an answer");
        assert_eq!(refused.completion, Completion::INSUFFICIENT_PRIVILEGE);
    }
    drop(relayed);
    serving.await.expect("no panic").expect("ended with its stream");
}

#[tokio::test]
async fn what_was_not_agreed_ends_it() {
    use tokio::io::AsyncWriteExt;
    for frame in [&[0, 2, 6, 0][..], &[0xff, 0xff], &[0, 0]] {
        let (ours, mut theirs) = tokio::io::duplex(64);
        theirs.write_all(frame).await.expect("written");
        assert!(serve(&Echo, ours).await.is_err(), "{frame:?}");
    }
    let (ours, theirs) = tokio::io::duplex(64);
    drop(ours);
    let gone = Relayed::over(theirs).send(&Request::new(net_fn::APP, 0x01, [])).await;
    assert!(matches!(gone, Err(TransportError::NoDevice)), "{gone:?}");
}

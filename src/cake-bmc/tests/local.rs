//! The local device where there is none.

use cake_bmc::local::Device;
use cake_bmc::message::net_fn;
use cake_bmc::{Request, Transport, TransportError};
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

//! What must hold for all bytes that the other side of the node API can send. Shared by the fuzz targets and by the replay on
//! stable Rust.
#![allow(dead_code, reason = "each target takes the half it needs")]

use cake_node_api::{Decoder, FRAME_MAX, FrameError, wire};
use serde::{Serialize, de::DeserializeOwned};

/// From caked to cake-node, which is root.
pub fn calls(bytes: &[u8]) {
    for call in check::<wire::Call>(bytes) {
        // What was understood says the same again, so nothing is understood in two ways.
        let frame = wire::encode(&call).expect("a call can be sent on");
        let mut decoder = Decoder::default();
        decoder.push(&frame);
        let again = decoder.next_frame::<wire::Call>().expect("our own frame").expect("all of it");
        assert_eq!(wire::encode(&again).expect("it was sent before"), frame);
    }
}

/// From cake-node to caked.
pub fn replies(bytes: &[u8]) {
    check::<wire::Reply>(bytes);
}

/// Frames do not depend on how the bytes fall into pieces, and what is held is bounded.
fn check<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Vec<T> {
    let (whole, end) = decode::<T>(bytes, usize::MAX);
    let size = bytes.last().map_or(1, |byte| usize::from(*byte) + 1);
    let (pieces, other_end) = decode::<T>(bytes, size);
    assert_eq!(whole.len(), pieces.len(), "frames depend on pieces of {size}");
    assert_eq!(end, other_end, "the end depends on pieces of {size}");
    whole
}

/// The frames, and why no more were read.
fn decode<T: DeserializeOwned>(bytes: &[u8], size: usize) -> (Vec<T>, &'static str) {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for piece in bytes.chunks(size.min(bytes.len().max(1))) {
        decoder.push(piece);
        loop {
            match decoder.next_frame::<T>() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(FrameError::TooLong(length)) => {
                    assert!(length > FRAME_MAX);
                    return (frames, "too long");
                }
                Err(FrameError::Malformed(_)) => return (frames, "malformed"),
                Err(other) => panic!("{other:?} without a socket"),
            }
        }
        assert!(decoder.held() < 4 + FRAME_MAX);
    }
    (frames, "all read")
}
